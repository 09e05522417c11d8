"""Families of Services, and the object of each ClusterIP."""

from __future__ import annotations

import random
import re
from ipaddress import IPv6Network

import pytest

from netemu.api.errors import ApiError, InvalidError
from netemu.api.kinds import IP_ADDRESS, NAMESPACE, SERVICE, SERVICE_CIDR
from netemu.apiserver.addresses import cluster_ips, number_of
from netemu.apiserver.options import WriteOptions
from netemu.apiserver.registry import Registry
from netemu.settings import Settings
from netemu.testing import builders
from netemu.testing.memory_store import MemoryStore

V4, V6 = ("10.96.0.0/16",), ("10.96.0.0/16", "fd01::/112")
SIX_FIRST = ("fd01::/112", "10.96.0.0/16")


async def cluster(cidrs, store=None):
    made = Registry(store or MemoryStore(), Settings(service_cidr=cidrs), lambda: 0.0, rng=random.Random(1))
    await made.create(NAMESPACE, builders.namespace("default"))
    return made


async def made(cidrs, **spec):
    spec.setdefault("selector", {"app": "web"})
    registry = await cluster(cidrs)
    return (await registry.create(SERVICE, builders.service(**spec)))["spec"]


@pytest.mark.parametrize(
    ("cidrs", "spec", "families", "policy"),
    [
        pytest.param(V4, {}, "4", "SingleStack", id="default"),
        pytest.param(V6, {}, "4", "SingleStack", id="default-of-two"),
        pytest.param(SIX_FIRST, {}, "6", "SingleStack", id="default-is-six"),
        pytest.param(V6, {"ipFamilies": ["IPv6"]}, "6", "SingleStack", id="asked"),
        pytest.param(V6, {"ipFamilyPolicy": "PreferDualStack"}, "46", "PreferDualStack", id="prefer"),
        pytest.param(V4, {"ipFamilyPolicy": "PreferDualStack"}, "4", "PreferDualStack", id="prefer-one"),
        pytest.param(V6, {"ipFamilyPolicy": "RequireDualStack"}, "46", "RequireDualStack", id="require"),
        pytest.param(
            V6,
            {"ipFamilies": ["IPv6", "IPv4"], "ipFamilyPolicy": "RequireDualStack"},
            "64",
            "RequireDualStack",
            id="both-asked",
        ),
        pytest.param(
            V6,
            {"ipFamilies": ["IPv6"], "ipFamilyPolicy": "PreferDualStack"},
            "64",
            "PreferDualStack",
            id="six-first",
        ),
        pytest.param(V6, {"clusterIP": "fd01::7"}, "6", "SingleStack", id="by-address"),
        pytest.param(V4, {"clusterIP": "None"}, "4", "SingleStack", id="headless"),
        pytest.param(V4, {"clusterIP": "None", "selector": {}}, "46", "RequireDualStack", id="open"),
    ],
)
async def test_a_service_has_the_families_it_asks_for_or_the_cluster_has(cidrs, spec, families, policy):
    found = await made(cidrs, **spec)

    assert found["ipFamilies"] == [f"IPv{number}" for number in families]
    assert found["ipFamilyPolicy"] == policy
    ips = [ip for ip in found["clusterIPs"] if ip != "None"]
    assert [6 if ":" in ip else 4 for ip in ips] == [int(number) for number in families][: len(ips)]


@pytest.mark.parametrize(
    ("cidrs", "spec", "words"),
    [
        pytest.param(
            V4,
            {"ipFamilyPolicy": "RequireDualStack"},
            'spec.ipFamilyPolicy: Invalid value: "RequireDualStack": '
            "this cluster is not configured for dual-stack services",
            id="require",
        ),
        pytest.param(
            V4,
            {"ipFamilies": ["IPv6"]},
            'spec.ipFamilies[0]: Invalid value: "IPv6": not configured on this cluster',
            id="absent",
        ),
        pytest.param(
            V4,
            {"clusterIP": "fd01::7"},
            'spec.clusterIPs[0]: Invalid value: ["fd01::7"]: IPv6 is not configured on this cluster',
            id="absent-by-address",
        ),
        pytest.param(
            V4,
            {"ipFamilies": ["IPv4", "IPv6"]},
            'spec.ipFamilyPolicy: Invalid value: "SingleStack": '
            "must be 'RequireDualStack' or 'PreferDualStack' when multiple IP families are specified",
            id="absent-and-single",
        ),
        pytest.param(
            V6,
            {"clusterIP": "fd01::7", "ipFamilies": ["IPv4"]},
            'spec.clusterIPs[0]: Invalid value: "fd01::7": '
            "expected an IPv4 value as indicated by `ipFamilies[0]`",
            id="mismatch",
        ),
        pytest.param(
            V6,
            {"ipFamilies": ["IPv4", "IPv6"]},
            'spec.ipFamilyPolicy: Invalid value: "SingleStack": '
            "must be 'RequireDualStack' or 'PreferDualStack' when multiple IP families are specified",
            id="single",
        ),
    ],
)
async def test_what_contradicts_itself_or_the_cluster_is_refused(cidrs, spec, words):
    with pytest.raises(InvalidError) as raised:
        await made(cidrs, **spec)
    assert raised.value.message == f'Service "web" is invalid: {words}'


