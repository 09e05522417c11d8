"""What slices say of endpoints: families, hints, labels, times; and how little is written."""

from __future__ import annotations

import pytest

from netemu.api.kinds import ENDPOINT_SLICE, NODE, POD, SERVICE
from netemu.controllers import endpointslices
from netemu.controllers.parts import Part, Parts, Pending
from netemu.informer.cache import Key
from netemu.testing import builders
from netemu.testing.convergence import Story, check_any_order

WEB = {"app": "web"}
KEY = Key("default", "web")


async def run(world, name, *ips, ready=True, node="node-1", **spec):
    await world.create(POD, builders.pod(name, labels=WEB, node=node, **spec))
    await be(world, name, *ips, ready=ready)


async def be(world, name, *ips, ready=True):
    status = {**builders.running_status(ips[0], ready=ready), "podIPs": [{"ip": ip} for ip in ips]}
    await world.edit(POD, name, {"status": status}, subresource="status")


async def serve(world, **spec):
    await world.create(SERVICE, builders.service(selector=WEB, **spec))
    await world.settle()


async def zone(world, name, zone):
    await world.create(NODE, builders.node(name, labels={"topology.kubernetes.io/zone": zone}))


async def endpoints(world):
    return {e["addresses"][0]: e for s in await world.list(ENDPOINT_SLICE) for e in s["endpoints"]}


async def hints(world):
    return {address: e.get("hints") for address, e in (await endpoints(world)).items()}


async def planned(world, **spec):
    """Plan a Service as an API with two families would store it."""
    await world.observe()
    service = builders.stored(builders.service(selector=WEB, **spec), "u")
    world.cache.apply(SERVICE, service)
    return world.plan(endpointslices.RECONCILER, *KEY)


async def test_each_family_of_a_service_has_slices_of_its_own(world):
    await run(world, "both", "10.244.1.2", "fd00::2")
    await run(world, "old", "10.244.1.3")
    writes = await planned(world, ipFamilies=["IPv4", "IPv6"], clusterIPs=["10.96.0.9", "fd01::9"])

    found = {w.obj["addressType"]: [e["addresses"] for e in w.obj["endpoints"]] for w in writes}
    assert found == {"IPv4": [["10.244.1.2"], ["10.244.1.3"]], "IPv6": [["fd00::2"]]}


async def test_a_family_that_a_service_no_longer_has_loses_its_slices(world):
    await run(world, "both", "10.244.1.2", "fd00::2")
    await planned(world, ipFamilies=["IPv4", "IPv6"])
    for write in world.plan(endpointslices.RECONCILER, *KEY):
        obj = {**write.obj, "metadata": {**write.obj["metadata"], "name": write.obj["addressType"].lower()}}
        world.cache.apply(ENDPOINT_SLICE, builders.stored(obj, "u"))
    world.cache.apply(SERVICE, builders.stored(builders.service(selector=WEB, ipFamilies=["IPv4"]), "u"))

    (write,) = world.plan(endpointslices.RECONCILER, *KEY)
    assert write.key.name == "ipv6"


ZONE_A, NODE_A = [{"name": "a"}], [{"name": "node-a"}]


@pytest.mark.parametrize(
    ("distribution", "expected", "without_zone"),
    [
        ("PreferClose", {"forZones": ZONE_A}, None),
        ("PreferSameZone", {"forZones": ZONE_A}, None),
        ("PreferSameNode", {"forZones": ZONE_A, "forNodes": NODE_A}, {"forNodes": [{"name": "node-1"}]}),
    ],
)
async def test_ready_endpoints_are_meant_for_those_nearby(world, distribution, expected, without_zone):
    await zone(world, "node-a", "a")
    await run(world, "web-1", "10.244.1.2", node="node-a")
    await run(world, "web-2", "10.244.1.3", node="node-a", ready=False)
    await run(world, "web-3", "10.244.1.4")
    await serve(world, trafficDistribution=distribution)

    assert await hints(world) == {"10.244.1.2": expected, "10.244.1.3": None, "10.244.1.4": without_zone}


