"""The DNS server on real sockets in a pod's namespace, asked by the real ``dig``."""

from __future__ import annotations

import asyncio
import socket
import struct
import sys
from contextlib import asynccontextmanager
from uuid import uuid4

import pytest
from dnslib import QTYPE, RR, A, DNSRecord

from netemu.api.kinds import ENDPOINT_SLICE, NAMESPACE, SERVICE
from netemu.clock import system_clock
from netemu.dns.invoke import Resolvers
from netemu.dns.loop import Server
from netemu.dns.query import AnswerError, ask
from netemu.dns.sockets import listening
from netemu.linux import netns
from netemu.testing.eventually import eventually
from netemu.testing.fake_client import FakeClient


def service(name, ip, *ports, **spec):
    ports = [{"name": n, "port": p, "protocol": proto} for n, p, proto in ports]
    return SERVICE, {
        "metadata": {"name": name, "namespace": "default"},
        "spec": {"clusterIP": ip, "ports": ports, **spec},
    }


def endpoints(service_name, *ips):
    return ENDPOINT_SLICE, {
        "metadata": {
            "name": f"{service_name}-x",
            "namespace": "default",
            "labels": {"kubernetes.io/service-name": service_name},
        },
        "addressType": "IPv4",
        "endpoints": [{"addresses": [ip], "hostname": f"{service_name}-{i}"} for i, ip in enumerate(ips)],
        "ports": [{"name": "http", "port": 80, "protocol": "TCP"}],
    }


@pytest.fixture
def client():
    return FakeClient(
        (NAMESPACE, {"metadata": {"name": "default"}}),
        service("website", "10.96.7.7", ("http", 80, "TCP")),
        service("kafka", "None", ("http", 80, "TCP")),
        endpoints("kafka", "10.244.1.3", "10.244.2.3"),
        service("big", "None"),
        endpoints("big", *(f"10.244.9.{i}" for i in range(100))),
        service("outside", "", type="ExternalName", externalName="www.example.com"),
        service("inside", "", type="ExternalName", externalName="website.default.svc.cluster.local"),
    )


@pytest.fixture
def pod():
    name = f"t-{uuid4().hex[:8]}"
    netns.create(name)
    yield name
    netns.delete(name)


class Upstream:
    """Another server: every A question gets 192.0.2.1, over UDP and TCP, and is counted."""

    def __init__(self, *, records=1, delay_s=0.0, rcode=0):
        self.records, self.delay_s, self.rcode = records, delay_s, rcode
        self.over_udp = self.over_tcp = 0

    def reply(self, packet):
        reply = DNSRecord.parse(packet).reply(aa=0)
        reply.header.rcode = self.rcode
        reply.add_answer(
            *(RR(reply.q.qname, QTYPE.A, ttl=60, rdata=A(f"192.0.2.{i + 1}")) for i in range(self.records))
        )
        return bytes(reply.pack())

    @asynccontextmanager
    async def listening(self, address="127.0.0.1"):
        loop = asyncio.get_running_loop()
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            sock.bind((address, 53))
            sock.setblocking(False)
            loop.add_reader(sock, self._on_datagram, sock, loop)
            server = await asyncio.start_server(self._on_connection, address, 53)
            yield self
            server.close()
            loop.remove_reader(sock)

    def _on_datagram(self, sock, loop):
        packet, client = sock.recvfrom(65535)
        self.over_udp += 1
        reply = self.reply(packet)
        cut = reply[:2] + bytes((reply[2] | 2, reply[3])) + struct.pack("!4H", 1, 0, 0, 0) + packet[12:]
        loop.call_later(self.delay_s, sock.sendto, reply if len(reply) <= 512 else cut, client)

    async def _on_connection(self, reader, writer):
        (length,) = struct.unpack("!H", await reader.readexactly(2))
        self.over_tcp += 1
        reply = self.reply(await reader.readexactly(length))
        writer.write(struct.pack("!H", len(reply)) + reply)
        writer.close()


async def run(*argv):
    process = await asyncio.create_subprocess_exec(*argv, stdout=asyncio.subprocess.PIPE)
    output, _ = await process.communicate()
    return output.decode()


