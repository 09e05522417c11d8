"""kube-proxy's chains on real packets, and what the real iptables says of them."""

from __future__ import annotations

import asyncio
import socket
from contextlib import asynccontextmanager
from ipaddress import ip_address
from pathlib import Path

import pytest

from netemu.api.kinds import ENDPOINT_SLICE, NODE, SERVICE
from netemu.errors import KernelError
from netemu.informer.cache import Cache
from netemu.informer.watch import Informer
from netemu.linux import iptables, netns
from netemu.nft.expressions import Family
from netemu.proxy.iptables.syncer import NodeKernel, open_syncer
from netemu.proxy.loop import Proxy
from netemu.testing import service_world
from netemu.testing.eventually import eventually
from netemu.testing.fake_client import FakeClient
from netemu.testing.fake_iptables import FakeIptables
from netemu.testing.service_world import NODES, NODES6, OUTSIDE, PODS, PODS6, SETTINGS, TCP, UDP, ask

GOLDEN = sorted((Path(__file__).parents[1] / "golden" / "iptables").glob("*.rules"))
WEB, WEB6, BALANCER, EXTERNAL = "10.96.0.20", "fd00:96::20", "172.30.0.200", "172.30.0.201"
NODE_PORT = 31100
FROM_NODE_1 = {"10.244.1.1", NODES["node-1"]}


@pytest.fixture(scope="module")
def world():
    with service_world.world() as places:
        for address in (BALANCER, EXTERNAL):
            service_world.ip(places["outside"], f"route add {address} via {NODES['node-1']}")
        yield places


def service(name="web", **spec):
    return SERVICE, {
        "metadata": {"name": name, "namespace": "default"},
        "spec": {
            "type": "LoadBalancer",
            "clusterIP": WEB,
            "clusterIPs": [WEB, WEB6],
            "externalIPs": [EXTERNAL],
            "ports": [
                {"name": "web", "port": 80, "protocol": "TCP", "nodePort": NODE_PORT},
                {"name": "dns", "port": 53, "protocol": "UDP", "nodePort": NODE_PORT},
            ],
            **spec,
        },
        "status": {"loadBalancer": {"ingress": [{"ip": BALANCER}]}},
    }


def endpoints(*pods, version=4, **conditions):
    addresses = {4: PODS, 6: PODS6}[version]
    found = [
        {
            "addresses": [addresses[pod]],
            "conditions": {"ready": True, **conditions},
            "nodeName": f"node-{PODS[pod][7]}",
        }
        for pod in pods
    ]
    return ENDPOINT_SLICE, {
        "metadata": {
            "name": f"web-{version}",
            "namespace": "default",
            "labels": {"kubernetes.io/service-name": "web"},
        },
        "addressType": f"IPv{version}",
        "endpoints": found,
        "ports": [
            {"name": "web", "port": 8080, "protocol": "TCP"},
            {"name": "dns", "port": 8080, "protocol": "UDP"},
        ],
    }


@asynccontextmanager
async def proxied(places, *objects, period_s=30.0):
    client, cache = FakeClient(*objects), Cache()
    informer = Informer(client, cache, [SERVICE, ENDPOINT_SLICE, NODE])
    proxy = Proxy(cache, informer, SETTINGS, open_syncer=open_syncer, period_s=period_s)
    for node, address in NODES.items():
        proxy.add_node(node, [ip_address(address), ip_address(NODES6[node])], places[node])
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(informer.run()), group.create_task(proxy.run())]
        try:
            await proxy.wait_synced()
            yield client
        finally:
            for task in tasks:
                task.cancel()


def asked(world, place, address, port, kind=TCP, times=12):
    return {ask(world[place], address, port, kind) for _ in range(times)}


@pytest.mark.parametrize("golden", GOLDEN, ids=lambda path: path.stem)
def test_the_real_iptables_accepts_each_golden_file(node_fd, golden):
    iptables.restore(node_fd, golden.read_text(), is_ipv6="ipv6" in golden.stem)


async def test_all_ways_lead_to_pods_and_hide_who_comes_where_they_must(world):
    async with proxied(world, service(), endpoints("a", "c")):
        from_pod = asked(world, "b", WEB, 80)
        to_itself = asked(world, "a", WEB, 80)
        from_node = asked(world, "node-1", WEB, 80)
        to_node_port = asked(world, "outside", NODES["node-2"], NODE_PORT)
        to_balancer = asked(world, "outside", BALANCER, 80)
        to_external = asked(world, "outside", EXTERNAL, 80)
        over_udp = asked(world, "b", WEB, 53, UDP)

    assert from_pod == over_udp == {f"a {PODS['b']}", f"c {PODS['b']}"}
    assert {answer for answer in to_itself if answer.startswith("a")} <= {
        f"a {source}" for source in FROM_NODE_1
    }
    assert {answer.split()[0] for answer in from_node} == {"a", "c"}
    assert {answer.split()[1] for answer in to_node_port} <= {NODES["node-2"], "10.244.2.1"}
    assert {answer.split()[1] for answer in (*to_balancer, *to_external)} <= FROM_NODE_1


async def test_all_ways_lead_to_pods_in_ipv6_too(world):
    async with proxied(world, service(), endpoints("a", "c", version=6)):
        from_pod = asked(world, "b", WEB6, 80)
        to_node_port = asked(world, "outside", NODES6["node-1"], NODE_PORT)

    assert from_pod == {f"a {PODS6['b']}", f"c {PODS6['b']}"}
    assert {answer.split()[0] for answer in to_node_port} == {"a", "c"}


