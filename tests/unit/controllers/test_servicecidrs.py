"""Ranges of ClusterIPs that come and go."""

from __future__ import annotations

import pytest

from netemu.api.errors import InvalidError
from netemu.api.kinds import SERVICE, SERVICE_CIDR
from netemu.testing import builders
from netemu.testing.convergence import Story, check_any_order


def cidr(name, *cidrs):
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "ServiceCIDR",
        "metadata": {"name": name},
        "spec": {"cidrs": list(cidrs)},
    }


async def add(world, name, *cidrs):
    await world.create(SERVICE_CIDR, cidr(name, *cidrs))
    await world.settle()


async def delete(world, name):
    await world.client.delete(SERVICE_CIDR, "", name)
    await world.settle()


async def ready(world, name):
    obj = await world.get(SERVICE_CIDR, name, "")
    (condition,) = obj["status"]["conditions"]
    return condition["status"], condition["reason"]


async def test_a_new_range_is_ready_and_addresses_come_from_it(world):
    await add(world, "more", "10.200.0.0/24")
    made = await world.create(SERVICE, builders.service(clusterIP="10.200.0.77"))

    assert await ready(world, "more") == ("True", "")
    assert made["spec"]["clusterIPs"] == ["10.200.0.77"]


async def test_a_range_goes_at_once_when_nobody_needs_it(world):
    await add(world, "more", "10.200.0.0/24")
    await delete(world, "more")

    assert await world.names(SERVICE_CIDR, "") == []
    with pytest.raises(InvalidError, match="does not match the current range"):
        await world.create(SERVICE, builders.service(clusterIP="10.200.0.77"))


async def test_a_range_stays_while_a_service_has_an_address_of_it(world):
    await add(world, "more", "10.200.0.0/24")
    await world.create(SERVICE, builders.service(clusterIP="10.200.0.77"))
    await delete(world, "more")
    assert await ready(world, "more") == ("False", "Terminating")

    await world.client.delete(SERVICE, "default", "web")
    await world.settle()
    assert await world.names(SERVICE_CIDR, "") == []


async def test_another_range_that_has_all_addresses_sets_it_free(world):
    await add(world, "more", "10.200.0.0/24")
    await world.create(SERVICE, builders.service(clusterIP="10.200.0.77"))
    await delete(world, "more")
    await add(world, "wider", "10.200.0.0/16")

    assert await world.names(SERVICE_CIDR, "") == ["wider"]


async def test_a_range_that_is_going_gives_out_nothing(world):
    await add(world, "more", "10.200.0.0/24")
    await world.create(SERVICE, builders.service(clusterIP="10.200.0.77"))
    await delete(world, "more")

    with pytest.raises(InvalidError, match="does not match the current range"):
        await world.create(SERVICE, builders.service("other", clusterIP="10.200.0.78"))
    await world.edit(SERVICE, "web", {"metadata": {"labels": {"still": "editable"}}})


async def test_any_order_of_events_ends_with_the_same_ranges():
    async def begin(world):
        await add(world, "a", "10.200.0.0/24")
        await add(world, "b", "10.201.0.0/24")
        await world.create(SERVICE, builders.service(clusterIP="10.200.0.7"))

    async def replace(world, name, network):
        if name in await world.names(SERVICE_CIDR, ""):
            await world.client.delete(SERVICE_CIDR, "", name)
        else:
            await world.create(SERVICE_CIDR, cidr(name, network))

    async def wish(world):
        present = await world.names(SERVICE_CIDR, "")
        for name in ("a", "b"):
            for _ in {name} & set(present):
                await world.client.delete(SERVICE_CIDR, "", name)
        await world.settle()

    async def sight(world):
        return [
            (name, await ready(world, name)) for name in await world.names(SERVICE_CIDR, "") if name == "a"
        ]

    story = Story(
        begin=begin,
        cases={
            "a comes or goes": lambda world: replace(world, "a", "10.200.0.0/24"),
            "b comes or goes": lambda world: replace(world, "b", "10.201.0.0/24"),
        },
        wish=wish,
        sight=sight,
    )
    await check_any_order(story)
