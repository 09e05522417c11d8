"""What agnhost answers, as a process and as the stand-in server plays it: the same."""

from __future__ import annotations

import asyncio
import json
import re
import signal
import socket
import ssl
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from netemu.linux import netns
from netemu.runtime.container import AppSpec
from netemu.runtime.errors import DisconnectedError
from netemu.standin.client import StandinClient
from netemu.testing.eventually import eventually

PACKAGE = Path(__file__).resolve().parents[2] / "netemu/agnhost"
PROGRAM = "import sys; from netemu.agnhost.command import start; start()"
NAMED = 'hostname web-1; exec "$@"'
UP_S = 60
REFUSED = 7  # curl's exit code

Start = Callable[..., Awaitable[object]]


@pytest.fixture(params=["played", "process"])
def start(request: pytest.FixtureRequest) -> Start:
    """Start a subcommand in the first pod; gives the process if it is one."""
    started: Start = request.getfixturevalue(request.param)
    return started


@pytest.fixture
async def played(tmp_path: Path, first_pod: str) -> AsyncIterator[Start]:
    path = tmp_path / "standin.sock"
    server = run("-m", "netemu.standin.server", "--socket", str(path), "--netns-dir", "/run/netns")
    client = await connected_client(path)

    async def started(app: str, *args: str, env: dict[str, str] | None = None) -> None:
        log, name = str(tmp_path / f"{app}.log"), "web-1"
        spec = AppSpec(
            id=app, app=app, netns=first_pod, log_path=log, args=args, env=env or {}, hostname=name
        )
        state = await client.start(spec)
        assert state.running, state.message

    yield started
    await client.close()
    server.terminate()
    assert server.wait(10) == 0


def run(*argv: str) -> subprocess.Popen[str]:
    return subprocess.Popen([sys.executable, *argv], text=True)


async def connected_client(path: Path) -> StandinClient:
    async with asyncio.timeout(UP_S):
        while True:
            try:
                return await StandinClient.connect(path)
            except DisconnectedError:
                await asyncio.sleep(0.01)


@pytest.fixture
def process(first_pod: str) -> Iterator[Start]:
    running: list[subprocess.Popen[str]] = []

    def begin(subcommand: str, *args: str, env: dict[str, str] | None = None) -> subprocess.Popen[str]:
        inside = ("ip", "netns", "exec", first_pod, "unshare", "--uts", "sh", "-c", NAMED, "sh")
        argv = (*inside, sys.executable, "-c", PROGRAM, subcommand, *args)
        settings = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "PYTHONPATH": str(PACKAGE.parents[1])}
        running.append(
            subprocess.Popen(argv, env={**settings, **(env or {})}, text=True, stderr=subprocess.PIPE)
        )
        return running[-1]

    async def started(subcommand: str, *args: str, **more: dict[str, str]) -> subprocess.Popen[str]:
        return begin(subcommand, *args, **more)

    yield started
    for each in running:
        each.kill()
        each.communicate()


async def curl(pod: str, *words: str) -> str:
    """Ask, as soon as somebody is there."""
    argv = ("ip", "netns", "exec", pod, "curl", "-s", "--max-time", "10", *words)
    async with asyncio.timeout(UP_S):
        while True:
            program = await asyncio.create_subprocess_exec(*argv, stdout=subprocess.PIPE)
            output, _ = await program.communicate()
            if program.returncode != REFUSED:
                return output.decode(errors="replace")
            await asyncio.sleep(0.02)


def open_in(pod: str, family: int, kind: int) -> socket.socket:
    with netns.opened(pod) as fd:
        sock = netns.open_socket(fd, family, kind)
    sock.settimeout(30)
    return sock


async def exchanged(pod: str, host: str, port: int, data: bytes) -> bytes:
    """Send a datagram and give the answer, from whom it was asked of."""

    def exchange() -> bytes:
        with open_in(pod, socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_DGRAM) as sock:
            sock.connect((host, port))
            sock.send(data)
            return sock.recv(2048)

    return await asyncio.to_thread(exchange)


NETEXEC = {
    "/hostname": "web-1 200",
    "/echo?msg=hi&code=418": "hi 418",
    "/readyz": "ok 200",
    "/header?key=x-trace": "7 200",
    "/dial?host=127.0.0.1&port=8080&request=hostname": '{"responses":["web-1"]} 200',
    "/dial?host=::1&port=8080&request=echo?msg=six": '{"responses":["six"]} 200',
    "/dial?host=127.0.0.1&port=8081&protocol=udp&request=echo+hi&tries=2": '{"responses":["hi","hi"]} 200',
    "/dial?host=127.0.0.1&port=9&request=x": (
        '{"errors":["Get \\"http://127.0.0.1:9/x\\": dial tcp 127.0.0.1:9: connect: connection refused"]} 200'
    ),
    "/dial?host=127.0.0.1&port=8080": "request parameter not specified. <nil>\n 400",
}


