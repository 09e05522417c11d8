"""What the oldest clients ask for, and what is served beside objects."""

from __future__ import annotations

import asyncio

import aiohttp
import msgspec
import pytest

from netemu.api.kinds import CONFIG_MAP, SERVICE
from netemu.testing import builders

TABLE = "application/json;as=Table;v=v1;g=meta.k8s.io"


def config_map(name="c"):
    return {"metadata": {"name": name, "namespace": "default"}}


async def watched(http, path):
    lines = b"".join([piece async for piece in http.stream("GET", f"{path}?timeoutSeconds=1")]).splitlines()
    return [(event["type"], event["object"]["metadata"]["name"]) for event in map(msgspec.json.decode, lines)]


@pytest.mark.parametrize(
    ("path", "names"),
    [
        ("/api/v1/watch/configmaps", ["a", "b"]),
        ("/api/v1/watch/namespaces/default/configmaps", ["a", "b"]),
        ("/api/v1/watch/namespaces/default/configmaps/b", ["b"]),
        ("/apis/apps/v1/watch/deployments", []),
    ],
)
async def test_a_watch_can_be_said_in_the_path(http, registry, path, names):
    for name in "ab":
        await registry.create(CONFIG_MAP, config_map(name))

    assert await watched(http, path) == [("ADDED", name) for name in names]


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/api/v1/watch", 404),
        ("GET", "/api/v1/watch/nothings", 404),
        ("GET", "/api/v1/watch/namespaces/default/pods/p/log", 404),
        ("DELETE", "/api/v1/watch/namespaces/default/pods", 405),
    ],
)
async def test_there_is_nothing_else_below_watch(http, method, path, status):
    assert (await http.request(method, path)).status == status


async def test_components_are_healthy_while_somebody_answers(http):
    listing = msgspec.json.decode((await http.request("GET", "/api/v1/componentstatuses")).body)
    one = await http.request("GET", "/api/v1/componentstatuses/etcd-0")
    none = await http.request("GET", "/api/v1/componentstatuses/nobody")
    written = await http.request("DELETE", "/api/v1/componentstatuses/etcd-0")

    assert [item["metadata"]["name"] for item in listing["items"]] == [
        "controller-manager",
        "etcd-0",
        "scheduler",
    ]
    assert msgspec.json.decode(one.body)["conditions"][0]["type"] == "Healthy"
    assert (none.status, written.status) == (404, 405)


async def test_components_are_printed_as_kubectl_prints_them(http):
    answer = await http.request("GET", "/api/v1/componentstatuses", headers={"Accept": TABLE})
    table = msgspec.json.decode(answer.body)

    assert [column["name"] for column in table["columnDefinitions"]] == ["Name", "Status", "Message", "Error"]
    assert table["rows"][0]["cells"] == ["controller-manager", "Healthy", "ok", ""]


async def test_all_services_of_a_namespace_can_be_deleted_at_once(http, registry):
    for name in ("one", "two"):
        await registry.create(SERVICE, builders.service(name))
    answer = await http.request("DELETE", "/api/v1/namespaces/default/services")

    assert (answer.status, registry.list(SERVICE).items) == (200, [])


async def test_a_watch_can_go_over_a_websocket(served, registry):
    await registry.create(CONFIG_MAP, config_map("a"))
    connector = aiohttp.UnixConnector(str(served))
    async with aiohttp.ClientSession(connector=connector) as session, asyncio.timeout(60):
        url = "ws://x/api/v1/configmaps?watch=1&timeoutSeconds=1"
        async with session.ws_connect(url) as ws:
            first = await ws.receive_json()
            await registry.create(CONFIG_MAP, config_map("b"))
            second = await ws.receive_json()
            end = await ws.receive()

    assert [(each["type"], each["object"]["metadata"]["name"]) for each in (first, second)] == [
        ("ADDED", "a"),
        ("ADDED", "b"),
    ]
    assert end.type is aiohttp.WSMsgType.CLOSE
