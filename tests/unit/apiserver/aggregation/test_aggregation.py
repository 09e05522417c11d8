"""Groups that other API servers answer for: whether they do, and how discovery shows them."""

from __future__ import annotations

import asyncio

import msgspec
import pytest

from netemu.api.errors import UnavailableError
from netemu.api.kinds import API_SERVICE, ENDPOINT_SLICE, SERVICE
from netemu.apiserver.aggregation.availability import Availability
from netemu.apiserver.aggregation.remotes import is_available, remote_of

NAME = "v1.wardle.example.com"
PLACE = {"namespace": "default", "name": "api", "port": 443}
RESOURCES = [
    {
        "name": "flunders",
        "singularName": "flunder",
        "namespaced": True,
        "kind": "Flunder",
        "verbs": ["get", "list"],
        "shortNames": ["fl"],
    },
    {"name": "flunders/status", "singularName": "", "namespaced": True, "kind": "Flunder", "verbs": ["get"]},
]


def api_service(version="v1", **spec):
    return {
        "metadata": {"name": f"{version}.wardle.example.com"},
        "spec": {
            "group": "wardle.example.com",
            "version": version,
            "groupPriorityMinimum": 1000,
            "versionPriority": 15,
            "insecureSkipTLSVerify": True,
            "service": PLACE,
            **spec,
        },
    }


class Server:
    """Another API server, as a test wants it to answer."""

    def __init__(self):
        self.status, self.body = 200, msgspec.json.encode({"resources": RESOURCES})
        self.error = None

    async def get(self, remote, path):
        if self.error is not None:
            raise self.error
        return self.status, self.body


@pytest.fixture
async def cluster(registry):
    service = {"metadata": {"name": "api"}, "spec": {"ports": [{"port": 443}], "selector": {"a": "b"}}}
    await registry.create(SERVICE, service, namespace="default")
    labels = {"kubernetes.io/service-name": "api"}
    slice_ = {
        "metadata": {"name": "api-x", "labels": labels},
        "addressType": "IPv4",
        "endpoints": [{"addresses": ["10.244.0.9"], "conditions": {"ready": True}}],
        "ports": [{"port": 443, "protocol": "TCP", "name": ""}],
    }
    await registry.create(ENDPOINT_SLICE, slice_, namespace="default")
    return registry


async def condition(registry, server, service=None):
    await registry.create(API_SERVICE, service or api_service())
    await Availability(registry, server.get, lambda: 0.0).check()
    (found,) = registry.get(API_SERVICE, "", NAME)["status"]["conditions"]
    return found["status"], found["reason"], found["message"]


async def test_a_server_that_answers_is_available(cluster):
    assert await condition(cluster, Server()) == ("True", "Passed", "all checks passed")


@pytest.mark.parametrize(
    ("place", "expected"),
    [
        ({"name": "none"}, ("ServiceNotFound", 'service/none in "default" is not present')),
        ({"port": 8443}, ("ServicePortError", 'service/api in "default" is not listening on port 8443')),
    ],
)
async def test_a_service_that_is_not_there_makes_it_unavailable(cluster, place, expected):
    found = await condition(cluster, Server(), api_service(service={**PLACE, **place}))

    assert found == ("False", *expected)


async def test_a_service_without_endpoints_makes_it_unavailable(cluster):
    await cluster.patch(ENDPOINT_SLICE, "default", "api-x", {"endpoints": []})
    unready = await condition(cluster, Server())
    await cluster.delete(ENDPOINT_SLICE, "default", "api-x")
    await Availability(cluster, Server().get, lambda: 0.0).check()
    (gone,) = cluster.get(API_SERVICE, "", NAME)["status"]["conditions"]

    assert unready == (
        "False",
        "MissingEndpoints",
        'endpoints for service/api in "default" have no addresses with port name ""',
    )
    assert gone["message"] == 'cannot find endpointslices for service/api in "default"'


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"error": UnavailableError("error trying to reach service: refused")}, "refused"),
        ({"status": 500}, "bad status from https://api.default.svc:443/apis/wardle.example.com/v1: 500"),
        ({"body": b"hello"}, "JSON is malformed: invalid character (byte 0)"),
    ],
)
async def test_a_server_that_does_not_answer_well_is_unavailable(cluster, change, why):
    server = Server()
    vars(server).update(change)
    head = "failing or missing response from https://api.default.svc:443/apis/wardle.example.com/v1: "

    assert await condition(cluster, server) == ("False", "FailedDiscoveryCheck", head + why)


async def test_a_server_that_comes_later_is_found(cluster):
    server = Server()
    server.error = UnavailableError("not yet")
    await cluster.create(API_SERVICE, api_service())
    watch = cluster.watch(API_SERVICE, revision=cluster.revision)
    async with asyncio.TaskGroup() as group, asyncio.timeout(30):
        running = group.create_task(Availability(cluster, server.get, lambda: 0.0).run())
        await watch.take()
        server.error = None
        await cluster.patch(API_SERVICE, "", NAME, {"metadata": {"labels": {"a": "b"}}})
        while not is_available(cluster.get(API_SERVICE, "", NAME)):
            await watch.take()
        running.cancel()

    assert cluster.remotes.resources[NAME] == RESOURCES


async def documents(http, path, accept="application/json"):
    return msgspec.json.decode((await http.request("GET", path, headers={"Accept": accept})).body)


async def test_discovery_shows_what_others_serve(cluster, http):
    await cluster.create(API_SERVICE, api_service("v1beta1", versionPriority=5))
    await condition(cluster, Server())
    aggregated = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"

    groups = {group["name"]: group for group in (await documents(http, "/apis"))["groups"]}
    group = await documents(http, "/apis/wardle.example.com")
    items = {item["metadata"]["name"]: item for item in (await documents(http, "/apis", aggregated))["items"]}
    (flunders,) = items["wardle.example.com"]["versions"][0]["resources"]

    versions = [{"groupVersion": f"wardle.example.com/{v}", "version": v} for v in ("v1", "v1beta1")]
    assert groups["wardle.example.com"]["versions"] == group["versions"] == versions
    assert "apps" in groups
    assert (flunders["resource"], flunders["scope"], flunders["shortNames"]) == (
        "flunders",
        "Namespaced",
        ["fl"],
    )
    assert flunders["subresources"][0]["subresource"] == "status"


async def test_a_server_that_is_not_available_is_not_asked(cluster, http):
    await cluster.create(API_SERVICE, api_service())
    answer = await http.request("GET", "/apis/wardle.example.com/v1/flunders")
    await cluster.delete(API_SERVICE, "", NAME)
    gone = await http.request("GET", "/apis/wardle.example.com/v1/flunders")

    assert (answer.status, answer.body, gone.status) == (503, b"service unavailable\n", 404)


def test_a_remote_is_read_from_its_api_service():
    remote = remote_of(api_service(insecureSkipTLSVerify=False, caBundle="Y2E="))

    assert (remote.host, remote.port, remote.ca, remote.verifies) == ("api.default.svc", 443, "ca", True)