async def test_netexec_answers_over_http(start, first_pod):
    await start("netexec")
    ask = ("-g", "-H", "X-Trace: 7", "-w", " %{http_code}")

    assert {
        target: await curl(first_pod, *ask, f"http://127.0.0.1:8080{target}") for target in NETEXEC
    } == NETEXEC


async def test_a_datagram_that_is_refused_is_told_with_the_address_it_came_from(start, first_pod):
    await start("netexec")
    said = await curl(first_pod, "http://127.0.0.1:8080/dial?host=127.0.0.1&port=9&protocol=udp&request=x")

    (problem,) = json.loads(said)["errors"]
    assert re.fullmatch(
        r"reading from udp connection failed. err:'read udp 127.0.0.1:\d+->127.0.0.1:9: "
        "read: connection refused'",
        problem,
    )


async def test_netexec_answers_on_both_families_and_shows_addresses_as_they_are(start, first_pod):
    await start("netexec")

    assert (await curl(first_pod, "http://127.0.0.1:8080/clientip")).startswith("127.0.0.1:")
    assert (await curl(first_pod, "-g", "http://[::1]:8080/clientip")).startswith("[::1]:")
    assert await exchanged(first_pod, "127.0.0.1", 8081, b"hostname") == b"web-1"
    assert (await exchanged(first_pod, "127.0.0.9", 8081, b"clientip")).startswith(b"127.0.0.1:")
    assert (await exchanged(first_pod, "::1", 8081, b"ClientIP\n")).startswith(b"[::1]:")


async def test_serve_hostname_serves_it(start, first_pod):
    await start("serve-hostname", "--port=80")

    assert await curl(first_pod, "http://127.0.0.1/any") == "web-1"


async def test_serve_hostname_says_it_raw(start, first_pod):
    await start("serve-hostname", "--http=false", "--tcp", "--udp")

    assert await curl(first_pod, "--http0.9", "telnet://127.0.0.1:9376") == "web-1"
    assert await exchanged(first_pod, "127.0.0.1", 9376, b"?") == b"web-1"


async def test_test_webserver_shows_its_root(start, first_pod):
    await start("test-webserver")
    page = await curl(first_pod, "-i", "http://127.0.0.1/")

    assert "Access-Control-Allow-Origin: *" in page
    assert '<a href="etc/">etc/</a>' in page


async def test_echo_basic_says_what_was_asked(start, first_pod):
    await start("echo-basic", env={"POD_NAME": "web-1", "NAMESPACE": "shop", "HTTP_PORT": "80"})
    document = json.loads(await curl(first_pod, "-X", "PUT", "http://127.0.0.1/a?b=c"))

    assert {key: document[key] for key in ("path", "method", "proto", "pod", "namespace", "httpPort")} == {
        "path": "/a?b=c",
        "method": "PUT",
        "proto": "HTTP/1.1",
        "pod": "web-1",
        "namespace": "shop",
        "httpPort": "80",
    }


async def test_echo_basic_speaks_http_2(start, first_pod):
    await start("echo-basic", env={"POD_NAME": "web-1"})
    said = await curl(
        first_pod, "--http2-prior-knowledge", "-H", "X-Trace: a b", "http://127.0.0.1:3001/x?y=z"
    )
    document = json.loads(said)

    assert (document["proto"], document["host"], document["path"]) == ("HTTP/2.0", "127.0.0.1:3001", "/x?y=z")
    assert document["headers"]["X-Trace"] == ["a b"]


async def test_echo_basic_tells_what_was_agreed_on_in_tls(start, first_pod):
    files = {
        "TLS_SERVER_CERT": str(PACKAGE / "localhost.crt"),
        "TLS_SERVER_PRIVKEY": str(PACKAGE / "localhost.key"),
    }
    await start("echo-basic", env=files)
    asked = ("-k", "--tls-max", "1.2", "--resolve", "web.example:8443:127.0.0.1")
    document = json.loads(await curl(first_pod, *asked, "https://web.example:8443/backendTLS"))

    assert {key: document["tls"][key] for key in ("version", "serverName", "negotiatedProtocol")} == {
        "version": "TLSv1.2",
        "serverName": "web.example",
        "negotiatedProtocol": "http/1.1",
    }
    assert document["tls"]["cipherSuite"].startswith("TLS_ECDHE_ECDSA_WITH_")
    assert document["sni"] == "web.example"


