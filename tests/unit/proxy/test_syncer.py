"""How a node's syncer loads, coalesces and repairs, with a kernel that is a ruleset in memory."""

from __future__ import annotations

import asyncio
import gc
from contextlib import asynccontextmanager
from ipaddress import IPv4Address, IPv4Network, IPv6Address, ip_address

import pytest

from netemu.api.kinds import ENDPOINT_SLICE, NODE, SERVICE, SERVICE_CIDR
from netemu.clock import format_rfc3339, system_clock
from netemu.informer.cache import Cache
from netemu.informer.watch import Informer
from netemu.nft.expressions import L4, Family
from netemu.nft.objects import TableId
from netemu.nft.ruleset import Ruleset
from netemu.nft.walk import Delivered, Dropped, Packet, walk
from netemu.proxy.figures import News
from netemu.proxy.groups import NodeView
from netemu.proxy.loop import TRIGGER_TIME, Proxy
from netemu.proxy.syncer import ProxySyncer
from netemu.settings import Settings
from netemu.testing.eventually import eventually
from netemu.testing.fake_client import FakeClient
from netemu.testing.fake_nft import FakeNft

POD, POD6 = IPv4Address("10.244.1.9"), IPv6Address("fd00:244::9")
DEFAULTS = Settings()
DUAL = Settings(
    host_cidr=("172.30.0.0/16", "fd00:172::/64"),
    pod_cidr=("10.244.0.0/16", "fd00:244::/56"),
    service_cidr=("10.96.0.0/16", "fd00:96::/112"),
)


def service(name, ip, protocol="TCP", **spec):
    return SERVICE, {
        "metadata": {"name": name, "namespace": "default"},
        "spec": {"clusterIP": ip, "ports": [{"port": 80, "protocol": protocol}], **spec},
    }


class Mute:
    """Tells nobody of health."""

    def __init__(self, *_):
        self.said = {}

    def note(self, service, found):
        self.said[service] = found

    async def run(self):
        await asyncio.Event().wait()


class Told:
    """Records events in a list."""

    def __init__(self, told):
        self.told = told

    def emit(self, regarding, type, reason, message):
        self.told.append((regarding["metadata"]["name"], type, reason, message))


@asynccontextmanager
async def running(
    client, *kernels, recorder=None, settings=DEFAULTS, by_family=False, open_health=Mute, clock=system_clock
):
    cache = Cache()
    informer = Informer(client, cache, [SERVICE, ENDPOINT_SLICE, NODE, SERVICE_CIDR])
    proxy = Proxy(
        cache,
        informer,
        settings,
        open_kernel=lambda number, family: kernels[number][family] if by_family else kernels[number],
        open_health=open_health,
        clock=clock,
        recorder=recorder,
        period_s=0.01,
    )
    for number, _ in enumerate(kernels):
        proxy.add_node(f"node-{number}", [IPv4Address(f"172.30.0.{10 + number}")], number)
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(informer.run()), group.create_task(proxy.run())]
        try:
            await proxy.wait_synced()
            yield proxy
        finally:
            for task in tasks:
                task.cancel()


@pytest.fixture
def kernel():
    return FakeNft()


async def test_everything_that_is_there_is_loaded_in_one_transaction(kernel):
    client = FakeClient(*(service(f"s{n}", f"10.96.1.{n}") for n in range(50)))

    async with running(client, kernel):
        assert [bool(t.elements) for t in kernel.transactions] == [False, True]
        assert kernel.is_refused("10.96.1.49")


async def test_many_services_come_in_portions_and_garbage_is_looked_for_again_but_not_among_them(kernel):
    many = [service(f"s{n}", f"10.96.{n // 250}.{n % 250 + 1}") for n in range(4000)]
    async with running(FakeClient(*many), kernel):
        assert gc.get_freeze_count()
        assert gc.isenabled()
        assert kernel.is_refused("10.96.15.250")
        assert sum(bool(transaction.elements) for transaction in kernel.transactions) > 1
    gc.unfreeze()


