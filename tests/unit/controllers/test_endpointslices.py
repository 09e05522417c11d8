"""EndpointSlice, Endpoints, and the mirror of hand-written ones."""

from __future__ import annotations

import pytest

from netemu.api.kinds import ENDPOINT_SLICE, ENDPOINTS, POD, SERVICE
from netemu.controllers import endpoints, endpointslices, mirroring
from netemu.testing import builders

WEB = {"app": "web"}
NAMED = ({"name": "http", "port": 80, "targetPort": "http"},)


async def run(world, name, number, *, ready=True, labels=WEB, **spec):
    """Create a pod that runs, with address 10.244.1.<number>."""
    await world.create(POD, builders.pod(name, labels=labels, node="node-1", **spec))
    status = builders.running_status(f"10.244.1.{number}", ready=ready)
    return await world.edit(POD, name, {"status": status}, subresource="status")


async def serve(world, **service):
    await world.create(SERVICE, builders.service(selector=WEB, **service))
    await world.settle()


async def slices(world):
    return await world.list(ENDPOINT_SLICE)


async def conditions(world):
    return {
        endpoint["addresses"][0]: tuple(
            endpoint["conditions"].get(c) for c in ("ready", "serving", "terminating")
        )
        for slice_ in await slices(world)
        for endpoint in slice_["endpoints"]
    }


async def test_a_slice_says_where_each_pod_is(world):
    pod = await run(world, "web-1", 7)
    await serve(world)

    (slice_,) = await slices(world)
    assert slice_["metadata"]["name"].startswith("web-")
    assert slice_["metadata"]["labels"] == {
        "kubernetes.io/service-name": "web",
        "endpointslice.kubernetes.io/managed-by": "endpointslice-controller.k8s.io",
    }
    assert slice_["metadata"]["ownerReferences"][0]["kind"] == "Service"
    assert slice_["addressType"] == "IPv4"
    assert slice_["ports"] == [{"name": "", "port": 80, "protocol": "TCP"}]
    assert slice_["endpoints"] == [
        {
            "addresses": ["10.244.1.7"],
            "conditions": {"ready": True, "serving": True, "terminating": False},
            "nodeName": "node-1",
            "targetRef": {
                "kind": "Pod",
                "namespace": "default",
                "name": "web-1",
                "uid": pod["metadata"]["uid"],
            },
        }
    ]


async def test_readiness_decides_and_termination_too(world):
    await run(world, "ready", 1)
    await run(world, "starting", 2, ready=False)
    await run(world, "ending", 3)
    await world.client.delete(POD, "default", "ending")
    await serve(world)

    assert await conditions(world) == {
        "10.244.1.1": (True, True, False),
        "10.244.1.2": (False, False, False),
        "10.244.1.3": (False, True, True),
    }


async def test_addresses_that_are_not_ready_are_published_on_request(world):
    await run(world, "starting", 2, ready=False)
    await serve(world, publishNotReadyAddresses=True)

    assert await conditions(world) == {"10.244.1.2": (True, False, False)}
    (obj,) = await world.list(ENDPOINTS)
    assert obj["subsets"][0]["addresses"][0]["ip"] == "10.244.1.2"


@pytest.mark.parametrize(
    "change",
    [
        pytest.param({"metadata": {"labels": {"app": "other"}}}, id="label-gone"),
        pytest.param({"status": {"phase": "Failed"}}, id="over"),
    ],
)
async def test_a_pod_that_no_longer_counts_leaves_the_slice(world, change):
    await run(world, "web-1", 1)
    await serve(world)

    await world.edit(POD, "web-1", change, subresource="status" * ("status" in change))
    await world.settle()

    assert await conditions(world) == {}


async def test_a_named_port_is_another_number_in_another_slice(world):
    await run(world, "old", 1, ports=({"name": "http", "containerPort": 8080},))
    await run(world, "new", 2, ports=({"name": "http", "containerPort": 9090},))
    await run(world, "without", 3)
    await serve(world, ports=NAMED)

    found = {s["ports"][0]["port"]: s["endpoints"][0]["addresses"] for s in await slices(world) if s["ports"]}
    assert found == {8080: ["10.244.1.1"], 9090: ["10.244.1.2"]}


async def test_a_slice_holds_at_most_a_hundred_endpoints(world):
    for number in range(130):
        await run(world, f"web-{number}", number)
    await serve(world)

    assert sorted(len(s["endpoints"]) for s in await slices(world)) == [30, 100]
    assert len(await conditions(world)) == 130


