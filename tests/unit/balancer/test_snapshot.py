"""Which changes concern the balancer, and where Services are served."""

from __future__ import annotations

import pytest

from netemu.api.kinds import ENDPOINT_SLICE, NAMESPACE, NODE, SERVICE
from netemu.balancer.snapshot import Snapshot
from netemu.informer.cache import Cache, Change, Key, key_of
from netemu.testing import builders

WEB = Key("default", "web")


def slice_of(*endpoints, service="web"):
    meta = {"name": "s", "namespace": "default", "labels": {"kubernetes.io/service-name": service}}
    return {"metadata": meta, "endpoints": list(endpoints)}


def endpoint(node=None, **conditions):
    return {"addresses": ["10.244.0.9"], "nodeName": node, "conditions": conditions}


def snapshot_with(*objects):
    cache = Cache()
    for kind, obj in objects:
        cache.apply(kind, obj)
    return Snapshot(cache)


BALANCED, PLAIN = builders.service("web", type="LoadBalancer"), builders.service("web")
HERE = slice_of(endpoint("node-1"))
HEARTBEAT = builders.node("node-1") | {"extra": "beat"}


@pytest.mark.parametrize(
    ("endpoints", "anywhere", "nodes"),
    [
        ((), False, set()),
        ((endpoint("node-1", ready=True),), True, {"node-1"}),
        ((endpoint("node-1"),), True, {"node-1"}),
        ((endpoint("node-1", ready=False),), False, set()),
        ((endpoint("node-1", ready=False, serving=True, terminating=True),), True, {"node-1"}),
        ((endpoint(ready=True),), True, set()),
    ],
    ids=["none", "ready", "unknown", "not-ready", "ending", "of-no-node"],
)
def test_a_service_is_served_where_its_endpoints_serve(endpoints, anywhere, nodes):
    found = snapshot_with((ENDPOINT_SLICE, slice_of(*endpoints))).serving(WEB)

    assert (found.anywhere, set(found.nodes)) == (anywhere, nodes)


@pytest.mark.parametrize(
    ("kind", "old", "new", "expected"),
    [
        (SERVICE, None, BALANCED, True),
        (SERVICE, BALANCED, PLAIN, True),
        (SERVICE, None, PLAIN, False),
        (ENDPOINT_SLICE, None, HERE, True),
        (ENDPOINT_SLICE, HERE, slice_of(endpoint("node-1"), endpoint("node-1")), False),
        (ENDPOINT_SLICE, HERE, slice_of(endpoint("node-2")), False),
        (ENDPOINT_SLICE, HERE, slice_of(endpoint("node-1", ready=False)), True),
        (ENDPOINT_SLICE, HERE, None, True),
        (ENDPOINT_SLICE, HERE, slice_of(endpoint("node-1"), service="other"), True),
        (ENDPOINT_SLICE, None, slice_of(endpoint("node-1"), service="local"), True),
        (
            ENDPOINT_SLICE,
            slice_of(endpoint("node-1"), service="local"),
            slice_of(endpoint("node-2"), service="local"),
            True,
        ),
        (ENDPOINT_SLICE, None, slice_of(endpoint("node-1"), service="other"), False),
        (NODE, builders.node("node-1"), HEARTBEAT, False),
        (NODE, builders.node("node-1"), builders.node("node-1", ready=False), True),
        (NODE, None, HEARTBEAT, True),
        (NAMESPACE, builders.namespace("a"), builders.namespace("a"), False),
        (NAMESPACE, builders.namespace("a"), None, True),
    ],
    ids=[
        *("service", "service-of-another-type", "plain-service", "slice", "same-node", "other-node"),
        *("not-served-any-more", "slice-gone", "slice-given-away", "local-slice", "local-on-other-node"),
        *("slice-of-another", "heartbeat", "node-not-ready", "new-node"),
        *("same-namespace", "namespace-gone"),
    ],
)
def test_only_what_may_change_the_plan_concerns_it(kind, old, new, expected):
    local = builders.service("local", type="LoadBalancer", externalTrafficPolicy="Local")
    snapshot = snapshot_with((SERVICE, BALANCED), (SERVICE, local), (SERVICE, builders.service("other")))

    assert snapshot.concerns(Change(kind, key_of(new or old), old, new)) is expected