async def test_a_change_reaches_every_node(kernel):
    client = FakeClient()
    other = FakeNft()

    async with running(client, kernel, other):
        await client.create(*service("web", "10.96.0.20"))

        async def is_everywhere():
            return kernel.is_refused("10.96.0.20") and other.is_refused("10.96.0.20")

        await eventually(is_everywhere)


async def test_what_is_known_is_applied_when_every_kernel_holds_it(kernel):
    client = FakeClient()
    other = FakeNft()

    async with running(client, kernel, other) as proxy:
        await proxy.applied()
        await client.create(*service("web", "10.96.0.20"))
        await eventually(lambda: asyncio.sleep(0, proxy._cache.keys(SERVICE)))
        other.refuse_next = 2
        await proxy.applied()

        assert kernel.is_refused("10.96.0.20")
        assert other.is_refused("10.96.0.20")


async def test_a_node_that_is_added_later_is_loaded_too(kernel):
    later = FakeNft()
    kernels = [kernel, later]
    client = FakeClient(service("web", "10.96.0.20"))

    async with running(client, kernel) as proxy:
        proxy._open_kernel = lambda number, _family: kernels[number]
        proxy.add_node("node-later", [], 1)
        await proxy.wait_synced()

        assert later.is_refused("10.96.0.20")


async def test_a_refused_transaction_is_followed_by_a_full_load(kernel):
    client = FakeClient(service("web", "10.96.0.20"))

    async with running(client, kernel):
        kernel.refuse_next = 1
        await client.create(*service("next", "10.96.0.21"))

        async def is_there():
            return kernel.is_refused("10.96.0.21")

        await eventually(is_there)

    assert len(kernel.transactions) == 5  # load (2), refused, load (2)
    assert kernel.is_refused("10.96.0.20")


async def test_what_the_kernel_refuses_is_told_with_its_reason_and_tried_until_it_works(kernel):
    client = FakeClient(service("web", "10.96.0.20"), (NODE, {"metadata": {"name": "node-0"}}))
    told = []

    async with running(client, kernel, recorder=Told(told)):
        kernel.refuse_next = 3
        await client.create(*service("next", "10.96.0.21"))

        async def is_there():
            return kernel.is_refused("10.96.0.21")

        await eventually(is_there)

    message = "nftables table netemu-proxy is as it was: told to refuse; trying again"
    assert told == [("node-0", "Warning", "ProxyRulesFailed", message)] * 3


async def test_what_another_hand_changed_is_loaded_again_within_the_period_and_told(kernel):
    node = {"metadata": {"name": "node-0"}}
    client = FakeClient(service("web", "10.96.0.20"), (NODE, node))
    told = []

    async with running(client, kernel, recorder=Told(told)):
        kernel.ruleset = Ruleset()
        kernel.intruder_name = "nft (pid 7)"

        async def is_back():
            return kernel.is_refused("10.96.0.20")

        await eventually(is_back)

    message = "nftables table netemu-proxy was changed by nft (pid 7); loading it again"
    assert told == [("node-0", "Warning", "ProxyRulesChanged", message)]


async def test_another_hand_is_heard_long_before_the_period_ends(kernel):
    ranges = IPv4Network("10.244.0.0/16"), IPv4Network("10.96.0.0/16")
    blamed = []
    syncer = ProxySyncer(
        NodeView("node-0", (), *ranges),
        kernel,
        {},
        on_repair=blamed.append,
        on_failure=blamed.append,
        rest_s=0,
        period_s=600,
    )
    async with asyncio.TaskGroup() as group:
        task = group.create_task(syncer.run())
        await eventually(lambda: asyncio.sleep(0, hasattr(kernel, "notice")))
        kernel.ruleset, kernel.intruder_name = Ruleset(), "nft (pid 7)"
        kernel.notice()
        await eventually(lambda: asyncio.sleep(0, bool(kernel.chains())))
        task.cancel()

    assert blamed == ["nft (pid 7)"]


