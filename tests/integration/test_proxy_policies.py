"""What policies of Services do over time, on real packets. Where packets end: test_proxy_fates."""

from __future__ import annotations

import asyncio
import json
import socket

import pytest

from netemu.api.kinds import ENDPOINT_SLICE, NODE, SERVICE
from netemu.clock import system_clock
from netemu.informer.cache import Key
from netemu.linux import netns
from netemu.naming import NodeName
from netemu.proxy.figures import Figures, NodeFigures
from netemu.proxy.health import LocalHealth
from netemu.proxy.server import HealthServer
from netemu.testing import service_world
from netemu.testing.eventually import eventually
from netemu.testing.fake_client import FakeClient
from netemu.testing.service_world import NODES, PODS, TCP, UDP, ask

WEB, BALANCER = "10.96.0.20", "172.30.0.200"


@pytest.fixture(scope="module")
def world():
    with service_world.world() as places:
        yield places


def service(**spec):
    ports = [
        {"name": "web", "port": 80, "protocol": "TCP", "nodePort": 31100},
        {"name": "dns", "port": 53, "protocol": "UDP", "nodePort": 31100},
    ]
    return SERVICE, {
        "metadata": {"name": "web", "namespace": "default"},
        "spec": {"type": "LoadBalancer", "clusterIP": WEB, "ports": ports, **spec},
        "status": {"loadBalancer": {"ingress": [{"ip": BALANCER}]}},
    }


def endpoints(*pods):
    found = [
        {"addresses": [PODS[pod]], "conditions": {"ready": True}, "nodeName": f"node-{PODS[pod][7]}"}
        for pod in pods
    ]
    return ENDPOINT_SLICE, {
        "metadata": {
            "name": "web-x",
            "namespace": "default",
            "labels": {"kubernetes.io/service-name": "web"},
        },
        "addressType": "IPv4",
        "endpoints": found,
        "ports": [
            {"name": "web", "port": 8080, "protocol": "TCP"},
            {"name": "dns", "port": 8080, "protocol": "UDP"},
        ],
    }


def asked(world, place, address, port, kind=TCP, times=12):
    return {ask(world[place], address, port, kind) for _ in range(times)}


def pods_in(answers):
    return {answer.split()[0] for answer in answers}


@pytest.mark.parametrize("kind", [TCP, UDP], ids=["tcp", "udp"])
async def test_a_client_stays_with_its_endpoint_until_that_goes(world, kind):
    client = FakeClient(service(sessionAffinity="ClientIP"), endpoints("a", "b", "c"))
    port = {TCP: 80, UDP: 53}[kind]
    async with service_world.proxied(world, client):
        (first,) = pods_in(asked(world, "node-2", WEB, port, kind))
    async with service_world.proxied(world, client):  # over a restart, too
        assert pods_in(asked(world, "node-2", WEB, port, kind)) == {first}
        others = {"a", "b", "c"} - {first}
        await client.update(*endpoints(*sorted(others)))

        async def answers():
            return pods_in(asked(world, "node-2", WEB, port, kind))

        (second,) = await eventually(answers, lambda seen: len(seen) == 1 and seen <= others)
        await client.update(*endpoints("a", "b", "c"))
        assert pods_in(asked(world, "node-2", WEB, port, kind)) == {second}


async def test_affinity_ends_after_its_timeout_and_with_the_setting(world):
    config = {"clientIP": {"timeoutSeconds": 1}}
    client = FakeClient(
        service(sessionAffinity="ClientIP", sessionAffinityConfig=config), endpoints("a", "b", "c")
    )
    async with service_world.proxied(world, client):
        seen = set()

        async def after_a_pause():
            seen.update(pods_in(asked(world, "b", WEB, 80, times=3)))
            await asyncio.sleep(1.1)  # what the kernel forgets after a second
            return seen

        await eventually(after_a_pause, lambda all_seen: len(all_seen) > 1, within_s=60)
        await client.update(*service())

        async def answers():
            return pods_in(asked(world, "b", WEB, 80, times=20))

        await eventually(answers, lambda all_seen: all_seen == {"a", "b", "c"})


def fetched(fd, address, port, path="/"):
    with netns.open_socket(fd, socket.AF_INET, socket.SOCK_STREAM) as sock:
        sock.settimeout(30)
        try:
            sock.connect((address, port))
        except ConnectionRefusedError:  # not yet, or no more
            return 0, ""
        sock.sendall(f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        head, _, body = sock.makefile("rb").read().decode().partition("\r\n\r\n")
        return int(head.split()[1]), body


async def test_a_load_balancer_is_told_which_nodes_have_endpoints(world):
    client = FakeClient(
        service(externalTrafficPolicy="Local", healthCheckNodePort=32100),
        endpoints("a", "b"),
        (NODE, {"metadata": {"name": "node-1"}}),
    )
    async with service_world.proxied(world, client):

        async def answers():
            return [await asyncio.to_thread(fetched, world["outside"], ip, 32100) for ip in NODES.values()]

        (here, body), (there, _) = await eventually(answers, lambda seen: all(seen[0] + seen[1]))
        assert (here, json.loads(body)["localEndpoints"], there) == (200, 2, 503)
        await client.update(*endpoints("c"))
        await eventually(answers, lambda seen: [status for status, _ in seen] == [503, 200])
        healthz = await asyncio.to_thread(fetched, world["outside"], NODES["node-1"], 10256, "/healthz")
        mode = await asyncio.to_thread(fetched, world["node-1"], "127.0.0.1", 10249, "/proxyMode")
        numbers = await asyncio.to_thread(fetched, world["node-1"], "127.0.0.1", 10249, "/metrics")

    assert (healthz[0], mode) == (200, (200, "nftables"))
    assert 'sync_proxy_rules_nftables_sync_failures_total{ip_family="IPv4"} 0\n' in numbers[1]
    assert "kubeproxy_sync_proxy_rules_endpoint_changes_total 2\n" in numbers[1]
    assert 'kubeproxy_proxy_healthz_total{code="200"} 1\n' in numbers[1]
    assert ask(world["outside"], NODES["node-1"], 32100) == "refused"


async def test_a_health_port_that_another_has_is_told_once_and_served_when_it_is_free(world):
    service_key, told = Key("default", "web"), []
    taken = netns.open_socket(world["node-1"], socket.AF_INET, socket.SOCK_STREAM)
    taken.bind(("", 32101))
    taken.listen()
    synced = Figures()
    synced.hold(0)
    server = HealthServer(
        NodeName("node-1"),
        world["node-1"],
        NodeFigures("nftables", {"IPv4": synced}, {}, lambda _: {}, lambda: True),
        system_clock,
        lambda found, why: told.append((found.port, why)),
        retry_s=0.01,
    )
    server.note(service_key, LocalHealth(service_key, 32101, 1))

    async def answer():
        return (await asyncio.to_thread(fetched, world["outside"], NODES["node-1"], 32101))[0]

    async def said():
        return told

    async with asyncio.TaskGroup() as group:
        running = group.create_task(server.run())
        await eventually(said)
        taken.close()
        await eventually(answer, lambda status: status == 200)
        running.cancel()

    assert [(port, "in use" in why) for port, why in told] == [(32101, True)]
