"""How a node's iptables are written, kept and repaired, with tables in memory."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from ipaddress import ip_address

import pytest

from netemu.api.kinds import ENDPOINT_SLICE, NODE, SERVICE, SERVICE_CIDR
from netemu.informer.cache import Cache
from netemu.informer.watch import Informer
from netemu.proxy.iptables.syncer import IptablesSyncer
from netemu.proxy.loop import Proxy
from netemu.settings import Settings
from netemu.testing.eventually import eventually
from netemu.testing.fake_client import FakeClient
from netemu.testing.fake_iptables import FakeIptables

WEB = "KUBE-SVC-LOLE4ISW44XBNF3G"  # default/web, TCP


class Mute:
    """Tells nobody of health."""

    def __init__(self, *_):
        pass

    def note(self, service, found):
        pass

    async def run(self):
        await asyncio.Event().wait()


class Told:
    """Remembers events."""

    def __init__(self):
        self.messages = []

    def emit(self, _obj, _type, _reason, message):
        self.messages.append(message)


def service(name="web", ip="10.96.0.20", protocol="TCP"):
    return SERVICE, {
        "metadata": {"name": name, "namespace": "default"},
        "spec": {"clusterIP": ip, "ports": [{"port": 80, "protocol": protocol}]},
    }


def endpoints(*addresses, name="web", protocol="TCP", **hints):
    return ENDPOINT_SLICE, {
        "metadata": {
            "name": f"{name}-1",
            "namespace": "default",
            "labels": {"kubernetes.io/service-name": name},
        },
        "addressType": "IPv4",
        "endpoints": [{"addresses": [address], "conditions": {}, **hints} for address in addresses],
        "ports": [{"port": 8080, "protocol": protocol}],
    }


def node(**labels):
    return NODE, {"metadata": {"name": "node-1", "labels": labels}}


@pytest.fixture
def kernel():
    return FakeIptables()


@asynccontextmanager
async def running(client, kernel, *, period_s=30.0, recorder=None, kinds=(), opened=None):
    def open_syncer(given):
        made = IptablesSyncer(given, kernel, first_retry_s=0.001, rest_s=0)
        opened.append(made)
        return made

    opened = [] if opened is None else opened
    cache = Cache()
    informer = Informer(client, cache, [SERVICE, ENDPOINT_SLICE, NODE, *kinds])
    proxy = Proxy(
        cache,
        informer,
        Settings(),
        open_syncer=open_syncer,
        open_health=Mute,
        recorder=recorder,
        period_s=period_s,
    )
    proxy.add_node("node-1", [ip_address("172.30.0.11")], 0)
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(informer.run()), group.create_task(proxy.run())]
        await proxy.wait_synced()
        yield proxy
        for task in tasks:
            task.cancel()


def leads_to(kernel, chain=WEB):
    """Give the endpoints that a Service port's chain leads to."""
    nat = kernel.tables["nat"]
    chains = [rule.rpartition(" ")[2] for rule in nat.get(chain, ()) if "KUBE-SEP-" in rule]
    return {nat[name][-1].rpartition(" ")[2] for name in chains}


async def test_the_first_text_has_everything_and_jumps(kernel):
    async with running(FakeClient(service(), endpoints("10.244.1.2")), kernel):
        pass

    assert len(kernel.restored) == 1
    assert leads_to(kernel) == {"10.244.1.2:8080"}
    assert kernel.tables["nat"]["PREROUTING"] == [
        '-m comment --comment "kubernetes service portals" -j KUBE-SERVICES'
    ]
    assert {"KUBE-PROXY-CANARY", "KUBE-KUBELET-CANARY"} <= kernel.tables["mangle"].keys()
    assert kernel.is_closed


async def test_a_cluster_without_services_has_the_chains_that_all_share(kernel):
    async with running(FakeClient(), kernel):
        pass

    assert "KUBE-SERVICES" in kernel.tables["nat"]


async def test_a_change_writes_only_what_differs(kernel):
    client = FakeClient(service(), endpoints("10.244.1.2"), service("other", "10.96.0.21"))
    async with running(client, kernel) as proxy:
        await client.update(*endpoints("10.244.1.3"))

        async def moved():
            return leads_to(kernel) == {"10.244.1.3:8080"}

        await eventually(moved)
        await proxy.applied()

    assert "KUBE-SERVICES -" not in kernel.restored[-1]
    assert "*filter" not in kernel.restored[-1]


async def test_a_service_that_goes_leaves_no_chain(kernel):
    client = FakeClient(service(), endpoints("10.244.1.2"))
    async with running(client, kernel):
        await client.delete(SERVICE, "default", "web")

        async def gone():
            return not any(name.startswith(("KUBE-SVC", "KUBE-SEP")) for name in kernel.tables["nat"])

        await eventually(gone)


async def test_chains_that_a_daemon_before_left_go_and_its_jumps_stay_alone(kernel):
    async with running(FakeClient(service(), endpoints("10.244.1.2")), kernel):
        pass
    async with running(FakeClient(service("new", "10.96.0.22")), kernel):
        pass

    assert WEB not in kernel.tables["nat"]
    assert len(kernel.tables["nat"]["PREROUTING"]) == 1