async def test_a_node_in_another_zone_takes_its_endpoints_along(world):
    await zone(world, "node-a", "a")
    await run(world, "web-1", "10.244.1.2", node="node-a")
    await serve(world, trafficDistribution="PreferSameZone")
    await world.edit(
        NODE, "node-a", {"metadata": {"labels": {"topology.kubernetes.io/zone": "b"}}}, namespace=""
    )
    await world.settle()

    (endpoint,) = (await endpoints(world)).values()
    assert (endpoint["zone"], endpoint["hints"]) == ("b", {"forZones": [{"name": "b"}]})


async def test_labels_of_the_service_are_copied_but_those_that_mean_something(world):
    labels = {"team": "blue", "kubernetes.io/service-name": "other", "service.kubernetes.io/headless": ""}
    await world.create(SERVICE, builders.service(selector=WEB, labels=labels))
    await world.settle()

    (slice_,) = await world.list(ENDPOINT_SLICE)
    assert slice_["metadata"]["labels"] == {
        "team": "blue",
        "kubernetes.io/service-name": "web",
        "endpointslice.kubernetes.io/managed-by": endpointslices.MANAGER,
    }


async def test_a_slice_tells_when_what_it_tells_of_happened(world):
    await run(world, "web-1", "10.244.1.2")
    await serve(world)
    await run(world, "web-2", "10.244.1.3")
    await world.settle()

    (slice_,) = await world.list(ENDPOINT_SLICE)
    assert slice_["metadata"]["annotations"] == {
        "endpoints.kubernetes.io/last-change-trigger-time": "2026-01-01T00:00:00Z"
    }
    await world.client.delete(POD, "default", "web-1", grace_period_s=0)
    await world.settle()
    (slice_,) = await world.list(ENDPOINT_SLICE)
    assert not slice_["metadata"].get("annotations")


async def test_the_first_slice_of_a_service_tells_since_when_there_is_a_service(world):
    await serve(world)

    (slice_,) = await world.list(ENDPOINT_SLICE)
    (service,) = await world.list(SERVICE)
    told = slice_["metadata"]["annotations"]["endpoints.kubernetes.io/last-change-trigger-time"]
    assert told == service["metadata"]["creationTimestamp"]


@pytest.mark.parametrize(
    "change", [{"selector": None}, {"type": "ExternalName", "externalName": "example.com"}]
)
async def test_a_service_whose_endpoints_are_no_longer_ours_keeps_those_it_had(world, change):
    await run(world, "web-1", "10.244.1.2")
    await serve(world)
    await world.edit(SERVICE, "web", {"spec": change})
    await world.settle()

    assert list(await endpoints(world)) == ["10.244.1.2"]


async def test_a_service_that_is_ending_forgets_pods_and_makes_no_new_slices(world):
    await run(world, "web-1", "10.244.1.2")
    await run(world, "web-2", "10.244.1.3")
    metadata = {"name": "web", "namespace": "default", "finalizers": ["example.com/x"]}
    await world.create(SERVICE, {**builders.service(selector=WEB), "metadata": metadata})
    await world.settle()
    await world.client.delete(SERVICE, "default", "web")
    await world.client.delete(POD, "default", "web-1", grace_period_s=0)
    await world.settle()
    assert list(await endpoints(world)) == ["10.244.1.3"]

    (name,) = await world.names(ENDPOINT_SLICE)
    await world.client.delete(ENDPOINT_SLICE, "default", name)
    await world.settle()
    assert await world.names(ENDPOINT_SLICE) == []


