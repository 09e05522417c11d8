"""A thousand watches whose clients are silent: what they cost, and that the server outlives them."""

from __future__ import annotations

import asyncio
import resource
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from netemu.api.kinds import CONFIG_MAP, NAMESPACE
from netemu.apiclient.http import HttpClient
from netemu.apiserver.http import serve
from netemu.apiserver.registry import Registry
from netemu.settings import Settings
from netemu.testing.eventually import eventually
from netemu.testing.memory_store import MemoryStore

CROWD = 1000
MOST_BYTES_EACH = 48 << 10
WATCH = b"GET /api/v1/configmaps?watch=1 HTTP/1.1\r\nHost: x\r\n\r\n"
PAGE_BYTES = resource.getpagesize()


@pytest.fixture
def many_files() -> Iterator[None]:
    """Room for both ends of a thousand connections."""
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (before[1], before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, before)


def resident_bytes() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * PAGE_BYTES


def watching(path: Path) -> socket.socket:
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    sock.connect(str(path))
    sock.sendall(WATCH)
    sock.setblocking(False)
    return sock


async def tasks_left() -> int:
    return len(asyncio.all_tasks())


async def first_bytes(sock: socket.socket) -> bytes:
    return await asyncio.get_running_loop().sock_recv(sock, 4096)


async def test_a_thousand_silent_watches_cost_little_and_leave_nothing(many_files: None) -> None:
    registry = Registry(MemoryStore(), Settings(), time.time)
    await registry.create(NAMESPACE, {"metadata": {"name": "default"}})
    with TemporaryDirectory() as directory, ExitStack() as crowd:
        path = Path(directory) / "api.sock"
        async with serve(registry, None, path):  # type: ignore[arg-type]
            empty_bytes = resident_bytes()
            socks = []
            for _ in range(CROWD):
                socks.append(crowd.enter_context(watching(path)))
                await asyncio.sleep(0)
            heads = [await first_bytes(sock) for sock in socks]
            grown_bytes = resident_bytes() - empty_bytes
            await registry.create(CONFIG_MAP, {"metadata": {"name": "news", "namespace": "default"}})
            events = [await first_bytes(sock) for sock in socks]
            crowd.close()
            client = HttpClient(path)
            answer = await client.request("GET", "/version")
            await client.close()
            await eventually(tasks_left, lambda left: left < CROWD)

    assert all(head.startswith(b"HTTP/1.1 200") for head in heads)
    assert all(b'"ADDED"' in event for event in events)
    assert grown_bytes < CROWD * MOST_BYTES_EACH
    assert answer.status == 200
