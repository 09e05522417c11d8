"""The table of cases, walked: the rules of each node against what Kubernetes documents."""

from __future__ import annotations

from functools import cache
from ipaddress import ip_network

import pytest

from netemu.informer.cache import Cache
from netemu.nft.expressions import Family
from netemu.nft.ruleset import Ruleset, apply
from netemu.proxy.groups import NodeView
from netemu.proxy.index import Index
from netemu.proxy.plan import plan_all
from netemu.proxy.rules import NodeRules
from netemu.testing.fates.journey import walk_case
from netemu.testing.fates.manifest import LATER_CLUSTER_IPS, PLACES, Manifest
from netemu.testing.fates.oracle import ZONE_OF, fate
from netemu.testing.fates.table import WAYS, cases
from netemu.testing.service_world import SETTINGS

TABLE = cases()
MANIFEST = Manifest.of(TABLE)


@cache
def rules(masquerade_all):
    objects = Cache()
    for kind, obj in MANIFEST.objects():
        objects.apply(kind, obj)
    return {
        (node, version): ruleset(objects, node, version, masquerade_all)
        for node in ZONE_OF
        for version in (4, 6)
    }


def ruleset(objects, node, version, masquerade_all):
    plans = plan_all(Index(objects, Family.IP if version == 4 else Family.IP6))
    ranges = zip(SETTINGS.pod_cidr, SETTINGS.service_cidr, strict=True)
    (pods, services), *_ = (pair for pair in ranges if ip_network(pair[0]).version == version)
    view = NodeView(
        node,
        (PLACES[version][node],),
        ip_network(pods),
        ip_network(services),
        zone=ZONE_OF[node],
        masquerade_all=masquerade_all,
        more_services=(LATER_CLUSTER_IPS[version],),
    )
    made = Ruleset()
    for transaction in NodeRules(view).load(plans):
        made = apply(made, transaction)
    return made


@pytest.mark.parametrize("case", TABLE, ids=lambda case: case.id)
def test_every_case_ends_as_kubernetes_documents(case):
    assert walk_case(rules(case.masquerade_all), MANIFEST, case) == fate(case).single


def test_the_table_has_every_case_once():
    assert len({case.id for case in TABLE}) == len(TABLE) > 800


def test_every_way_leads_to_every_kind_of_end():
    ends = {(case.protocol, case.version, bool(fate(case).arrivals), fate(case).refused) for case in TABLE}

    assert len(ends) == len(WAYS) * 3
