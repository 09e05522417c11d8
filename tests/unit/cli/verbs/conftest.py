"""A real API server on a Unix socket, with an empty cluster behind it."""

import pytest

from netemu.api.kinds import NAMESPACE
from netemu.apiclient.http import HttpClient
from netemu.apiserver.client import LocalClient
from netemu.apiserver.http import serve
from netemu.apiserver.registry import Registry
from netemu.cli.session import Session
from netemu.clock import system_clock
from netemu.settings import Settings
from netemu.testing.memory_store import MemoryStore


class PodsThatSpeak:
    """Pod access that knows one log and no commands."""

    async def logs(self, pod, container, options):
        async def lines():
            yield f"{pod['metadata']['name']}/{container} tail={options.tail_lines}\n".encode()
            yield b"second line\n"

        return lines()


@pytest.fixture
def registry():
    return Registry(MemoryStore(), Settings(), system_clock)


@pytest.fixture
def client(registry):
    return LocalClient(registry)


@pytest.fixture
async def session(registry, client, socket_path):
    await client.create(NAMESPACE, {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "default"}})
    async with serve(registry, PodsThatSpeak(), socket_path):
        http = HttpClient(socket_path)
        yield Session(http, socket_path)
        await http.close()