async def test_a_service_gains_and_loses_its_second_family():
    registry = await cluster(V6)
    before = await registry.create(SERVICE, builders.service(selector={"app": "web"}))
    up = await registry.patch(SERVICE, "default", "web", {"spec": {"ipFamilyPolicy": "PreferDualStack"}})
    down = await registry.patch(SERVICE, "default", "web", {"spec": {"ipFamilyPolicy": "SingleStack"}})

    assert up["spec"]["clusterIPs"][0] == before["spec"]["clusterIP"]
    assert up["spec"]["clusterIPs"][1].startswith("fd01::")
    assert down["spec"]["clusterIPs"] == before["spec"]["clusterIPs"]
    assert registry.list(IP_ADDRESS).items[0]["metadata"]["name"] == before["spec"]["clusterIP"]
    assert len(registry.list(IP_ADDRESS).items) == 1


async def test_a_second_address_is_given_up_only_by_policy():
    registry = await cluster(V6)
    spec = {"selector": {"app": "web"}, "ipFamilyPolicy": "PreferDualStack"}
    made = await registry.create(SERVICE, builders.service(**spec))
    fewer = {"spec": {"clusterIPs": made["spec"]["clusterIPs"][:1]}}

    with pytest.raises(InvalidError, match="must be 'SingleStack' to release the secondary cluster IP"):
        await registry.patch(SERVICE, "default", "web", fewer)


async def test_a_service_keeps_its_families_when_the_cluster_gets_another():
    store = MemoryStore()
    registry = await cluster(V4, store)
    spec = {"selector": {"app": "web"}, "ipFamilyPolicy": "PreferDualStack"}
    await registry.create(SERVICE, builders.service(**spec))
    again = Registry(store, Settings(service_cidr=V6), lambda: 0.0)
    labelled = await again.patch(SERVICE, "default", "web", {"metadata": {"labels": {"a": "b"}}})

    assert labelled["spec"]["ipFamilies"] == ["IPv4"]


async def test_a_load_balancer_without_node_ports_may_still_ask_for_one():
    registry = await cluster(V4)
    spec = {"type": "LoadBalancer", "allocateLoadBalancerNodePorts": False}
    ports = ({"name": "a", "port": 80}, {"name": "b", "port": 81, "nodePort": 31000})
    made = await registry.create(SERVICE, builders.service(ports=ports, **spec))

    assert [port.get("nodePort") for port in made["spec"]["ports"]] == [None, 31000]
    with pytest.raises(InvalidError, match="already allocated"):
        await registry.create(SERVICE, builders.service("other", ports=ports, **spec))


async def test_each_cluster_ip_has_an_object_that_goes_with_it():
    registry = await cluster(V6)
    spec = {"selector": {"app": "web"}, "ipFamilyPolicy": "RequireDualStack"}
    service = await registry.create(SERVICE, builders.service(**spec))
    found = {obj["metadata"]["name"]: obj for obj in registry.list(IP_ADDRESS).items}

    assert sorted(found) == sorted(service["spec"]["clusterIPs"])
    obj = found[service["spec"]["clusterIPs"][1]]
    assert obj["metadata"]["labels"] == {
        "ipaddress.kubernetes.io/ip-family": "IPv6",
        "ipaddress.kubernetes.io/managed-by": "ipallocator.k8s.io",
    }
    assert obj["spec"]["parentRef"] == {"resource": "services", "namespace": "default", "name": "web"}
    await registry.delete(SERVICE, "default", "web")
    assert registry.list(IP_ADDRESS).items == []


