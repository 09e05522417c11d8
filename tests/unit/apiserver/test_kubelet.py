"""What is told in the name of a node's kubelet."""

from __future__ import annotations

import msgspec
import pytest

from netemu.api.kinds import NODE, POD
from netemu.testing import builders

PROXY = "/api/v1/nodes/node-1/proxy"


@pytest.fixture
async def node(registry):
    return await registry.create(NODE, builders.node("node-1"))


@pytest.mark.parametrize("name", ["node-1", "node-1:10250"])
async def test_a_kubelet_has_a_directory_of_logs(http, node, name):
    answer = await http.request("GET", f"/api/v1/nodes/{name}/proxy/logs/")

    assert (answer.status, answer.body) == (200, b"<pre>\n</pre>\n")


@pytest.mark.parametrize("name", ["node-1", "node-1:10250", "https:node-1:10250"])
@pytest.mark.parametrize("check", ["healthz", "healthz/ping", "healthz/syncloop"])
async def test_a_kubelet_is_healthy(http, node, name, check):
    answer = await http.request("GET", f"/api/v1/nodes/{name}/proxy/{check}")

    assert (answer.status, answer.body) == (200, b"ok")


@pytest.mark.parametrize("path", ["pods", "pods/", "runningpods/"])
async def test_a_kubelet_lists_its_own_pods(http, node, registry, path):
    for name, where in (("here", "node-1"), ("there", "node-2")):
        await registry.create(POD, builders.pod(name, node=where))
    listing = msgspec.json.decode((await http.request("GET", f"{PROXY}/{path}")).body)

    assert listing["kind"] == "PodList"
    assert [pod["metadata"]["name"] for pod in listing["items"]] == ["here"]


async def test_a_kubelet_shows_its_configuration_and_names_its_pods(http, node, registry):
    pod = await registry.create(POD, builders.pod("here", node="node-1"))
    config = msgspec.json.decode((await http.request("GET", f"{PROXY}/configz")).body)
    summary = msgspec.json.decode((await http.request("GET", f"{PROXY}/stats/summary")).body)
    metrics = (await http.request("GET", f"{PROXY}/metrics")).body

    assert config["kubeletconfig"]["port"] == 10250
    assert summary["node"]["nodeName"] == "node-1"
    assert [each["podRef"]["uid"] for each in summary["pods"]] == [pod["metadata"]["uid"]]
    assert b"\nkubelet_running_pods 1\n" in metrics


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", f"{PROXY}/nothing", 404),
        ("GET", f"{PROXY}/", 404),
        ("POST", f"{PROXY}/pods", 405),
        ("GET", "/api/v1/nodes/node-9/proxy/healthz", 404),
        ("GET", "/api/v1/nodes/node-1:0/proxy/healthz", 400),
    ],
)
async def test_there_is_no_more(http, node, method, path, status):
    assert (await http.request(method, path)).status == status