async def test_no_endpoint_is_refused_on_every_way(world):
    async with proxied(world, service()):
        ways = [("b", WEB, 80), ("node-1", WEB, 80), ("outside", BALANCER, 80), ("b", EXTERNAL, 80)]
        ways += [("outside", NODES["node-1"], NODE_PORT), ("b", NODES["node-1"], NODE_PORT)]
        found = {ask(world[place], address, port) for place, address, port in ways}

    assert found == {"refused"}


async def test_local_keeps_the_source_stays_on_the_node_and_drops_elsewhere(world):
    local = service(externalTrafficPolicy="Local", internalTrafficPolicy="Local")
    async with proxied(world, local, endpoints("a")):
        here = asked(world, "outside", NODES["node-1"], NODE_PORT)
        there = ask(world["outside"], NODES["node-2"], NODE_PORT)
        from_pod_there = ask(world["c"], WEB, 80)
        from_pod_to_node_there = ask(world["c"], NODES["node-2"], NODE_PORT)

    assert here == {f"a {OUTSIDE}"}
    assert there == from_pod_there == "nothing"
    assert from_pod_to_node_there == f"a {PODS['c']}"


async def test_who_ends_serves_until_somebody_is_ready(world):
    ending = endpoints("a", ready=False, serving=True, terminating=True)
    async with proxied(world, service(), ending):
        assert asked(world, "b", WEB, 80, times=3) == {f"a {PODS['b']}"}


async def test_a_client_stays_with_its_pod(world):
    async with proxied(world, service(sessionAffinity="ClientIP"), endpoints("a", "b", "c", "d")):
        by_cluster_ip = asked(world, "b", WEB, 80)
        by_node_port = asked(world, "outside", NODES["node-1"], NODE_PORT)

    assert len({answer.split()[0] for answer in by_cluster_ip}) == 1
    assert len({answer.split()[0] for answer in by_node_port}) == 1


async def test_a_balancers_address_is_for_its_source_ranges_alone(world):
    limited = service(loadBalancerSourceRanges=["10.244.1.0/24"])
    async with proxied(world, limited, endpoints("a")):
        outside = ask(world["outside"], BALANCER, 80)
        inside = ask(world["b"], BALANCER, 80)
        to_node_port = ask(world["outside"], NODES["node-1"], NODE_PORT)

    assert outside == "nothing"
    assert inside.startswith("a ")
    assert to_node_port.startswith("a ")


async def test_a_udp_flow_follows_its_service(world):
    async with proxied(world, service(), endpoints("a")) as client:
        with netns.open_socket(world["b"], socket.AF_INET, UDP) as sock:
            sock.settimeout(service_world.TIMEOUT_S)
            sock.connect((WEB, 53))
            first = service_world.ask_again(sock, UDP)
            await client.update(*endpoints("c"))

            async def has_moved():
                with_luck = await asyncio.to_thread(_ask_in_vain, sock)
                return with_luck == f"c {PODS['b']}"

            await eventually(has_moved)

    assert first == f"a {PODS['b']}"


def _ask_in_vain(sock):
    try:
        return service_world.ask_again(sock, UDP)
    except (TimeoutError, ConnectionRefusedError):
        return "nothing"


async def test_what_another_hand_took_away_comes_back(world):
    async with proxied(world, service(), endpoints("a"), period_s=0.2):
        flush = '*nat\n-F KUBE-SERVICES\n-D PREROUTING -m comment --comment "kubernetes service portals" '
        iptables.restore(world["node-1"], f"{flush}-j KUBE-SERVICES\nCOMMIT\n", is_ipv6=False)

        async def is_served():
            return await asyncio.to_thread(ask, world["b"], WEB, 80) == f"a {PODS['b']}"

        await eventually(is_served)


class IptablesContract:
    """Every kernel of the syncer passes these; the fake must not drift from iptables."""

    def test_chains_that_are_not_named_stay(self, kernel):
        kernel.restore("*nat\n:KUBE-A - [0:0]\n-A KUBE-A -j RETURN\nCOMMIT\n")
        kernel.restore("*nat\n:KUBE-B - [0:0]\n-I OUTPUT -j KUBE-B\nCOMMIT\n")

        assert [line for line in kernel.save().splitlines() if line.startswith("-A")] == [
            "-A OUTPUT -j KUBE-B",
            "-A KUBE-A -j RETURN",
        ]

    def test_a_chain_that_is_named_is_emptied_and_can_go(self, kernel):
        kernel.restore("*nat\n:KUBE-A - [0:0]\n-A KUBE-A -j RETURN\nCOMMIT\n")
        kernel.restore("*nat\n:KUBE-A - [0:0]\n-X KUBE-A\nCOMMIT\n")

        assert "KUBE-A" not in kernel.save()

    @pytest.mark.parametrize(
        "wrong", ["-A KUBE-B -j KUBE-NOBODY", "-A KUBE-C -j RETURN", "-X KUBE-A"], ids=lambda text: text[:9]
    )
    def test_a_refused_table_stays_as_it_was(self, kernel, wrong):
        kernel.restore("*nat\n:KUBE-A - [0:0]\n-A OUTPUT -j KUBE-A\nCOMMIT\n")
        with pytest.raises(KernelError):
            kernel.restore(f"*nat\n:KUBE-B - [0:0]\n-A KUBE-B -j RETURN\n{wrong}\nCOMMIT\n")

        assert "KUBE-B" not in kernel.save()


class TestFakeIptables(IptablesContract):
    @pytest.fixture
    def kernel(self):
        return FakeIptables()


class TestNodeKernel(IptablesContract):
    @pytest.fixture
    def kernel(self, node_fd):
        made = NodeKernel(node_fd, Family.IP)
        made.restore("*nat\nCOMMIT\n")
        yield made
        made.close()