async def test_an_object_is_named_by_the_usual_form_of_its_address():
    registry = await cluster(V6)
    await registry.create(SERVICE, builders.service(selector={"app": "web"}, clusterIP="FD01:0::7"))

    assert [obj["metadata"]["name"] for obj in registry.list(IP_ADDRESS).items] == ["fd01::7"]


@pytest.mark.parametrize(
    ("cidrs", "words"),
    [
        (["10.200.0.5/24"], "must not have bits set beyond the prefix length"),
        (["FD00::/64"], 'must be in canonical form ("fd00::/64")'),
        (["10.0.0.0/8", "11.0.0.0/8"], "may specify no more than one IP for each IP family"),
    ],
)
async def test_a_range_that_is_none_is_refused_before_it_is_stored(cidrs, words):
    registry = await cluster(V4)
    with pytest.raises(InvalidError, match=re.escape(words)):
        await registry.create(SERVICE_CIDR, {"metadata": {"name": "odd"}, "spec": {"cidrs": cidrs}})

    assert registry.list(SERVICE_CIDR).items == []


async def test_a_dry_run_and_a_headless_service_leave_no_object():
    registry = await cluster(V4)
    await registry.create(SERVICE, builders.service(), options=WriteOptions(dry_run=True))
    await registry.create(SERVICE, builders.service("headless", clusterIP="None"))

    assert registry.list(IP_ADDRESS).items == []


async def test_an_address_that_a_user_claimed_is_not_given_out():
    registry = await cluster(V4)
    parent = {"group": "gateway.networking.k8s.io", "resource": "gateways", "name": "g", "namespace": "n"}
    claimed = {"metadata": {"name": "10.96.0.9"}, "spec": {"parentRef": parent}}
    await registry.create(IP_ADDRESS, claimed)
    with pytest.raises(InvalidError, match="already allocated"):
        await registry.create(SERVICE, builders.service(clusterIP="10.96.0.9"))

    await registry.delete(IP_ADDRESS, "", "10.96.0.9")
    await registry.create(SERVICE, builders.service(clusterIP="10.96.0.9"))


async def test_an_object_that_someone_deletes_comes_back_while_its_service_has_the_address():
    registry = await cluster(V4)
    service = await registry.create(SERVICE, builders.service())
    ip = service["spec"]["clusterIP"]
    before = registry.get(IP_ADDRESS, "", ip)
    await registry.delete(IP_ADDRESS, "", ip)

    assert registry.get(IP_ADDRESS, "", ip)["metadata"]["uid"] != before["metadata"]["uid"]


async def test_objects_that_a_crash_left_out_or_behind_are_put_right():
    store = MemoryStore()
    registry = await cluster(V4, store)
    service = await registry.create(SERVICE, builders.service())
    ip = service["spec"]["clusterIP"]
    entry = store.get(f"{IP_ADDRESS.key}/{ip}")
    await store.delete(f"{IP_ADDRESS.key}/{ip}")
    stale = {**entry.value, "metadata": {**entry.value["metadata"], "name": "10.96.0.9"}}
    await store.put(f"{IP_ADDRESS.key}/10.96.0.9", stale)

    again = Registry(store, Settings(), lambda: 0.0)
    await again.ips.repair()
    assert [obj["metadata"]["name"] for obj in again.list(IP_ADDRESS).items] == [ip]


async def test_a_local_load_balancer_gets_a_port_for_health_checks_and_gives_it_back():
    registry = await cluster(V4)
    spec = {"type": "LoadBalancer", "externalTrafficPolicy": "Local"}
    port = (await registry.create(SERVICE, builders.service(**spec)))["spec"]["healthCheckNodePort"]
    assert 30086 <= port <= 32767

    asked = builders.service("other", **spec, healthCheckNodePort=port)
    with pytest.raises(ApiError, match=f"requested HealthCheck NodePort {port}: provided port is already"):
        await registry.create(SERVICE, asked)
    with pytest.raises(ApiError, match="NodePort 80: provided port is not in the valid range"):
        await registry.create(SERVICE, builders.service("low", **spec, healthCheckNodePort=80))
    patch = {"spec": {"externalTrafficPolicy": "Cluster"}}
    changed = await registry.patch(SERVICE, "default", "web", patch)
    assert "healthCheckNodePort" not in changed["spec"]
    assert (await registry.create(SERVICE, asked))["spec"]["healthCheckNodePort"] == port


def test_the_last_address_of_an_ipv6_range_is_an_address_like_others():
    allocator = cluster_ips(IPv6Network("fd01::/124"), random.Random(0))

    assert number_of("fd01::f") in allocator
    assert number_of("fd01::") not in allocator
