"""Probes, from a node's namespace to real servers in it."""

import asyncio
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from netemu.agent.probes import Prober
from netemu.api.views import view
from netemu.api.views.core import Container
from netemu.linux import netns
from netemu.testing.eventually import eventually

ADDRESS = "127.0.0.1"


class Watcher:
    """Keeps what a prober says."""

    def __init__(self, node: str, exit_code: int = 0) -> None:
        self.changes, self.complaints, self.restarts = 0, [], []
        self.exit_code = exit_code
        self.prober = Prober(
            node_netns=str(Path("/run/netns") / node),
            exec_in=self._exec,
            changed=self._changed,
            unhealthy=lambda _uid, message: self.complaints.append(message),
            failed=self._failed,
        )

    async def _exec(self, uid, container, argv):
        return self.exit_code

    def _changed(self, uid):
        self.changes += 1

    async def _failed(self, uid, container, kind):
        self.restarts.append(kind)

    @asynccontextmanager
    async def running(self):
        async with asyncio.TaskGroup() as group:
            task = group.create_task(self.prober.run())
            await asyncio.sleep(0)
            yield self
            task.cancel()

    def is_ready(self, *, initially=False, **probes):
        container = view(
            Container, {"name": "c", "ports": [{"name": "web", "containerPort": 8080}], **probes}
        )
        return self.prober.is_ready("uid", container, ADDRESS, initially=initially)

    async def until_ready(self, **probes):
        await eventually(lambda: asyncio.sleep(0, self.is_ready(**probes)))


@asynccontextmanager
async def serving(node, status="200 OK", port=8080):
    async def answer(reader, writer):
        await reader.readline()  # nothing, from a probe that only connects
        writer.write(f"HTTP/1.1 {status}\r\nContent-Length: 0\r\n\r\n".encode())
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