class Pod:
    """What a client in the pod's namespace sees."""

    def __init__(self, name, resolv_conf):
        self.name, self.resolv_conf = name, resolv_conf

    async def dig(self, *words):
        argv = ("dig", "@127.0.0.1", "+tries=1", "+timeout=30", *words)
        return await run("nsenter", f"--net=/run/netns/{self.name}", *argv)

    async def short(self, *words):
        return sorted((await self.dig("+short", *words)).split("\n"))[1:]

    async def http(self, port, path):
        url = f"http://127.0.0.1:{port}{path}"
        argv = ("curl", "--silent", "--output", "/dev/null", "--write-out", "%{http_code}", url)
        return await run("nsenter", f"--net=/run/netns/{self.name}", *argv)


@pytest.fixture
async def server(client, pod, tmp_path):
    resolv_conf = tmp_path / "resolv.conf"
    resolv_conf.write_text("nameserver 127.0.0.1\n")
    with listening("0.0.0.0", 53, netns.RUN_NETNS / pod) as sockets:
        async with asyncio.TaskGroup() as group:
            made = Server(client, "cluster.local", Resolvers(resolv_conf, system_clock))
            task = group.create_task(made.run(sockets))
            yield Pod(pod, resolv_conf)
            task.cancel()


@pytest.fixture
async def synced(server):
    await eventually(lambda: server.http(8181, "/ready"), lambda code: code == "200")
    return server


@pytest.mark.parametrize("transport", ["+notcp", "+tcp"])
@pytest.mark.parametrize(
    ("words", "lines"),
    [
        pytest.param(["website.default.svc.cluster.local"], ["10.96.7.7"], id="a"),
        pytest.param(["kafka.default.svc.cluster.local"], ["10.244.1.3", "10.244.2.3"], id="headless"),
        pytest.param(["kafka-1.kafka.default.svc.cluster.local"], ["10.244.2.3"], id="pod-name"),
        pytest.param(
            ["SRV", "_http._tcp.website.default.svc.cluster.local"],
            ["0 100 80 website.default.svc.cluster.local."],
            id="srv",
        ),
        pytest.param(["-x", "10.96.7.7"], ["website.default.svc.cluster.local."], id="ptr"),
        pytest.param(["TXT", "dns-version.cluster.local"], ['"1.1.0"'], id="txt"),
        pytest.param(
            ["inside.default.svc.cluster.local"],
            ["10.96.7.7", "website.default.svc.cluster.local."],
            id="alias",
        ),
        pytest.param(["AAAA", "website.default.svc.cluster.local"], [], id="nodata"),
    ],
)
async def test_dig_reads_the_same_over_udp_and_tcp(synced, transport, words, lines):
    assert await synced.short(transport, *words) == lines


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        pytest.param(["website.default.svc.cluster.local"], "status: NOERROR", id="noerror"),
        pytest.param(["nothing.default.svc.cluster.local"], "status: NXDOMAIN", id="nxdomain"),
        pytest.param(["CH", "TXT", "version.bind"], "status: REFUSED", id="refused"),
        pytest.param(["+opcode=STATUS", "x.cluster.local"], "status: NOTIMP", id="notimp"),
        pytest.param(["+edns=1", "+noednsneg", "x.cluster.local"], "status: BADVERS", id="badvers"),
        pytest.param(["website.default.svc.cluster.local"], "flags: qr aa rd ra;", id="flags"),
        pytest.param(["nothing.default.svc.cluster.local"], "SOA\tns.dns.cluster.local.", id="soa"),
        pytest.param(["+ignore", "+noedns", "big.default.svc.cluster.local"], "flags: qr aa tc rd", id="cut"),
        pytest.param(["+noedns", "big.default.svc.cluster.local"], "ANSWER: 100,", id="again-over-tcp"),
        pytest.param(["+notcp", "+bufsize=4096", "big.default.svc.cluster.local"], "ANSWER: 100,", id="edns"),
        pytest.param(["+nocookie", "WebSite.default.svc.cluster.local"], "\nWebSite.default.svc", id="case"),
    ],
)
async def test_dig_understands_every_reply(synced, words, expected):
    output = await synced.dig(*words)

    assert expected in output
    assert "malformed" not in output.lower()


async def test_it_is_ready_when_it_has_read_the_cluster_and_healthy_before(client, server):
    assert await server.http(8080, "/health") == "200"
    await eventually(lambda: server.http(8181, "/ready"), lambda code: code == "200")
    assert await server.http(8181, "/other") == "404"


