"""Probes, from a node's namespace to real servers in it."""

import asyncio
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from netemu.agent import grpchealth
from netemu.agent.asking import Asker, Output
from netemu.agent.probes import Health, Prober
from netemu.agent.tasks import Tasks
from netemu.api.views import view
from netemu.api.views.core import Container
from netemu.clock import system_clock
from netemu.linux import netns
from netemu.testing.eventually import eventually

ADDRESS = "127.0.0.1"


class Watcher:
    """Keeps what a prober says."""

    def __init__(self, node: str, exit_code: int = 0) -> None:
        self.changes, self.complaints, self.restarts = 0, [], []
        self.exit_code = exit_code
        self.tasks = Tasks()
        self.prober = Prober(
            asker=Asker(str(Path("/run/netns") / node), self._exec),
            tasks=self.tasks,
            changed=self._changed,
            tell=lambda _uid, _container, _reason, message: self.complaints.append(message),
            failed=lambda _uid, _container, kind: self.restarts.append(kind),
            clock=system_clock,
        )

    async def _exec(self, uid, container, argv):
        return Output(self.exit_code, "")

    def _changed(self, uid):
        self.changes += 1

    @asynccontextmanager
    async def running(self):
        async with asyncio.TaskGroup() as group:
            task = group.create_task(self.tasks.run())
            await asyncio.sleep(0)
            yield self
            self.prober.close()
            task.cancel()

    def is_ready(self, *, initially=False, **probes):
        container = view(
            Container, {"name": "c", "ports": [{"name": "web", "containerPort": 8080}], **probes}
        )
        before = Health(initially, initially)
        return self.prober.observe("uid", container, ADDRESS, since_s=system_clock(), before=before).ready

    async def until_ready(self, **probes):
        await eventually(lambda: asyncio.sleep(0, self.is_ready(**probes)))


LATE = "context deadline exceeded (Client.Timeout exceeded while awaiting headers)"


@asynccontextmanager
async def serving(node, status="200 OK", port=8080, location=""):
    async def answer(reader, writer):
        path = (await reader.readline()).split()[1:2]  # nothing, from a probe that only connects
        said = "200 OK" if path == [location.encode()] else status
        writer.write(f"HTTP/1.1 {said}\r\nContent-Length: 0\r\nLocation: {location}\r\n\r\n".encode())
        await writer.drain()
        writer.close()

    with netns.opened(node) as fd:
        sock = netns.open_socket(fd, 2, 1)
    sock.bind((ADDRESS, port))
    server = await asyncio.start_server(answer, sock=sock)
    async with server:
        yield


HTTP = {"readinessProbe": {"httpGet": {"path": "/healthz", "port": "web"}, "periodSeconds": 1}}
TCP = {"readinessProbe": {"tcpSocket": {"port": 8080}, "periodSeconds": 1}}
EXEC = {"readinessProbe": {"exec": {"command": ["true"]}, "periodSeconds": 1}}


async def test_without_probes_a_container_is_ready_at_once(node):
    async with Watcher(node).running() as watcher:
        assert watcher.is_ready()


@pytest.mark.parametrize("probe", [HTTP, TCP], ids=["http", "tcp"])
async def test_a_container_is_ready_when_its_server_answers(node, probe):
    async with serving(node), Watcher(node).running() as watcher:
        assert not watcher.is_ready(**probe)
        await watcher.until_ready(**probe)


async def test_a_command_that_succeeds_makes_ready(node):
    async with Watcher(node).running() as watcher:
        await watcher.until_ready(**EXEC)


async def test_a_server_that_comes_late_is_not_blamed_for_it(node):
    async with Watcher(node).running() as watcher:
        assert not watcher.is_ready(**TCP)
        await asyncio.sleep(0.1)
        async with serving(node):
            await watcher.until_ready(**TCP)

    assert watcher.complaints == []


async def test_an_error_status_is_no_success_and_is_told(node):
    async with serving(node, "503 Service Unavailable"), Watcher(node).running() as watcher:
        assert not watcher.is_ready(**HTTP)
        await eventually(lambda: asyncio.sleep(0, watcher.complaints))

    assert watcher.complaints[0] == "Readiness probe failed: HTTP probe failed with statuscode: 503"


