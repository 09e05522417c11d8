"""The stand-in server: sockets in pods' namespaces, one process for all."""

from __future__ import annotations

import asyncio
import json
import re
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import pytest

from netemu.linux import netns
from netemu.runtime.container import AppSpec, Port
from netemu.runtime.errors import ContainerExistsError, ControlError, DisconnectedError
from netemu.standin.client import StandinClient

WEB = (Port(number=80),)
APPS = 500
GROWTH_LIMIT_KB = 20 * 1024


@pytest.fixture
def server(tmp_path: Path) -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen(
        [
            *(sys.executable, "-m", "netemu.standin.server"),
            *("--socket", str(tmp_path / "standin.sock"), "--netns-dir", "/run/netns"),
        ]
    )
    yield process
    process.terminate()
    assert process.wait(10) == 0


@pytest.fixture
async def client(server: subprocess.Popen[bytes], tmp_path: Path) -> AsyncIterator[StandinClient]:
    connection = await connect(tmp_path)
    yield connection
    await connection.close()


@pytest.fixture
def spec(tmp_path: Path, first_pod: str) -> Callable[..., AppSpec]:
    def make(app: str = "http", **fields: object) -> AppSpec:
        defaults = {
            "id": "a1",
            "app": app,
            "netns": first_pod,
            "log_path": str(tmp_path / "logs/0.log"),
            "ports": WEB,
            "pod": "web-1",
            "hostname": "web-1",
            "namespace": "shop",
            "hosts": "127.0.0.1 myself\n",
        }
        return AppSpec(**{**defaults, **fields})

    return make


async def connect(directory: Path) -> StandinClient:
    async with asyncio.timeout(60):
        while True:
            try:
                return await StandinClient.connect(directory / "standin.sock")
            except DisconnectedError:
                await asyncio.sleep(0.01)


async def curl(pod: str, *words: str) -> bytes:
    """Run curl in a pod."""
    process = await asyncio.create_subprocess_exec(
        *("ip", "netns", "exec", pod, "curl", "-s", "--max-time", "5", *words), stdout=subprocess.PIPE
    )
    output, _ = await process.communicate()
    return output


def connected(pod: str, kind: socket.SocketKind, port: int) -> socket.socket:
    with netns.opened(pod) as fd:
        sock = netns.open_socket(fd, socket.AF_INET, kind)
    sock.settimeout(30)
    sock.connect(("127.0.0.1", port))
    return sock


async def asked(sock: socket.socket, data: bytes) -> bytes:
    """Send and give the answer; a thread, so that this process can go on."""

    def exchange() -> bytes:
        sock.sendall(data)
        return sock.recv(65536)

    return await asyncio.to_thread(exchange)


async def test_an_app_answers_in_its_pod_and_nowhere_else(client, spec, first_pod, second_pod):
    state = await client.start(spec())

    assert state.running
    assert b"Hostname: web-1\n" in await curl(first_pod, "http://127.0.0.1/")
    assert await curl(second_pod, "http://127.0.0.1/") == b""
    assert await curl(first_pod, "http://127.0.0.1:81/") == b""


async def test_requests_are_logged_in_cri_s_format(client, spec, first_pod, tmp_path):
    await client.start(spec())
    await curl(first_pod, "http://127.0.0.1/path")

    (line,) = (tmp_path / "logs/0.log").read_text().splitlines()
    assert re.fullmatch(r'20\S+Z stdout F 127\.0\.0\.1 "GET /path HTTP/1\.1" 200 \d+', line)


async def test_udp_ports_of_every_app_echo(client, spec, first_pod):
    await client.start(spec(ports=(Port(number=53, protocol="UDP"),)))
    with connected(first_pod, socket.SOCK_DGRAM, 53) as sock:
        assert await asked(sock, b"ping") == b"ping"


async def test_an_echo_gives_back_what_it_gets(client, spec, first_pod):
    await client.start(spec("echo"))
    with connected(first_pod, socket.SOCK_STREAM, 80) as sock:
        assert await asked(sock, b"one") == b"one"
        assert await asked(sock, b"two") == b"two"


async def test_raw_serve_hostname_says_its_name_and_closes(client, spec, first_pod):
    await client.start(spec("serve-hostname", args=("--http=false", "--tcp", "--udp")))
    with connected(first_pod, socket.SOCK_STREAM, 9376) as stream:
        assert stream.recv(100) == b"web-1"
        assert stream.recv(100) == b""
    with connected(first_pod, socket.SOCK_DGRAM, 9376) as datagrams:
        assert await asked(datagrams, b"?") == b"web-1"


async def test_who_spoke_first_is_told_the_name_and_not_cut_off(client, spec, first_pod):
    await client.start(spec("serve-hostname", args=("--http=false", "--tcp")))
    for _ in range(10):
        with connected(first_pod, socket.SOCK_STREAM, 9376) as stream:
            stream.sendall(b"hostName\n")
            assert [stream.recv(100), stream.recv(100)] == [b"web-1", b""]


async def test_a_connection_is_kept_for_further_requests(client, spec, first_pod):
    await client.start(spec())
    request = b"GET / HTTP/1.1\r\nHost: w\r\n\r\n"
    with connected(first_pod, socket.SOCK_STREAM, 80) as sock:
        first, second = await asked(sock, request), await asked(sock, request)

    assert first.startswith(b"HTTP/1.1 200 OK\r\n")
    assert first == second


async def test_a_taken_port_ends_the_container_with_go_s_words(client, spec, tmp_path):
    await client.start(spec())
    state = await client.start(spec(id="a2", log_path=str(tmp_path / "second.log")))

    assert (state.running, state.exit_code, state.reason) == (False, 1, "Error")
    assert state.message == "listen tcp :80: bind: address already in use"
    assert state.message in (tmp_path / "second.log").read_text()


