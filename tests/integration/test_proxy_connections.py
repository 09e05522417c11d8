"""Connections that are open when rules change: which survive, which end, and what of them may not leak."""

from __future__ import annotations

import asyncio
import itertools
import socket
import struct
from contextlib import AsyncExitStack, asynccontextmanager, suppress

import pytest

from netemu.api.kinds import ENDPOINT_SLICE, SERVICE
from netemu.linux import netns
from netemu.linux.nft import run_in_child
from netemu.testing import service_world
from netemu.testing.eventually import eventually
from netemu.testing.fake_client import FakeClient
from netemu.testing.service_world import NODES, NODES6, PODS, PODS6, SILENCE_S, TIMEOUT_S, UDP, ask, ask_again

WEB = {4: "10.96.0.20", 6: "fd00:96::20"}
BALANCER = {4: "198.18.0.20", 6: "2001:db8:18::20"}
NODE_IPS, POD_IPS = {4: NODES, 6: NODES6}, {4: PODS, 6: PODS6}
FAMILIES = {4: socket.AF_INET, 6: socket.AF_INET6}
NODE_PORT, ECHO_PORT = 31100, 9000
numbers = itertools.count(1)


@pytest.fixture(scope="module")
def world():
    with service_world.world() as places:
        service_world.ip(
            places["outside"],
            f"route add {BALANCER[4]} via {NODES['node-1']}",
            f"route add {BALANCER[6]} via {NODES6['node-1']}",
        )
        yield places


def service(*, labels=None, **spec):
    ports = [
        {"name": "echo", "port": 80, "protocol": "TCP", "nodePort": NODE_PORT},
        {"name": "dns", "port": 53, "protocol": "UDP", "nodePort": NODE_PORT},
    ]
    return SERVICE, {
        "metadata": {"name": "web", "namespace": "default", "labels": labels or {}},
        "spec": {
            "type": "LoadBalancer",
            "clusterIP": WEB[4],
            "clusterIPs": list(WEB.values()),
            "ports": ports,
        }
        | spec,
        "status": {"loadBalancer": {"ingress": [{"ip": ip} for ip in BALANCER.values()]}},
    }


def endpoints(
    version, *pods, name="web", ports=(("echo", ECHO_PORT, "TCP"), ("dns", 8080, "UDP")), ending=()
):
    found = [(pod, {"ready": True}) for pod in pods]
    found += [(pod, {"ready": False, "serving": True, "terminating": True}) for pod in ending]
    return ENDPOINT_SLICE, {
        "metadata": {
            "name": f"{name}-{version}",
            "namespace": "default",
            "labels": {"kubernetes.io/service-name": name},
        },
        "addressType": f"IPv{version}",
        "endpoints": [
            {"addresses": [POD_IPS[version][pod]], "conditions": how, "nodeName": f"node-{PODS[pod][7]}"}
            for pod, how in found
        ],
        "ports": [{"name": port, "port": number, "protocol": kind} for port, number, kind in ports],
    }


async def confirmed(world, client):
    """Return when both nodes hold everything that was written before, of both kinds and families."""
    number = next(numbers)
    name, addresses = f"confirmed-{number}", [f"10.96.200.{number}", f"fd00:96::c:{number}"]
    # Before it is there, it is refused at once.
    ports = [{"name": "web", "port": 80, "protocol": "TCP", "nodePort": 32000 + number}]
    spec = {"type": "NodePort", "clusterIP": addresses[0], "clusterIPs": addresses, "ports": ports}
    await client.create(SERVICE, {"metadata": {"name": name, "namespace": "default"}, "spec": spec})
    for version in (4, 6):
        await client.create(*endpoints(version, "a", name=name, ports=[("web", 8080, "TCP")]))
    for node, version in itertools.product(NODES, (4, 6)):

        async def answer(fd=world[node], ip=NODE_IPS[version][node]):
            return await asyncio.to_thread(ask, fd, ip, 32000 + number)

        await eventually(answer, lambda seen: seen.startswith("a "))