async def test_what_was_ready_stays_so_until_the_threshold(node):
    probe = {"readinessProbe": {**TCP["readinessProbe"], "failureThreshold": 2}}
    async with Watcher(node).running() as watcher:
        assert watcher.is_ready(initially=True, **probe)
        await eventually(lambda: asyncio.sleep(0, watcher.complaints))
        assert watcher.is_ready(initially=True, **probe)
        await eventually(lambda: asyncio.sleep(0, watcher.changes))

        assert not watcher.is_ready(initially=True, **probe)


async def test_a_failed_liveness_probe_asks_for_a_restart(node):
    probe = {"livenessProbe": {"tcpSocket": {"port": 8080}, "periodSeconds": 1, "failureThreshold": 1}}
    async with Watcher(node).running() as watcher:
        assert watcher.is_ready(**probe)
        await eventually(lambda: asyncio.sleep(0, watcher.restarts))

    assert watcher.restarts == ["liveness"]


async def test_a_redirect_within_the_host_is_followed(node):
    async with serving(node, "302 Found", location="/other"), Watcher(node).running() as watcher:
        await watcher.until_ready(**HTTP)

    assert watcher.complaints == []


async def test_a_redirect_elsewhere_is_a_success_with_a_warning(node):
    async with (
        serving(node, "302 Found", location="http://other.example/"),
        Watcher(node).running() as watcher,
    ):
        await watcher.until_ready(**HTTP)

    assert watcher.complaints == ["Readiness probe warning: Probe terminated redirects, Response body: "]


@asynccontextmanager
async def health_server(node, status, grpc_status="0"):
    from h2.config import H2Configuration
    from h2.connection import H2Connection
    from h2.events import DataReceived

    async def answer(reader, writer):
        connection = H2Connection(H2Configuration(client_side=False))
        connection.initiate_connection()
        writer.write(connection.data_to_send())
        while data := await reader.read(4096):
            for event in connection.receive_data(data):
                if isinstance(event, DataReceived):
                    assert event.data == b"\0\0\0\0\x04\n\x02my"
                    connection.send_headers(1, [(":status", "200"), ("content-type", "application/grpc")])
                    connection.send_data(1, bytes([0, 0, 0, 0, 2, 8, status]))
                    connection.send_headers(1, [("grpc-status", grpc_status)], end_stream=True)
            writer.write(connection.data_to_send())
        writer.close()

    with netns.opened(node) as fd:
        sock = netns.open_socket(fd, 2, 1)
    sock.bind((ADDRESS, 9000))
    server = await asyncio.start_server(answer, sock=sock)
    async with server:
        yield


@pytest.mark.parametrize(
    ("status", "grpc_status", "problem"),
    [
        (1, "0", ""),
        (2, "0", 'service unhealthy (responded with "NOT_SERVING")'),
        (0, "5", "error: health rpc probe failed: rpc error: code = NotFound desc = "),
    ],
)
async def test_a_health_service_is_asked_over_grpc(node, status, grpc_status, problem):
    async with health_server(node, status, grpc_status):
        assert await grpchealth.check(str(Path("/run/netns") / node), ADDRESS, 9000, "my") == problem


async def test_nobody_at_the_health_service_s_port_is_told(node):
    said = await grpchealth.check(str(Path("/run/netns") / node), ADDRESS, 9000, "", 3)

    assert said == (
        'timeout: failed to connect service "127.0.0.1:9000" within 3s: context deadline exceeded'
    )


@pytest.mark.parametrize(
    ("probe", "words"),
    [
        (
            {"httpGet": {"path": "/healthz", "port": 8080}},
            f'Get "http://127.0.0.1:8080/healthz": {LATE}',
        ),
        ({"grpc": {"port": 8080}}, "timeout: health rpc did not complete within 1s"),
    ],
    ids=["http", "grpc"],
)
async def test_a_server_that_never_answers_is_not_waited_for(node, probe, words):
    async def be_silent(reader, writer):
        await reader.read()
        writer.close()

    with netns.opened(node) as fd:
        sock = netns.open_socket(fd, 2, 1)
    sock.bind((ADDRESS, 8080))
    server = await asyncio.start_server(be_silent, sock=sock)
    async with server, Watcher(node).running() as watcher:
        watcher.is_ready(livenessProbe={**probe, "failureThreshold": 1, "periodSeconds": 1})
        await eventually(lambda: asyncio.sleep(0, watcher.restarts))

    assert watcher.complaints == [f"Liveness probe failed: {words}"]