async def test_what_may_have_changed_unseen_is_loaded_again_and_nobody_is_told(kernel):
    client = FakeClient(service("web", "10.96.0.20"))

    async with running(client, kernel):
        kernel.ruleset, kernel.gap = Ruleset(), True

        async def is_back():
            return kernel.is_refused("10.96.0.20")

        await eventually(is_back)


async def test_a_node_that_changes_its_zone_gets_its_endpoints_anew(kernel):
    client = FakeClient(service("web", "10.96.0.20"), (NODE, {"metadata": {"name": "node-0"}}))

    async with running(client, kernel):
        before = len(kernel.transactions)
        labels = {"topology.kubernetes.io/zone": "a"}
        await client.patch(NODE, "", "node-0", {"metadata": {"labels": labels}})
        await eventually(
            lambda: asyncio.sleep(0, len(kernel.transactions)), lambda count: count == before + 2
        )


async def test_the_ranges_of_service_cidrs_are_guarded_as_long_as_they_are_there(kernel):
    free = Packet(POD, ip_address("10.97.0.9"), L4.TCP, 80)
    lost = {Dropped()}
    cidr = {
        "metadata": {"name": "more"},
        "spec": {"cidrs": ["10.97.0.0/16", "10.97.128.0/17", "fd00:97::/112"]},
    }

    async def ends():
        return walk(kernel.ruleset, free)

    client = FakeClient()
    async with running(client, kernel):
        before = await ends()
        await client.create(SERVICE_CIDR, cidr)
        await eventually(ends, lambda seen: seen == lost)
        await client.delete(SERVICE_CIDR, "", "more")
        await eventually(ends, lambda seen: seen == before)

    assert before == {Delivered(free.daddr, 80)}


async def test_a_table_that_someone_deleted_comes_back_with_the_next_change(kernel):
    client = FakeClient(service("web", "10.96.0.20"))

    async with running(client, kernel):
        kernel.ruleset = Ruleset()
        await client.create(*service("next", "10.96.0.21"))

        async def is_back():
            return TableId(Family.IP, "netemu-proxy") in kernel.ruleset.tables and kernel.is_refused(
                "10.96.0.20"
            )

        await eventually(is_back)


async def test_changes_that_come_together_go_together(kernel):
    client = FakeClient()

    async with running(client, kernel):
        for number in range(100):
            await client.create(*service(f"s{number}", f"10.96.1.{number}"))

        async def is_there():
            return kernel.is_refused("10.96.1.99")

        await eventually(is_there)

    assert len(kernel.transactions) < 50


async def test_udp_flows_are_looked_at_when_udp_changes_and_only_then(kernel):
    client = FakeClient(service("tcp", "10.96.0.20"))

    async with running(client, kernel):
        await client.create(*service("udp", "10.96.0.21", "UDP"))

        async def has_looked():
            return kernel.ended_stale

        await eventually(has_looked)

    assert kernel.ended_stale == [{(IPv4Address("10.96.0.21"), 80): frozenset()}]


async def test_a_kernel_without_conntrack_messages_is_synced_all_the_same(kernel):
    kernel.has_no_conntrack = True

    async with running(FakeClient(service("udp", "10.96.0.21", "UDP")), kernel):
        assert len(kernel.transactions) == 2


def endpoints(address, changed=None):
    annotations = {} if changed is None else {TRIGGER_TIME: changed}
    labels = {"kubernetes.io/service-name": "web"}
    return ENDPOINT_SLICE, {
        "metadata": {"name": "web-1", "namespace": "default", "labels": labels, "annotations": annotations},
        "addressType": "IPv4",
        "endpoints": [{"addresses": [address], "conditions": {}}],
        "ports": [{"port": 80, "protocol": "TCP"}],
    }


