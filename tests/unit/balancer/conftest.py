"""Services and pools, in as few words as a test can say them."""

from __future__ import annotations

import pytest

from netemu.balancer.kinds import address_pool
from netemu.balancer.pools import read_pools
from netemu.testing import builders


@pytest.fixture
def balanced():
    """Make a Service of type LoadBalancer as an API would hold it."""

    def make(name="web", *addresses, notes=None, created="2026-01-01T00:00:00Z", namespace="default", **spec):
        obj = builders.service(name, namespace=namespace, type="LoadBalancer", **spec)
        meta = {**obj["metadata"], "annotations": notes or {}, "creationTimestamp": created, "uid": name}
        ingress = [{"ip": address, "ipMode": "VIP"} for address in addresses]
        return {**obj, "metadata": meta, "status": {"loadBalancer": {"ingress": ingress} if ingress else {}}}

    return make


@pytest.fixture
def pools():
    """Read pools of the given addresses: by name, a list of texts, or a whole spec."""

    def make(**specs):
        objects = [
            address_pool(name, **spec) if isinstance(spec, dict) else address_pool(name, spec)
            for name, spec in specs.items()
        ]
        return read_pools(objects).pools

    return make
