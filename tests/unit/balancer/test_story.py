"""Whatever happened before, the balancer ends where a new one would."""

from __future__ import annotations

from contextlib import suppress
from ipaddress import ip_address

import pytest

from netemu.api.errors import AlreadyExistsError, NotFoundError
from netemu.api.kinds import NAMESPACE, SERVICE
from netemu.balancer.kinds import address_pool
from netemu.balancer.plan import judge
from netemu.balancer.pools import read_pools
from netemu.controllers.reconciler import Reconciler
from netemu.controllers.writes import EmitEvent, Patch
from netemu.informer.cache import key_of
from netemu.testing import builders
from netemu.testing.convergence import Story, check_any_order

ALL = "all"
SHARED = {"loadbalancer.netemu.io/allow-shared-ip": "ours"}
ASKED = "172.30.8.1"
AUTO = "172.30.9.0/29"


class Teller:
    """A story of Services and pools; the pools are beside the world, which follows Kubernetes' kinds only."""

    def __init__(self):
        self.pools = ()

    def set_pools(self, *addresses):
        async def act(world):
            objects = [address_pool("auto", list(addresses))] if addresses else []
            asked = address_pool("asked", [ASKED + "/32"], autoAssign=False)
            self.pools = read_pools([*objects, asked]).pools
            world.todo[0, ALL] = None

        return act

    def plan(self, cache, _key, _now_s):
        labels = {obj["metadata"]["name"]: {} for obj in cache.list(NAMESPACE)}
        writes = []
        for service, ingress, given, problem in judge(cache.list(SERVICE), self.pools, labels):
            patch = {"status": {"loadBalancer": {"ingress": ingress or None}}}
            writes += (
                [] if ingress is None else [Patch(SERVICE, key_of(service), patch, subresource="status")]
            )
            writes.append(EmitEvent(service, "Normal", "Told", given or problem or "released"))
        return writes


def make(name, notes=None, **spec):
    async def act(world):
        obj = builders.service(name, **{"type": "LoadBalancer", **spec})
        obj["metadata"]["annotations"] = notes or {}
        with suppress(AlreadyExistsError):
            await world.create(SERVICE, obj)

    return act


def edit(name, patch):
    async def act(world):
        with suppress(NotFoundError):
            await world.edit(SERVICE, name, patch)

    return act


def delete(name):
    async def act(world):
        with suppress(NotFoundError):
            await world.client.delete(SERVICE, "default", name)

    return act


def restart():
    async def act(world):
        world.restart()

    return act


async def sight(world):
    """Tell who has an address: which one is chance, but no two have the same unless they share."""
    seen, used = {}, []
    for obj in await world.list(SERVICE):
        name, meta = obj["metadata"]["name"], obj["metadata"]
        entries = obj["status"]["loadBalancer"].get("ingress", [])
        seen[name] = [entry["ip"] == ASKED for entry in entries]
        owner = "shared" if meta.get("annotations") else name
        used += [(entry["ip"], owner) for entry in entries]
    owners = {}
    for address, owner in used:
        assert owners.setdefault(address, owner) == owner
        assert ip_address(address) in {ip_address(ASKED), *(ip_address(f"172.30.9.{n}") for n in range(8))}
    return seen


@pytest.mark.parametrize("seed", range(3))
async def test_any_order_of_events_ends_the_same(seed):
    teller = Teller()
    good, none, one = teller.set_pools(AUTO), teller.set_pools(), teller.set_pools("172.30.9.7/32")

    async def wish(world):
        for act in (
            make("plain"),
            edit("plain", {"spec": {"type": "LoadBalancer", "loadBalancerIP": None}}),
            delete("asks"),
            make("asks", loadBalancerIP=ASKED),
            *(delete(name) for name in ("http", "https", "extra")),
            make("http", notes=SHARED, ports=({"port": 80},)),
            make("https", notes=SHARED, ports=({"port": 443},)),
            good,
        ):
            await act(world)

    story = Story(
        begin=good,
        cases={
            "no pools": none,
            "one address": one,
            "pools again": good,
            "a node port": edit("plain", {"spec": {"type": "NodePort"}}),
            "a balancer": edit("plain", {"spec": {"type": "LoadBalancer"}}),
            "asks for what another wants": edit("plain", {"spec": {"loadBalancerIP": ASKED}}),
            "asks for nonsense": edit("plain", {"spec": {"loadBalancerIP": "nowhere"}}),
            "gone": delete("plain"),
            "there": make("plain"),
            "another": make("extra"),
            "other key": edit("http", {"metadata": {"annotations": {"metallb.io/allow-shared-ip": "x"}}}),
            "restart": restart(),
        },
        wish=wish,
        sight=sight,
        reconcilers=[
            Reconciler(name="balancer", plan=teller.plan, triggers={SERVICE: lambda _c, _ch: (ALL,)})
        ],
    )
    await check_any_order(story, seed=seed)