async def test_a_node_counts_what_it_sees_and_how_long_pods_wait(kernel):
    opened = []

    def open_health(node, _ns_fd, figures, *_):
        opened.append(figures)
        return Mute()

    client = FakeClient(service("web", "10.96.0.20"), endpoints("10.244.1.2", changed=format_rfc3339(900)))
    async with running(client, kernel, open_health=open_health, clock=lambda: 1000.0) as proxy:
        await client.update(*endpoints("10.244.1.3", changed=format_rfc3339(1000)))
        await client.update(*endpoints("10.244.1.4", changed="yesterday"))
        await eventually(lambda: asyncio.sleep(0, opened[0].seen["endpoint"]), lambda seen: seen == 3)
        await proxy.applied()

    (figures,) = opened
    ipv4 = figures.families["IPv4"]
    assert (figures.seen["service"], ipv4.waiting, ipv4.failures) == (1, News(), 0)
    assert ("_count", 1) in ipv4.programming.values({})  # the first slice was so before


async def test_a_slice_that_nobody_can_read_keeps_no_other_service_from_the_kernel(kernel):
    kind, odd = endpoints("10.244.1.2")
    odd["ports"][0]["protocol"] = "ODD"
    local = {"type": "LoadBalancer", "externalTrafficPolicy": "Local", "healthCheckNodePort": 30999}
    client = FakeClient(service("web", "10.96.0.20", **local), (kind, odd))

    async with running(client, kernel) as proxy:
        await client.create(*service("other", "10.96.0.21"))
        await eventually(lambda: asyncio.sleep(0, kernel.is_refused("10.96.0.21")))
        await proxy.applied()


@pytest.mark.parametrize(
    ("node", "expected"),
    [
        pytest.param({}, True, id="as-any"),
        pytest.param({"spec": {"taints": [{"key": "x"}]}}, True, id="some-taint"),
        pytest.param({"spec": {"taints": [{"key": "ToBeDeletedByClusterAutoscaler"}]}}, False, id="leaving"),
        pytest.param({"metadata": {"deletionTimestamp": "2026-01-01T00:00:00Z"}}, False, id="deleted"),
        pytest.param({"metadata": {"name": "another"}}, False, id="not-there"),
    ],
)
async def test_a_node_that_goes_is_not_for_load_balancers(kernel, node, expected):
    opened = []

    def open_health(_node, _ns_fd, figures, *_):
        opened.append(figures)
        return Mute()

    obj = {**node, "metadata": {"name": "node-0", **node.get("metadata", {})}}
    async with running(FakeClient((NODE, obj)), kernel, open_health=open_health):
        assert opened[0].is_eligible() is expected


async def test_the_kernel_is_let_go_and_its_rules_stay_when_the_proxy_ends(kernel):
    async with running(FakeClient(service("web", "10.96.0.20")), kernel):
        pass

    assert kernel.closed
    assert kernel.is_refused("10.96.0.20")
    assert walk(kernel.ruleset, Packet(POD, IPv4Address("10.96.0.9"), L4.TCP, 80)) == {Dropped()}


async def test_each_family_of_a_service_is_in_its_own_table():
    both = {family: FakeNft() for family in (Family.IP, Family.IP6)}
    client = FakeClient(service("web", "10.96.0.20", clusterIPs=["10.96.0.20", "fd00:96::20"]))

    async with running(client, both, settings=DUAL, by_family=True):
        assert both[Family.IP].is_refused("10.96.0.20")
        assert both[Family.IP6].is_refused("fd00:96::20", POD6)
        await client.create(*service("more", "fd00:96::21"))

        async def is_there():
            return both[Family.IP6].is_refused("fd00:96::21", POD6)

        await eventually(is_there)

    assert [table.family for table in both[Family.IP].ruleset.tables] == [Family.IP]
    assert [table.family for table in both[Family.IP6].ruleset.tables] == [Family.IP6]