@asynccontextmanager
async def echoing(world, pods):
    """Have servers in pods that echo as long as they are spoken to."""

    async def echo(reader, writer):
        with suppress(ConnectionError):
            while data := await reader.read(100):
                writer.write(data)
        writer.close()

    async with AsyncExitStack() as stack:
        for pod, family in itertools.product(pods, FAMILIES.values()):
            sock = netns.open_socket(world[pod], family, socket.SOCK_STREAM)
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if family is socket.AF_INET6:
                sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            sock.bind(("", ECHO_PORT))
            await stack.enter_async_context(await asyncio.start_server(echo, sock=sock))
        yield


async def connected(world, place, address, port):
    sock = netns.open_socket(world[place], FAMILIES[6 if ":" in address else 4], socket.SOCK_STREAM)
    sock.setblocking(False)
    await asyncio.get_running_loop().sock_connect(sock, (address, port))
    return sock


async def echoed(sock):
    loop = asyncio.get_running_loop()
    async with asyncio.timeout(60):
        await loop.sock_sendall(sock, b"still there?")
        return await loop.sock_recv(sock, 100)


# Each is what one write makes of the Service above, or of its endpoints.
CHANGES = {
    "one-endpoint-goes": lambda v: endpoints(v, "c"),
    "the-other-takes-its-place": lambda v: endpoints(v, "a"),
    "it-ends": lambda v: endpoints(v, ending=["a"]),
    "none-is-left": endpoints,
    "all-come-back": lambda v: endpoints(v, "a", "c"),
    "affinity": lambda v: service(sessionAffinity="ClientIP"),
    "internal-local": lambda v: service(internalTrafficPolicy="Local"),
    "external-local": lambda v: service(externalTrafficPolicy="Local"),
    "nobody-allowed": lambda v: service(loadBalancerSourceRanges=["203.0.113.0/24", "2001:db8:9::/64"]),
    "cluster-ip-only": lambda v: service(type="ClusterIP"),
    "of-another-proxy": lambda v: service(labels={"service.kubernetes.io/service-proxy-name": "x"}),
    "as-it-was": lambda v: service(),
}


@pytest.mark.parametrize("version", [4, 6])
async def test_connections_that_are_open_survive_every_change_and_restart(world, version):
    client = FakeClient(service(), endpoints(version, "a", "c"))
    ways = [("b", WEB), ("a", WEB), ("node-2", WEB), ("outside", BALANCER)]
    targets = [(place, ips[version], 80) for place, ips in ways]
    targets += [(place, NODE_IPS[version]["node-1"], NODE_PORT) for place in ("outside", "d")]
    async with echoing(world, "ac"):
        async with service_world.proxied(world, client):
            connections = [await connected(world, *target) for target in targets for _ in range(4)]
            broken = {}
            for name, change in CHANGES.items():
                await client.update(*change(version))
                await confirmed(world, client)
                broken[name] = [c for c in connections if await echoed(c) != b"still there?"]
            await client.delete(SERVICE, "default", "web")
            await confirmed(world, client)
            broken["deleted"] = [c for c in connections if await echoed(c) != b"still there?"]
        async with service_world.proxied(world, client):
            broken["restarted"] = [c for c in connections if await echoed(c) != b"still there?"]
        for connection in connections:
            connection.close()

    assert broken == {name: [] for name in (*CHANGES, "deleted", "restarted")}


@pytest.fixture(params=[4, 6])
async def flow(request, world):
    """A UDP flow to a Service, as a socket, beside the client that can change the Service."""
    version = request.param
    client = FakeClient(service(), endpoints(version, "a"))
    async with service_world.proxied(world, client):
        with netns.open_socket(world["b"], FAMILIES[version], UDP) as sock:
            sock.settimeout(TIMEOUT_S)
            sock.connect((WEB[version], 53))
            assert ask_again(sock, UDP).startswith("a ")
            sock.settimeout(SILENCE_S)
            yield version, client, sock


async def answer(sock):
    try:
        return (await asyncio.to_thread(ask_again, sock, UDP)).split()[0]
    except ConnectionRefusedError:
        return "refused"
    except TimeoutError:
        return "nothing"