async def test_one_more_pod_changes_one_slice_only(world):
    for number in range(130):
        await run(world, f"web-{number}", number)
    await serve(world)
    before = {s["metadata"]["name"]: s["metadata"]["resourceVersion"] for s in await slices(world)}

    await run(world, "late", 200)
    await world.settle()

    after = {s["metadata"]["name"]: s["metadata"]["resourceVersion"] for s in await slices(world)}
    assert before.keys() == after.keys()
    assert len(before.items() ^ after.items()) == 2


async def test_without_pods_one_empty_slice_stays(world):
    await run(world, "web-1", 1)
    await serve(world)
    (before,) = await slices(world)
    await world.client.delete(POD, "default", "web-1", grace_period_s=0)
    await world.settle()

    (slice_,) = await slices(world)
    assert (slice_["metadata"]["name"], slice_["endpoints"]) == (before["metadata"]["name"], [])

    await run(world, "web-2", 2)
    await world.settle()
    assert len(await slices(world)) == 1
    assert list(await conditions(world)) == ["10.244.1.2"]


async def test_a_headless_service_names_its_pods_and_is_marked(world):
    await run(world, "kafka-0", 1, hostname="kafka-0", subdomain="web")
    await serve(world, clusterIP="None")

    (slice_,) = await slices(world)
    assert slice_["metadata"]["labels"]["service.kubernetes.io/headless"] == ""
    assert slice_["endpoints"][0]["hostname"] == "kafka-0"


async def test_a_service_that_goes_takes_its_endpoints_along(world):
    await run(world, "web-1", 1)
    await serve(world)
    await world.client.delete(SERVICE, "default", "web")
    await world.settle()

    assert await slices(world) == []
    assert await world.list(ENDPOINTS) == []


async def test_endpoints_tell_the_same_in_the_older_form(world):
    await run(world, "web-1", 1, ports=({"name": "http", "containerPort": 8080},))
    await run(world, "web-2", 2, ports=({"name": "http", "containerPort": 8080},), ready=False)
    await serve(world, ports=NAMED)

    (obj,) = await world.list(ENDPOINTS)
    (subset,) = obj["subsets"]
    assert subset["ports"] == [{"name": "http", "port": 8080, "protocol": "TCP"}]
    assert [a["ip"] for a in subset["addresses"]] == ["10.244.1.1"]
    assert [a["ip"] for a in subset["notReadyAddresses"]] == ["10.244.1.2"]


@pytest.mark.parametrize("planner", [endpointslices, endpoints, mirroring])
async def test_planning_after_all_is_done_yields_nothing(world, planner):
    await run(world, "web-1", 1)
    await serve(world)
    await world.observe()

    assert world.plan(planner.RECONCILER, "default", "web") == []


MANUAL = ({"addresses": [{"ip": "172.30.0.1"}], "ports": [{"port": 5432}]},)


async def by_hand(world, **meta):
    await world.create(SERVICE, builders.service())
    await world.create(ENDPOINTS, builders.endpoints(subsets=MANUAL, **meta))
    await world.settle()


async def test_hand_written_endpoints_are_left_alone_and_mirrored(world):
    await by_hand(world)

    assert (await world.get(ENDPOINTS, "web"))["subsets"][0]["addresses"] == [{"ip": "172.30.0.1"}]
    (slice_,) = await slices(world)
    labels = slice_["metadata"]["labels"]
    assert labels["endpointslice.kubernetes.io/managed-by"] == mirroring.MANAGER
    assert slice_["ports"] == [{"name": "", "port": 5432, "protocol": "TCP"}]
    assert slice_["endpoints"] == [{"addresses": ["172.30.0.1"], "conditions": {"ready": True}}]


async def test_endpoints_marked_to_be_skipped_are_not_mirrored(world):
    await by_hand(world, labels={mirroring.SKIP_LABEL: "true"})

    assert await slices(world) == []


async def test_a_selector_takes_the_endpoints_over(world):
    await by_hand(world)
    await world.edit(SERVICE, "web", {"spec": {"selector": WEB}})
    await run(world, "web-1", 1)
    await world.settle()

    (slice_,) = await slices(world)
    assert slice_["metadata"]["labels"]["endpointslice.kubernetes.io/managed-by"] == endpointslices.MANAGER
    assert slice_["endpoints"][0]["addresses"] == ["10.244.1.1"]


async def test_hand_written_slices_are_nobodys_business(world):
    await world.create(SERVICE, builders.service())
    mine = {
        "apiVersion": "discovery.k8s.io/v1",
        "kind": "EndpointSlice",
        "metadata": {
            "name": "mine",
            "namespace": "default",
            "labels": {"kubernetes.io/service-name": "web"},
        },
        "addressType": "IPv4",
        "endpoints": [{"addresses": ["172.30.0.1"]}],
        "ports": [{"port": 5432}],
    }
    made = await world.create(ENDPOINT_SLICE, mine)
    await world.settle()

    assert await slices(world) == [made]