async def test_new_endpoints_go_where_something_changes_anyway(world):
    for number in range(150):
        await run(world, f"web-{number}", f"10.244.1.{number}")
    await serve(world)
    full = next(s for s in await world.list(ENDPOINT_SLICE) if len(s["endpoints"]) == 100)
    gone = full["endpoints"][0]["targetRef"]["name"]
    await world.client.delete(POD, "default", gone, grace_period_s=0)
    await run(world, "web-new", "10.244.2.1")
    await world.observe()
    parts = Parts(KEY, frozenset({(POD, gone), (POD, "web-new")}))

    (write,) = world.plan(endpointslices.RECONCILER, parts)
    assert write.obj["metadata"]["name"] == full["metadata"]["name"]
    assert len(write.obj["endpoints"]) == 100


async def test_one_pod_of_many_is_planned_by_itself(world):
    for number in range(120):
        await run(world, f"web-{number}", f"10.244.1.{number}")
    await serve(world)
    await be(world, "web-7", "10.244.1.7", ready=False)
    await world.observe()

    (alone,) = world.plan(endpointslices.RECONCILER, Part(KEY, (POD, "web-7")))
    (whole,) = world.plan(endpointslices.RECONCILER, KEY)
    assert alone == whole


async def test_a_slice_that_someone_edited_or_deleted_is_repaired(world):
    for number in range(120):
        await run(world, f"web-{number}", f"10.244.1.{number}")
    await serve(world)
    first, second = await world.names(ENDPOINT_SLICE)
    await world.edit(ENDPOINT_SLICE, first, {"endpoints": []})
    await world.client.delete(ENDPOINT_SLICE, "default", second)
    await world.settle()

    assert len(await endpoints(world)) == 120


def test_parts_of_a_key_are_planned_together_unless_all_of_it_changed():
    pending = Pending()
    for part in ("a", "b"):
        assert pending.add(Part("web", part)) == "web"
    pending.add(Part("db", "a"))
    pending.add("db")
    pending.add(Part("db", "b"))

    assert pending.take("web") == Parts("web", frozenset({"a", "b"}))
    assert pending.take("db") == "db"
    assert pending.take("web") == "web"


async def test_any_order_of_events_ends_with_the_same_endpoints():
    async def begin(world):
        for number in range(8):
            await run(world, f"web-{number}", f"10.244.1.{number}", ready=number % 2 == 0)
        await world.create(SERVICE, builders.service(selector=WEB))

    async def relabel(world, name, value):
        await world.edit(POD, name, {"metadata": {"labels": {"app": value}}})

    async def drop_slices(world):
        for name in await world.names(ENDPOINT_SLICE):
            await world.client.delete(ENDPOINT_SLICE, "default", name)

    async def empty_slices(world):
        for name in await world.names(ENDPOINT_SLICE):
            await world.edit(ENDPOINT_SLICE, name, {"endpoints": []})

    async def wish(world):
        await world.edit(SERVICE, "web", {"spec": {"selector": WEB}, "metadata": {"labels": {"v": "2"}}})
        for number in range(8):
            await relabel(world, f"web-{number}", "web")
            await be(world, f"web-{number}", f"10.244.1.{number}")

    async def sight(world):
        found = await endpoints(world)
        labels = [s["metadata"]["labels"]["v"] for s in await world.list(ENDPOINT_SLICE)]
        return sorted((a, e["conditions"]["ready"]) for a, e in found.items()), labels

    story = Story(
        begin=begin,
        cases={
            "one is not ready": lambda world: be(world, "web-1", "10.244.1.1", ready=False),
            "one has another address": lambda world: be(world, "web-2", "10.244.9.9"),
            "one leaves": lambda world: relabel(world, "web-3", "other"),
            "it comes back": lambda world: relabel(world, "web-3", "web"),
            "others are selected": lambda world: world.edit(
                SERVICE, "web", {"spec": {"selector": {"app": "other"}}}
            ),
            "slices are deleted": drop_slices,
            "slices are emptied": empty_slices,
        },
        wish=wish,
        sight=sight,
        reconcilers=(endpointslices.RECONCILER,),
    )
    await check_any_order(story, rounds=6)