async def test_a_refused_text_is_followed_by_a_whole_one(kernel):
    told = Told()
    client = FakeClient(service(), endpoints("10.244.1.2"), node())
    async with running(client, kernel, recorder=told):
        kernel.refuse_next = 2
        await client.update(*endpoints("10.244.1.3"))

        async def moved():
            return leads_to(kernel) == {"10.244.1.3:8080"}

        await eventually(moved)

    assert ":KUBE-POSTROUTING - [0:0]" in kernel.restored[-1]
    assert told.messages == ["iptables could not be changed: told to refuse; trying again"] * 2


async def test_a_flush_is_repaired_and_told(kernel):
    told = Told()
    client = FakeClient(service(), endpoints("10.244.1.2"), node())
    async with running(client, kernel, period_s=0.01, recorder=told):
        kernel.tables["nat"][WEB].clear()

        async def repaired():
            return leads_to(kernel) == {"10.244.1.2:8080"}

        await eventually(repaired)

    assert told.messages == [
        f"iptables were changed by somebody: chain {WEB} of table nat has 0 rules, not 2; writing them again"
    ]


async def test_a_rule_changed_for_another_is_repaired(kernel):
    told = Told()
    client = FakeClient(service(), endpoints("10.244.1.2"), node())
    async with running(client, kernel, period_s=0.01, recorder=told) as proxy:
        await _looked_at(kernel)
        kernel.tables["nat"][WEB][1] = "-j RETURN"

        async def repaired():
            return leads_to(kernel) == {"10.244.1.2:8080"} and told.messages

        await eventually(repaired)
        await proxy.applied()


async def _looked_at(kernel):
    """Wait until the chains were looked at after they were written."""
    before = kernel.saved

    async def again():
        return kernel.saved > before + 1

    await eventually(again)


async def test_a_node_in_another_zone_gets_other_endpoints(kernel):
    hinted = endpoints("10.244.1.2", hints={"forZones": [{"name": "here"}]})
    hinted[1]["endpoints"].append(
        {"addresses": ["10.244.2.2"], "conditions": {}, "hints": {"forZones": [{"name": "there"}]}}
    )
    client = FakeClient(service(), hinted, node(**{"topology.kubernetes.io/zone": "here"}))
    async with running(client, kernel):

        async def is_near(*wanted):
            return leads_to(kernel) == set(wanted)

        await eventually(lambda: is_near("10.244.1.2:8080"))
        await client.update(*node(**{"topology.kubernetes.io/zone": "there"}))
        await eventually(lambda: is_near("10.244.2.2:8080"))


async def test_a_zone_that_changes_while_much_is_planned_takes_no_chain_away(kernel):
    opened = []
    many = (service(f"web-{number}", str(ip_address("10.96.1.0") + number)) for number in range(450))
    some = (endpoints("10.244.1.2", name=f"web-{number}") for number in range(450))
    async with running(FakeClient(*many, *some), kernel, opened=opened):
        for turns in range(1, 8):  # of the loop; some of them lead into the midst of planning
            written = len(kernel.restored)
            opened[0].place(f"zone-{turns}")
            for _ in range(turns):
                await asyncio.sleep(0)
            opened[0].place("other")
            await eventually(lambda seen=written: _is_more(kernel.restored, seen))

    assert not any("-X KUBE-SVC" in text for text in kernel.restored)


async def _is_more(found, than):
    return len(found) > than


async def test_a_range_of_services_that_is_added_changes_no_chain(kernel):
    client = FakeClient(service(), endpoints("10.244.1.2"))
    async with running(client, kernel, kinds=[SERVICE_CIDR]) as proxy:
        await client.create(SERVICE_CIDR, {"metadata": {"name": "more"}, "spec": {"cidrs": ["10.97.0.0/16"]}})
        await client.update(*endpoints("10.244.1.3"))

        async def moved():
            return leads_to(kernel) == {"10.244.1.3:8080"}

        await eventually(moved)
        await proxy.applied()

    assert "10.97" not in "".join(kernel.restored)


async def test_udp_flows_that_went_wrong_are_ended(kernel):
    client = FakeClient(service(protocol="UDP"), endpoints("10.244.1.2", protocol="UDP"))
    async with running(client, kernel):
        await client.delete(SERVICE, "default", "web")

        async def asked():
            return len(kernel.ended_stale) == 2

        await eventually(asked)

    front = (ip_address("10.96.0.20"), 80)
    assert kernel.ended_stale[0] == {front: frozenset({(ip_address("10.244.1.2"), 8080)})}
    assert kernel.ended_stale[1] == {front: frozenset()}


async def test_with_many_endpoints_their_rules_have_no_comments(kernel):
    many = endpoints(*(str(ip_address("10.244.0.1") + number) for number in range(1001)))
    client = FakeClient(service(), many)
    async with running(client, kernel):
        assert not any("->" in rule for rule in kernel.tables["nat"][WEB])
        await client.update(*endpoints("10.244.0.1"))

        async def has_comments():
            return any("->" in rule for rule in kernel.tables["nat"][WEB])

        await eventually(has_comments)
