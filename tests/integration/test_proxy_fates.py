"""The table of cases as real packets: what becomes of each is what Kubernetes documents."""

from __future__ import annotations

import asyncio

import msgspec
import pytest

from netemu.proxy.iptables.syncer import open_syncer
from netemu.testing.fates.case import LOST, Client, Target
from netemu.testing.fates.chains import is_for_chains
from netemu.testing.fates.oracle import fate
from netemu.testing.fates.stage import observe, stage
from netemu.testing.fates.table import CORE, cases
from netemu.testing.service_world import SETTINGS, proxied

TABLE = cases()
PLAIN = [
    case
    for case in TABLE
    if (case.client, case.target, case.service.state) == (Client.POD, Target.CLUSTER_IP, CORE)
    and not case.masquerade_all
]


@pytest.fixture(scope="module")
def world():
    with stage(TABLE) as places:
        yield places


def map_mode(places, client, masquerade_all):
    settings = msgspec.structs.replace(SETTINGS, masquerade_all=masquerade_all)
    return proxied(places, client, settings=settings)


@pytest.fixture(scope="module")
def seen(world):
    return asyncio.run(observe(world, TABLE, map_mode))


def wrong(found):
    """Give what became of cases that should have ended in another way, by their words."""
    return {case.id: fates for case, fates in found.items() if not fate(case).agrees(fates)}


@pytest.mark.parametrize(
    ("client", "target"),
    [
        pytest.param(client, target, id=f"{client.words}.{target.value}")
        for client, target in dict.fromkeys((case.client, case.target) for case in TABLE)
    ],
)
def test_every_case_ends_as_kubernetes_documents(client, target, seen):
    assert wrong({case: seen[case] for case in TABLE if (case.client, case.target) == (client, target)}) == {}


def chain_mode(places, client, masquerade_all):
    settings = msgspec.structs.replace(SETTINGS, masquerade_all=masquerade_all)
    return proxied(places, client, settings=settings, open_syncer=open_syncer)


def test_cases_end_so_in_iptables_mode_too():
    some = [case for case in TABLE if is_for_chains(case)]
    with stage(TABLE) as places:
        found = asyncio.run(observe(places, some, chain_mode))

    assert wrong(found) == {}


def test_what_should_be_lost_and_arrives_is_seen(world):
    others = [case for case in TABLE if case.client is Client.POD and not case.masquerade_all]
    some = [*PLAIN, *(case for case in others if case.target is Target.POD)]
    arrived = asyncio.run(observe(world, some, map_mode, lambda case: LOST if case in PLAIN else fate(case)))

    assert {(case.protocol, case.version) for case in PLAIN} == {(p, v) for p in (6, 17, 132) for v in (4, 6)}
    assert all(arrived[case] <= fate(case).single for case in PLAIN)