async def test_an_implied_port_gives_way(client, spec, first_pod, tmp_path):
    await client.start(spec())
    state = await client.start(
        spec("pause", id="a2", ports=(Port(number=80, implied=True),), log_path=str(tmp_path / "2.log"))
    )

    assert state.running
    assert "left to its owner" in (tmp_path / "2.log").read_text()
    assert b"web-1" in await curl(first_pod, "http://127.0.0.1/")


async def test_a_port_is_free_again_when_its_app_was_stopped(client, spec, first_pod):
    await client.start(spec())
    with connected(first_pod, socket.SOCK_STREAM, 80) as sock:
        await client.stop("a1")
        await client.stop("a1")
        assert await asyncio.to_thread(ended, sock)

    assert await client.list() == ()
    assert (await client.start(spec())).running


def ended(sock: socket.socket) -> bool:
    try:
        return sock.recv(1) == b""
    except ConnectionResetError:
        return True


async def test_flags_that_cannot_work_end_the_container(client, spec, tmp_path):
    state = await client.start(spec("netexec", args=("--colour=blue",)))

    assert (state.running, state.exit_code) == (False, 1)
    assert "unknown flag: --colour" in (tmp_path / "logs/0.log").read_text()


async def test_what_cannot_be_is_an_error(client, spec):
    await client.start(spec())
    with pytest.raises(ContainerExistsError):
        await client.start(spec())
    with pytest.raises(ControlError, match="no-such-netns"):
        await client.start(spec(id="a2", netns="no-such-netns"))


async def test_an_app_that_ends_itself_is_told_to_every_client(client, spec, first_pod, tmp_path):
    other = await connect(tmp_path)
    events = [client.events(), other.events()]
    await client.start(spec("netexec"))
    await curl(first_pod, "http://127.0.0.1:8080/exit?code=3")
    async with asyncio.timeout(60):
        states = [await anext(each) for each in events]
    await other.close()

    assert [(state.id, state.exit_code, state.reason) for state in states] == [("a1", 3, "Error")] * 2
    assert await client.list() == (states[0],)


async def test_netexec_dials_from_its_pod_with_its_names(client, spec, first_pod):
    await client.start(spec())
    await client.start(spec("netexec", id="a2"))

    answer = await curl(first_pod, "http://127.0.0.1:8080/dial?host=myself&port=8080&request=hostname")
    refused = await curl(first_pod, "http://127.0.0.1:8080/dial?host=127.0.0.1&port=9&request=x")

    assert json.loads(answer) == {"responses": ["web-1"]}
    assert "connection refused" in json.loads(refused)["errors"][0]


async def test_names_are_asked_of_the_pod_s_own_resolver(client, spec, first_pod):
    resolver = "nameserver 127.0.0.1\nsearch shop.svc\noptions ndots:5 timeout:1 attempts:1\n"
    asked_for = []
    with netns.opened(first_pod) as fd:
        nameserver = netns.open_socket(fd, socket.AF_INET, socket.SOCK_DGRAM)
    nameserver.bind(("127.0.0.1", 53))
    nameserver.settimeout(30)
    await client.start(spec("netexec", resolv_conf=resolver))

    def serve_one() -> None:
        query, peer = nameserver.recvfrom(512)
        asked_for.append(query[12:-5])
        found = b"\xc0\x0c\0\1\0\1\0\0\0\x1e\0\4" + bytes((127, 0, 0, 1))
        nameserver.sendto(query[:2] + b"\x81\x80\0\1\0\1\0\0\0\0" + query[12:] + found, peer)

    _, answer = await asyncio.gather(
        asyncio.to_thread(serve_one),
        curl(first_pod, "http://127.0.0.1:8080/dial?host=web&port=8080&request=hostname"),
    )
    nameserver.close()

    assert json.loads(answer) == {"responses": ["web-1"]}
    assert asked_for == [b"\3web\4shop\3svc"]


async def test_a_client_that_comes_back_finds_every_app_and_its_connections(
    client, spec, first_pod, tmp_path
):
    state = await client.start(spec("echo"))
    with connected(first_pod, socket.SOCK_STREAM, 80) as sock:
        await client.close()
        again = await connect(tmp_path)
        assert await again.list() == (state,)
        assert await asked(sock, b"still here") == b"still here"
        await again.close()


async def test_nonsense_on_a_connection_disturbs_nobody(client, spec, first_pod):
    await client.start(spec())
    with connected(first_pod, socket.SOCK_STREAM, 80) as sock:
        assert (await asked(sock, b"\x16\x03\x01nonsense\r\n\r\n")).startswith(b"HTTP/1.1 400")

    assert b"web-1" in await curl(first_pod, "http://127.0.0.1/")


async def test_500_apps_add_less_than_20_mb(client, server, spec, first_pod):
    before = pss_kb(server.pid)
    for number in range(APPS):
        ports = (Port(number=1000 + number), Port(number=1000 + number, protocol="UDP"))
        state = await client.start(spec(id=f"a{number}", ports=ports, hosts="10.0.0.1 pod\n" * 8))
        assert state.running

    assert b"web-1" in await curl(first_pod, f"http://127.0.0.1:{1000 + APPS - 1}/")
    assert pss_kb(server.pid) - before < GROWTH_LIMIT_KB


def pss_kb(pid: int) -> int:
    rollup = Path(f"/proc/{pid}/smaps_rollup").read_text()
    return int(re.search(r"^Pss:\s+(\d+)", rollup, re.MULTILINE)[1])