async def test_echo_basic_speaks_grpc(start, first_pod, tmp_path):
    await start("echo-basic", env={"GRPC_ECHO_SERVER": "1", "POD_NAME": "web-1"})
    method = "gateway_api_conformance.echo_basic.grpcecho.GrpcEcho/Echo"
    (tmp_path / "empty").write_bytes(b"\0" * 5)
    asked = ("-H", "content-type: application/grpc", "-H", "x-trace: 7", "--data-binary")
    address = f"http://127.0.0.1:3000/{method}"
    said = await curl(
        first_pod, "--http2-prior-knowledge", "-i", *asked, f"@{tmp_path}/empty", address, "-o", "-"
    )

    assert "content-type: application/grpc" in said
    assert "grpc-status: 0" in said
    assert f"/{method}" in said
    assert "x-trace" in said
    assert "web-1" in said


async def test_echo_basic_speaks_websocket(start, first_pod):
    await start("echo-basic", env={"HTTP_PORT": "80"})
    await curl(first_pod, "http://127.0.0.1/health")
    head = b"Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: x\r\n\r\n"
    ask = b"GET /ws HTTP/1.1\r\nHost: w\r\n" + head
    hello = b"\x81\x82\0\0\0\0hi"

    def converse() -> tuple[bytes, bytes]:
        with open_in(first_pod, socket.AF_INET, socket.SOCK_STREAM) as sock:
            sock.connect(("127.0.0.1", 80))
            sock.sendall(ask)
            answer = sock.recv(4096)
            sock.sendall(hello)
            return answer, sock.recv(100)

    answer, said = await asyncio.to_thread(converse)
    assert answer.startswith(b"HTTP/1.1 101 Switching Protocols\r\n")
    assert said == b"\x81\x02hi"


async def test_netexec_runs_commands_and_ends_with_the_code_it_is_told(process, first_pod):
    running = await process("netexec")

    assert json.loads(await curl(first_pod, "http://127.0.0.1:8080/shell?cmd=echo+hi;false")) == {
        "output": "hi\n",
        "error": "exit status 1",
    }
    await curl(first_pod, "http://127.0.0.1:8080/exit?code=7")
    assert await asyncio.to_thread(running.wait, 10) == 7


async def test_netexec_serves_on_but_is_not_ready_while_it_delays_its_end(process, first_pod):
    running = await process("netexec", "--delay-shutdown=600")
    assert await curl(first_pod, "http://127.0.0.1:8080/readyz") == "ok"
    running.send_signal(signal.SIGTERM)

    async def is_ending() -> bool:
        return await curl(first_pod, "http://127.0.0.1:8080/readyz") == "shutting down"

    await eventually(is_ending, within_s=UP_S)


async def test_porter_serves_what_its_environment_says(start, first_pod):
    await start("porter", env={"SERVE_PORT_80": "plain", "SERVE_UDP_PORT_53": "datagram"})

    assert await curl(first_pod, "http://127.0.0.1/") == "plain"
    assert await exchanged(first_pod, "127.0.0.1", 53, b"?") == b"datagram"


async def test_porter_serves_tls_in_a_process(process, first_pod):
    files = {"CERT_FILE": str(PACKAGE / "localhost.crt"), "KEY_FILE": str(PACKAGE / "localhost.key")}
    await process("porter", env={"SERVE_TLS_PORT_443": "secret", **files})

    assert await curl(first_pod, "--cacert", files["CERT_FILE"], "https://127.0.0.1/") == "secret"


async def test_the_certificate_is_one_that_clients_can_check():
    context = ssl.create_default_context(cafile=str(PACKAGE / "localhost.crt"))

    assert context.cert_store_stats()["x509"] == 1


async def test_coredns_answers_for_the_hosts_of_its_configuration(process, first_pod, tmp_path):
    corefile = tmp_path / "Corefile"
    corefile.write_text(". {\n  hosts {\n    192.0.2.123 my.test\n    2001:db8::29 my.test\n  }\n  log\n}\n")
    await process("coredns", "-conf", str(corefile))
    asked = ("my.test", "AAAA", "my.test", "-x", "192.0.2.123", "+tcp", "my.test", "other.test")
    argv = ("ip", "netns", "exec", first_pod, "dig", "@127.0.0.1", "+short", "+retry=50", "+time=1", *asked)

    async def answers() -> list[str]:
        program = await asyncio.create_subprocess_exec(*argv, stdout=subprocess.PIPE)
        output, _ = await program.communicate()
        return sorted(set(output.decode().split()))

    await eventually(answers, ["192.0.2.123", "2001:db8::29", "my.test."].__eq__, within_s=UP_S)


