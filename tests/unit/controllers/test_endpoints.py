"""Endpoints objects: written for Services, and mirrored where people write them."""

from __future__ import annotations

from netemu.api.kinds import ENDPOINT_SLICE, ENDPOINTS, POD, SERVICE
from netemu.controllers import endpoints, mirroring
from netemu.controllers.parts import Parts
from netemu.informer.cache import Key
from netemu.testing import builders
from netemu.testing.convergence import Story, check_any_order

WEB = {"app": "web"}


async def run(world, name, *ips, ready=True, labels=WEB):
    await world.create(POD, builders.pod(name, labels=labels, node="node-1"))
    status = {**builders.running_status(ips[0], ready=ready), "podIPs": [{"ip": ip} for ip in ips]}
    await world.edit(POD, name, {"status": status}, subresource="status")


async def addresses(world, name="web"):
    found = await world.get(ENDPOINTS, name)
    return [
        (list_, address["ip"])
        for subset in found.get("subsets", [])
        for list_ in ("addresses", "notReadyAddresses")
        for address in subset.get(list_, [])
    ]


async def mirrored(world):
    return [
        (slice_["addressType"], endpoint["addresses"][0], endpoint["conditions"]["ready"])
        for slice_ in await world.list(ENDPOINT_SLICE)
        for endpoint in slice_["endpoints"]
    ]


async def test_addresses_are_in_the_order_of_their_numbers(world):
    for number in (10, 9, 100):
        await run(world, f"web-{number}", f"10.244.1.{number}")
    await world.create(SERVICE, builders.service(selector=WEB))
    await world.settle()

    assert [ip for _, ip in await addresses(world)] == ["10.244.1.9", "10.244.1.10", "10.244.1.100"]


async def test_only_addresses_of_the_first_family_are_told(world):
    await run(world, "web-1", "fd00::2", "10.244.1.2")
    await run(world, "web-2", "fd00::3")
    await world.create(SERVICE, builders.service(selector=WEB))
    await world.settle()

    assert await addresses(world) == [("addresses", "10.244.1.2")]


async def test_a_service_that_is_marked_as_headless_but_is_not_does_not_mark_its_endpoints(world):
    labels = {"service.kubernetes.io/headless": "", "team": "blue"}
    await world.create(SERVICE, builders.service(selector=WEB, labels=labels))
    await world.settle()

    found = (await world.get(ENDPOINTS, "web"))["metadata"]["labels"]
    assert found == {"team": "blue", endpoints.MANAGED_BY: endpoints.MANAGER}


def subset(ready, not_ready=0):
    lists = {
        "addresses": [{"ip": f"10.0.0.{number}"} for number in range(ready)],
        "notReadyAddresses": [{"ip": f"10.0.1.{number}"} for number in range(not_ready)],
    }
    return {**{name: found for name, found in lists.items() if found}, "ports": [{"port": 80}]}


def test_what_is_too_much_is_left_out_and_what_is_not_ready_first():
    assert endpoints.truncated([subset(3, 2)], most=5) == ([subset(3, 2)], False)
    assert endpoints.truncated([subset(3, 2), subset(1)], most=5) == ([subset(3, 1), subset(1)], True)
    assert endpoints.truncated([subset(3, 2)], most=2) == ([subset(2)], True)


async def test_endpoints_over_capacity_say_so(world):
    for number in range(1001):
        await run(world, f"web-{number}", f"10.244.{number // 250}.{number % 250}")
    await world.create(SERVICE, builders.service(selector=WEB))
    await world.observe()
    (write,) = world.plan(endpoints.RECONCILER, "default", "web")

    annotations = write.obj["metadata"]["annotations"]
    listed = write.obj["subsets"][0]["addresses"]
    assert annotations["endpoints.kubernetes.io/over-capacity"] == "truncated"
    assert len(listed) == 1000

    await world.create(ENDPOINTS, write.obj)
    await world.observe()
    left_out = {f"web-{number}" for number in range(1001)} - {a["targetRef"]["name"] for a in listed}
    assert world.plan(endpoints.RECONCILER, Parts(Key("default", "web"), frozenset(left_out))) == []


