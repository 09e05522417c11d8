"""What `netemu up` hears of a daemon's cluster."""

import asyncio

import pytest

from netemu.api.kinds import EVENT, NAMESPACE
from netemu.apiserver.client import LocalClient
from netemu.apiserver.http import serve
from netemu.apiserver.registry import Registry
from netemu.clock import system_clock
from netemu.cluster.ready import ask_ready, last_warning
from netemu.settings import Settings
from netemu.testing.memory_store import MemoryStore


def event(pod, at, kind="Warning", namespace="kube-system"):
    return {
        "metadata": {"name": f"{pod}.{at}", "namespace": namespace},
        "involvedObject": {"kind": "Pod", "name": pod, "namespace": namespace},
        "type": kind,
        "message": f"wrong at {at}",
        "lastTimestamp": f"2026-01-01T00:00:0{at}Z",
    }


@pytest.fixture
async def client(socket_path):
    registry = Registry(MemoryStore(), Settings(), system_clock)
    client = LocalClient(registry)
    for name in ("kube-system", "default"):
        await client.create(NAMESPACE, {"metadata": {"name": name}})
    async with serve(registry, None, socket_path):
        yield client


async def test_the_last_warning_of_the_clusters_own_pods_is_told(client, socket_path):
    for made in (event("dns", 1), event("dns", 3), event("dns", 2), event("dns", 4, "Normal")):
        await client.create(EVENT, made)
    await client.create(EVENT, event("web", 5, namespace="default"))

    assert await asyncio.to_thread(last_warning, socket_path) == "pod/dns: wrong at 3"


async def test_without_warnings_there_is_nothing_to_tell(client, socket_path):
    assert await asyncio.to_thread(last_warning, socket_path) == ""


def test_where_nobody_listens_nothing_is_known(tmp_path):
    assert ask_ready(tmp_path / "none.sock") == (False, "")
    assert last_warning(tmp_path / "none.sock") == ""