async def test_a_udp_flow_is_refused_when_the_last_endpoint_goes_and_served_when_one_comes(world, flow):
    version, client, sock = flow
    await client.update(*endpoints(version))
    await eventually(lambda: answer(sock), lambda seen: seen == "refused")

    await client.update(*endpoints(version, "c"))

    await eventually(lambda: answer(sock), lambda seen: seen == "c")


async def test_a_udp_flow_ends_with_its_service_and_follows_the_next_of_its_address(world, flow):
    version, client, sock = flow
    await client.delete(SERVICE, "default", "web")
    await eventually(lambda: answer(sock), lambda seen: seen == "nothing")

    await client.update(*endpoints(version, "c"))
    await client.create(*service())

    await eventually(lambda: answer(sock), lambda seen: seen == "c")


async def test_a_udp_flow_stays_with_an_endpoint_that_serves_whatever_else_changes(world, flow):
    version, client, sock = flow
    seen = set()
    for change in (
        endpoints(version, "a", "c"),
        endpoints(version, "c", ending=["a"]),
        service(internalTrafficPolicy="Local", externalTrafficPolicy="Local"),
        service(sessionAffinity="ClientIP"),
    ):
        await client.update(*change)
        await confirmed(world, client)
        seen.add(await answer(sock))
    still_there = set(seen)
    await client.update(*endpoints(version, "c"))
    await eventually(lambda: answer(sock), lambda seen: seen == "c")

    assert still_there == {"a"}


async def test_affinity_is_switched_on_and_off_while_clients_come(world):
    client = FakeClient(service(), endpoints(4, "a", "c"))
    async with service_world.proxied(world, client):
        for spec, expected in (({}, 2), ({"sessionAffinity": "ClientIP"}, 1), ({}, 2)):
            await client.update(*service(**spec))
            await confirmed(world, client)

            async def answers():
                asked = [asyncio.to_thread(ask, world["node-1"], WEB[4], 53, UDP) for _ in range(20)]
                return {seen.split()[0] for seen in await asyncio.gather(*asked)}

            await eventually(answers, lambda seen, n=expected: len(seen) == n)


def out_of_window(source_port, port):
    """Write a segment of TCP that no connection expects; the checksum is not looked at on a veth."""
    return struct.pack("!HHIIBBHHH", source_port, port, 0x12345678, 0x9ABCDEF0, 0x50, 0x10, 1024, 0, 0)


def heard(tap, address, port):
    """Count the packets that came from an address and port themselves."""
    found = 0
    with suppress(BlockingIOError):
        while True:
            packet, (source, _) = tap.recvfrom(200)
            found += source == address and int.from_bytes(packet[20:22], "big") == port
    return found


@pytest.mark.parametrize("place", ["b", "d"], ids=["same-node", "other-node"])
async def test_what_is_in_no_connection_s_window_does_not_leak_from_behind_a_service(world, place):
    client = FakeClient(service(), endpoints(4, "a"))
    async with echoing(world, "a"), service_world.proxied(world, client):
        with (
            await connected(world, place, WEB[4], 80) as connection,
            netns.open_socket(world["a"], socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_TCP) as sender,
            netns.open_socket(world[place], socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_TCP) as tap,
        ):
            tap.setblocking(False)
            segment = out_of_window(ECHO_PORT, connection.getsockname()[1])
            before = await echoed(connection)
            sender.sendto(segment, (PODS[place], 0))
            # What is sent later over the same way came through: so what is not there was lost.
            await asyncio.to_thread(ask, world["a"], PODS[place], 8080)
            leaked = heard(tap, PODS["a"], ECHO_PORT)
            after = await echoed(connection)
            for node in NODES:
                run_in_child(world[node], "flush chain ip netemu-proxy forward")
            sender.sendto(segment, (PODS[place], 0))
            unguarded = await eventually(lambda: asyncio.to_thread(heard, tap, PODS["a"], ECHO_PORT), bool)

    assert before == after == b"still there?"
    assert (leaked, bool(unguarded)) == (0, True)