async def test_one_pod_is_put_into_its_place_as_if_all_were_looked_at(world):
    for number in range(30):
        await run(world, f"web-{number}", f"10.244.1.{number}")
    await world.create(SERVICE, builders.service(selector=WEB))
    await world.settle()
    status = builders.running_status("10.244.1.7", ready=False)
    await world.edit(POD, "web-7", {"status": status}, subresource="status")
    await world.client.delete(POD, "default", "web-8", grace_period_s=0)
    await world.observe()

    key = Key("default", "web")
    (alone,) = world.plan(endpoints.RECONCILER, Parts(key, frozenset({"web-7", "web-8"})))
    (whole,) = world.plan(endpoints.RECONCILER, key)
    assert alone == whole
    assert len(alone.obj["subsets"][0]["addresses"]) == 28


async def test_a_service_whose_endpoints_are_no_longer_ours_keeps_them(world):
    await run(world, "web-1", "10.244.1.1")
    await world.create(SERVICE, builders.service(selector=WEB))
    await world.settle()
    await world.edit(SERVICE, "web", {"spec": {"selector": None}})
    await world.settle()

    assert await addresses(world) == [("addresses", "10.244.1.1")]


async def by_hand(world, *subsets, **meta):
    await world.create(SERVICE, builders.service())
    await world.create(ENDPOINTS, builders.endpoints(subsets=subsets, **meta))
    await world.settle()


async def test_both_families_are_mirrored_each_in_slices_of_its_own(world):
    port = {"port": 80}
    await by_hand(
        world,
        {
            "addresses": [{"ip": "172.30.0.9"}, {"ip": "fd00::9"}],
            "notReadyAddresses": [{"ip": "172.30.0.8"}],
            "ports": [port],
        },
    )

    assert sorted(await mirrored(world)) == [
        ("IPv4", "172.30.0.8", False),
        ("IPv4", "172.30.0.9", True),
        ("IPv6", "fd00::9", True),
    ]


async def test_labels_and_annotations_are_mirrored_but_those_of_tools(world):
    await by_hand(
        world,
        {"addresses": [{"ip": "172.30.0.9"}], "ports": [{"port": 80, "appProtocol": "http"}]},
        labels={"team": "blue"},
        annotations={"note": "1", "kubectl.kubernetes.io/last-applied-configuration": "{}"},
    )
    (slice_,) = await world.list(ENDPOINT_SLICE)

    assert slice_["metadata"]["labels"]["team"] == "blue"
    assert slice_["metadata"]["annotations"] == {"note": "1"}
    assert slice_["ports"] == [{"name": "", "port": 80, "protocol": "TCP", "appProtocol": "http"}]


async def test_endpoints_that_lose_all_addresses_have_no_slice(world):
    await by_hand(world, {"addresses": [{"ip": "172.30.0.9"}], "ports": [{"port": 80}]})
    await world.edit(ENDPOINTS, "web", {"subsets": None})
    await world.settle()

    assert await world.list(ENDPOINT_SLICE) == []


async def test_any_order_of_events_ends_with_the_same_mirror():
    first = [{"addresses": [{"ip": "172.30.0.9"}], "ports": [{"port": 80}]}]
    second = [{"addresses": [{"ip": "fd00::1"}, {"ip": "172.30.0.7"}], "ports": [{"port": 81}]}]

    async def begin(world):
        await world.create(SERVICE, builders.service())
        await world.create(ENDPOINTS, builders.endpoints(subsets=tuple(first)))

    async def drop(world):
        for slice_ in await world.list(ENDPOINT_SLICE):
            await world.client.delete(ENDPOINT_SLICE, "default", slice_["metadata"]["name"])

    async def wish(world):
        meta = {"labels": {mirroring.SKIP_LABEL: None}}
        await world.edit(ENDPOINTS, "web", {"subsets": second, "metadata": meta})

    story = Story(
        begin=begin,
        cases={
            "others": lambda world: world.edit(ENDPOINTS, "web", {"subsets": second}),
            "none": lambda world: world.edit(ENDPOINTS, "web", {"subsets": None}),
            "the first": lambda world: world.edit(ENDPOINTS, "web", {"subsets": first}),
            "skipped": lambda world: world.edit(
                ENDPOINTS, "web", {"metadata": {"labels": {mirroring.SKIP_LABEL: "true"}}}
            ),
            "slices are deleted": drop,
        },
        wish=wish,
        sight=mirrored_sorted,
        reconcilers=(mirroring.RECONCILER, endpoints.RECONCILER),
    )
    await check_any_order(story)


async def mirrored_sorted(world):
    return sorted(await mirrored(world))
