"""``metrics.k8s.io`` over HTTP."""

from __future__ import annotations

import msgspec
import pytest

from netemu.api.kinds import NODE, POD
from netemu.apiclient.http import HttpClient
from netemu.apiserver.http import serve
from netemu.apiserver.usage import ContainerUsage, UsageMeter
from netemu.cli.tables import TABLE_ACCEPT
from netemu.testing import builders

ROOT = "/apis/metrics.k8s.io/v1beta1"
HALF_BUSY = {"cpu": "500000000n", "memory": "2048Ki"}


class Counters:
    """One node whose pods a test names; their container keeps half a processor busy for a second."""

    def __init__(self):
        self.uids = []
        self.looks = 0

    async def usage(self):
        self.looks += 1
        return {
            "node-1": [ContainerUsage(f"{uid}_c_0", uid, "c", self.looks * 0.5, 2 << 20) for uid in self.uids]
        }


@pytest.fixture
def counters():
    return Counters()


@pytest.fixture
async def http(registry, pods, socket_path, counters, clock):
    async def pause(seconds):
        clock.now_s += seconds

    meter = UsageMeter(counters, clock, pause)
    async with serve(registry, pods, socket_path, clock=clock, meter=meter):
        client = HttpClient(socket_path)
        yield client
        await client.close()


@pytest.fixture
async def measured(registry, counters):
    """Two pods that run, one that does not yet, and their node."""
    await registry.create(NODE, builders.node("node-1"))
    for name in ("a", "b", "waiting"):
        pod = await registry.create(POD, builders.pod(name, labels={"name": name}, node="node-1"))
        counters.uids.append(pod["metadata"]["uid"])
    counters.uids.pop()


async def read(http, path, status=200, **headers):
    answer = await http.request("GET", f"{ROOT}{path}", headers=headers)
    assert answer.status == status
    return msgspec.json.decode(answer.body)


async def test_pods_that_run_are_measured_container_by_container(http, measured):
    listing = await read(http, "/namespaces/default/pods")
    first = listing["items"][0]

    assert listing["kind"] == "PodMetricsList"
    assert [item["metadata"]["name"] for item in listing["items"]] == ["a", "b"]
    assert first["containers"] == [{"name": "c", "usage": HALF_BUSY}]
    assert first["window"] == "1.000s"
    assert first["metadata"]["labels"] == {"name": "a"}


async def test_nodes_are_measured_as_the_sum_of_their_containers(http, measured):
    node = await read(http, "/nodes/node-1")

    assert (node["kind"], node["usage"]) == ("NodeMetrics", {"cpu": "1000000000n", "memory": "4096Ki"})


@pytest.mark.parametrize("query", ["labelSelector=name%3Db", "fieldSelector=metadata.name%3Db"])
async def test_selectors_choose_among_pods(http, measured, query):
    listing = await read(http, f"/pods?{query}")

    assert [item["metadata"]["name"] for item in listing["items"]] == ["b"]


async def test_a_table_can_be_had(http, measured):
    table = await read(http, "/pods", Accept=TABLE_ACCEPT)

    assert [column["name"] for column in table["columnDefinitions"]] == ["Name", "cpu", "memory", "Window"]
    assert table["rows"][0]["cells"] == ["a", "500m", "2Mi", "1.000s"]


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("/namespaces/default/pods/waiting", 'podmetrics.metrics.k8s.io "default/waiting" not found'),
        ("/nodes/none", 'nodemetrics.metrics.k8s.io "none" not found'),
        ("/services", "the server could not find the requested resource"),
    ],
)
async def test_what_is_not_measured_is_not_found(http, measured, path, words):
    assert (await read(http, path, 404))["message"] == words


@pytest.mark.parametrize(("method", "path"), [("DELETE", "/pods"), ("GET", "/pods?watch=1")])
async def test_measurements_can_only_be_read(http, measured, method, path):
    assert (await http.request(method, ROOT + path)).status == 405


async def test_discovery_names_them(http):
    listing = await read(http, "")

    assert [(one["name"], one["kind"], one["verbs"]) for one in listing["resources"]] == [
        ("nodes", "NodeMetrics", ["get", "list"]),
        ("pods", "PodMetrics", ["get", "list"]),
    ]