async def test_net_runs_the_ends_of_a_connection_that_is_half_closed(process, first_pod):
    end = json.dumps({"LocalAddr": ":11302", "PostFinTimeoutSeconds": 600})
    await process("net", "--runner", "nat-closewait-server", "--options", end)
    await process("net", "--serve", ":11301")
    other = json.dumps({"RemoteAddr": "127.0.0.1:11302", "TimeoutSeconds": 10, "LeakConnection": True})

    async def answer() -> str:
        return await curl(first_pod, "-d", other, "http://127.0.0.1:11301/run/nat-closewait-client")

    said = await eventually(answer, lambda said: "refused" not in said, within_s=UP_S)
    assert said.startswith("ok\noutput:\n\n#")
    assert "Server has half-closed the connection" in said


async def test_grpc_health_checks_are_answered_over_http_2(process, first_pod):
    await process("grpc-health-checking", "--service=shop")
    post = ("--http2-prior-knowledge", "--data-binary", "@/dev/null", "-w", "%{http_code} %{content_type}")

    said = await curl(first_pod, *post, "http://127.0.0.1:5000/grpc.health.v1.Health/Check")
    assert said == "200 application/grpc"
    assert await curl(first_pod, "http://127.0.0.1:8080/make-not-serving") != ""


async def test_an_h2c_server_says_ok(process, first_pod):
    await process("h2c-server")

    assert await curl(first_pod, "--http2-prior-knowledge", "http://127.0.0.1/any") == "ok"


def has_sctp() -> bool:
    """Tell whether this kernel has sockets of SCTP."""
    try:
        socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_SCTP).close()
    except OSError:
        return False
    return True


NO_SCTP = f"OTHER: {'connection refused' if has_sctp() else 'protocol not supported'}\n"


@pytest.mark.parametrize(
    ("args", "code", "said"),
    [
        pytest.param(("127.0.0.1:80",), 0, "", id="somebody"),
        pytest.param(("127.0.0.1:81",), 1, "REFUSED\n", id="refused"),
        pytest.param(("127.0.0.1:82", "--timeout=50ms"), 1, "TIMEOUT\n", id="timeout"),
        pytest.param(("--protocol", "udp", "127.0.0.1:81"), 1, "REFUSED: read udp", id="udp-refused"),
        pytest.param(("--protocol=udp", "127.0.0.1:80", "--timeout=50ms"), 1, "TIMEOUT: ", id="udp-timeout"),
        pytest.param(("192.0.2.1:80",), 1, "OTHER: dial tcp 192.0.2.1:80: ", id="no-route"),
        pytest.param(("--protocol=sctp", "127.0.0.1:80", "--timeout=5s"), 1, NO_SCTP, id="sctp"),
        pytest.param(("nobody.invalid:80", "--timeout=1s"), 1, "DNS: ", id="no-such-name"),
        pytest.param(("web",), 1, "UNKNOWN: address web: missing port in address\n", id="no-port"),
        pytest.param((), 1, "Error: accepts 1 arg(s), received 0\n", id="no-target"),
        pytest.param(("a:1", "--protocol=icmp"), 1, "Unsupported protocol\n", id="no-protocol"),
    ],
)
async def test_connect_has_one_word_for_what_became_of_it(process, first_pod, args, code, said):
    with ExitStack() as stack:
        for sock in (listening(first_pod, 80), *full(first_pod, 82), silent(first_pod, 80)):
            stack.enter_context(sock)
        running = await process("connect", *args)
        _, errors = await asyncio.to_thread(running.communicate, timeout=UP_S)

    assert running.returncode == code
    assert errors.startswith(said)
    assert bool(errors) is bool(said)


def listening(pod: str, port: int, backlog: int = 8) -> socket.socket:
    """Give a socket that takes connections."""
    sock = open_in(pod, socket.AF_INET, socket.SOCK_STREAM)
    sock.bind(("127.0.0.1", port))
    sock.listen(backlog)
    return sock


def full(pod: str, port: int) -> list[socket.socket]:
    """Give a socket that takes no more connections, and those that fill it."""
    clients = [open_in(pod, socket.AF_INET, socket.SOCK_STREAM) for _ in range(4)]
    sockets = [listening(pod, port, backlog=0), *clients]
    for client in clients:
        client.setblocking(False)
        client.connect_ex(("127.0.0.1", port))
    return sockets


def silent(pod: str, port: int) -> socket.socket:
    """Give a socket that takes datagrams and never answers."""
    sock = open_in(pod, socket.AF_INET, socket.SOCK_DGRAM)
    sock.bind(("127.0.0.1", port))
    return sock
