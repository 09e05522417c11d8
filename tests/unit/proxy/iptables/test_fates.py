"""The table of cases, walked through kube-proxy's chains."""

from __future__ import annotations

import asyncio
from functools import cache
from ipaddress import ip_network

import pytest

from netemu.informer.cache import Cache
from netemu.nft.expressions import Family
from netemu.proxy.groups import NodeView
from netemu.proxy.index import Index
from netemu.proxy.iptables.pieces import Pieces
from netemu.proxy.plan import plan_all
from netemu.testing.fates.chains import is_for_chains
from netemu.testing.fates.journey import walk_case
from netemu.testing.fates.manifest import PLACES, Manifest
from netemu.testing.fates.oracle import ZONE_OF, fate
from netemu.testing.fates.table import cases
from netemu.testing.iptables_walk import walk_chains
from netemu.testing.service_world import SETTINGS

TABLE = [case for case in cases() if is_for_chains(case)]
MANIFEST = Manifest.of(TABLE)


@cache
def index_and_plans(version):
    objects = Cache()
    for kind, obj in MANIFEST.objects():
        objects.apply(kind, obj)
    index = Index(objects, Family.IP if version == 4 else Family.IP6)
    return index, plan_all(index)


@cache
def rules(service, version, masquerade_all):
    """Write the chains of one Service on each node: of all others no case knows."""
    name = f"s{MANIFEST.numbers[service]}"
    index, plans = index_and_plans(version)
    its = {key: plan for key, plan in plans.items() if key.service.name == name}
    return {(node, version): ruleset(index, its, node, version, masquerade_all) for node in ZONE_OF}


def ruleset(index, plans, node, version, masquerade_all):
    ranges = zip(SETTINGS.pod_cidr, SETTINGS.service_cidr, strict=True)
    (pods, services), *_ = (pair for pair in ranges if ip_network(pair[0]).version == version)
    view = NodeView(
        node,
        (PLACES[version][node],),
        ip_network(pods),
        ip_network(services),
        zone=ZONE_OF[node],
        masquerade_all=masquerade_all,
    )
    pieces = Pieces(view, index)
    asyncio.run(pieces.refresh(plans))
    return pieces.ruleset()


@pytest.mark.parametrize("case", TABLE, ids=lambda case: case.id)
def test_every_case_ends_as_kubernetes_documents(case):
    chains = rules(case.service, case.version, case.masquerade_all)

    assert walk_case(chains, MANIFEST, case, walk_chains) == fate(case).single


def test_most_of_the_table_is_for_chains():
    assert len(TABLE) > len(cases()) * 0.9