async def test_a_change_of_the_cluster_is_answered(client, synced):
    assert await synced.short("new.default.svc.cluster.local") == []

    await client.create(*service("new", "10.96.1.1", ("", 80, "TCP")))

    await eventually(
        lambda: synced.short("new.default.svc.cluster.local"), lambda seen: seen == ["10.96.1.1"]
    )


async def test_it_answers_while_the_daemon_is_away_and_catches_up_when_it_returns(client, synced):
    await client.go_away()
    assert await synced.short("website.default.svc.cluster.local") == ["10.96.7.7"]
    assert await synced.http(8181, "/ready") == "200"

    client.come_back()
    await client.delete(SERVICE, "default", "website")

    await eventually(lambda: synced.short("website.default.svc.cluster.local"), lambda seen: seen == [])


async def test_names_outside_go_to_the_machines_resolver_once(synced):
    async with Upstream(delay_s=0.2).listening() as upstream:
        asked = [synced.short("+nocookie", "www.example.com") for _ in range(5)]
        answers = await asyncio.gather(*asked)
        answers.append(await synced.short("+nocookie", "www.example.com"))

    assert answers == [["192.0.2.1"]] * 6
    assert upstream.over_udp == 1


async def test_an_external_name_brings_its_addresses(synced):
    async with Upstream().listening():
        assert await synced.short("outside.default.svc.cluster.local") == ["192.0.2.1", "www.example.com."]


async def test_a_reply_that_was_cut_is_fetched_over_tcp(synced):
    async with Upstream(records=60).listening() as upstream:
        output = await synced.dig("+bufsize=4096", "www.example.com")

    assert "ANSWER: 60," in output
    assert (upstream.over_udp, upstream.over_tcp) == (1, 1)


async def test_the_next_resolver_is_asked_when_one_is_dead_or_fails(synced):
    synced.resolv_conf.write_text("nameserver 127.0.0.9\nnameserver 127.0.0.2\nnameserver 127.0.0.3\n")
    async with Upstream(rcode=2).listening("127.0.0.2") as failing, Upstream().listening("127.0.0.3"):
        assert await synced.short("www.example.com") == ["192.0.2.1"]

    assert failing.over_udp == 1


async def test_without_a_resolver_the_reply_says_why(synced):
    synced.resolv_conf.write_text("search example.com\n")

    output = await synced.dig("www.example.com")

    assert "status: SERVFAIL" in output
    assert "EDE: 23" in output


async def test_the_client_reads_what_dig_reads(synced):
    with netns.opened(netns.RUN_NETNS / synced.name) as fd:
        sock = netns.open_socket(fd, socket.AF_INET, socket.SOCK_DGRAM)
    with sock:
        server = ("127.0.0.1", 53)
        assert await ask(sock, server, "website.default.svc.cluster.local", "A", 2) == ["10.96.7.7"]
        with pytest.raises(AnswerError, match="result code 3"):
            await ask(sock, server, "nothing.default.svc.cluster.local", "A", 2)
        with pytest.raises(TimeoutError):
            await ask(sock, ("127.0.0.1", 54), "website.default.svc.cluster.local", "A", 0.1)


async def test_the_process_listens_in_the_pod_and_ends_cleanly_on_sigterm(pod, tmp_path):
    argv = ("-m", "netemu.dns.server", "--api-socket", str(tmp_path / "none.sock"), "--listen-netns", pod)
    process = await asyncio.create_subprocess_exec(sys.executable, *argv)
    seen = Pod(pod, None)

    await eventually(lambda: seen.http(8080, "/health"), lambda code: code == "200")
    assert await seen.http(8181, "/ready") == "503"
    assert "status: SERVFAIL" in await seen.dig("website.default.svc.cluster.local")
    process.terminate()

    assert "status: SERVFAIL" in await seen.dig("website.default.svc.cluster.local")  # rules still lead here
    assert await process.wait() == 0


async def test_a_taken_port_is_said_in_one_line(server):
    argv = ("-m", "netemu.dns.server", "--api-socket", "/none", "--listen-netns", server.name)
    process = await asyncio.create_subprocess_exec(sys.executable, *argv, stderr=asyncio.subprocess.PIPE)
    _, said = await process.communicate()

    assert process.returncode == 1
    assert b"cannot listen on 0.0.0.0:53: Address already in use" in said
    assert b"Traceback" not in said
