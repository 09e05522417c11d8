"""ClusterIPs and node ports."""

from __future__ import annotations

import random
from ipaddress import IPv4Address, IPv4Network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netemu.api.errors import ApiError, InvalidError
from netemu.api.kinds import NAMESPACE, SERVICE
from netemu.apiserver.addresses import ExhaustedError, NumberAllocator, cluster_ips, node_ports
from netemu.apiserver.options import WriteOptions
from netemu.apiserver.registry import Registry
from netemu.settings import Settings


def service(name="web", *ports, **spec):
    listed = [{"port": 80}] if not ports else list(ports)
    return {"metadata": {"name": name, "namespace": "default"}, "spec": {"ports": listed, **spec}}


@pytest.fixture
def create(registry):
    async def create_service(*args, **spec):
        return (await registry.create(SERVICE, service(*args, **spec)))["spec"]

    return create_service


@pytest.fixture
def update(registry):
    async def update_service(*args, **spec):
        return (await registry.update(SERVICE, service(*args, **spec)))["spec"]

    return update_service


async def test_a_cluster_ip_comes_from_the_dynamic_band(create):
    spec = await create()

    ip = IPv4Address(spec["clusterIP"])
    assert ip in IPv4Network("10.96.0.0/16")
    assert int(ip) > int(IPv4Address("10.96.1.0"))
    assert spec["clusterIPs"] == [str(ip)]
    assert (spec["ipFamilies"], spec["ipFamilyPolicy"]) == (["IPv4"], "SingleStack")


async def test_a_requested_cluster_ip_is_given(create):
    assert (await create(clusterIP="10.96.0.10"))["clusterIPs"] == ["10.96.0.10"]


@pytest.mark.parametrize(
    ("ip", "why"),
    [
        pytest.param("10.96.0.10", "provided IP is already allocated", id="taken"),
        pytest.param("10.0.0.1", "the provided network does not match the current range", id="outside"),
        pytest.param("10.96.0.0", "the provided network does not match the current range", id="network"),
    ],
)
async def test_a_cluster_ip_that_cannot_be_had_is_refused(create, ip, why):
    await create("dns", clusterIP="10.96.0.10")

    with pytest.raises(InvalidError) as caught:
        await create(clusterIP=ip)

    assert caught.value.message == (
        f'Service "web" is invalid: spec.clusterIPs: Invalid value: ["{ip}"]:'
        f" failed to allocate IP {ip}: {why}"
    )
    assert caught.value.causes[0].field == "spec.clusterIPs"


async def test_a_headless_service_has_no_address(create):
    spec = await create(clusterIP="None")

    assert (spec["clusterIP"], spec["clusterIPs"]) == ("None", ["None"])


async def test_an_external_name_has_no_address(create):
    spec = await create(type="ExternalName", externalName="example.com")

    assert not {"clusterIP", "clusterIPs", "ipFamilies", "ipFamilyPolicy"} & spec.keys()


async def test_a_node_port_comes_from_the_dynamic_band(create):
    spec = await create(type="NodePort")

    assert 30086 <= spec["ports"][0]["nodePort"] <= 32767


async def test_a_requested_node_port_is_given(create):
    spec = await create("web", {"port": 80, "nodePort": 31100}, type="NodePort")

    assert spec["ports"][0]["nodePort"] == 31100


@pytest.mark.parametrize(
    ("port", "why"),
    [
        pytest.param(31100, "provided port is already allocated", id="taken"),
        pytest.param(
            80,
            "provided port is not in the valid range. The range of valid ports is 30000-32767",
            id="outside",
        ),
        pytest.param(
            70000,
            "provided port is not in the valid range. The range of valid ports is 30000-32767",
            id="no-port",
        ),
    ],
)
async def test_a_node_port_that_cannot_be_had_is_refused(create, port, why):
    await create("other", {"port": 80, "nodePort": 31100}, type="NodePort")

    with pytest.raises(InvalidError) as caught:
        await create("web", {"port": 80, "nodePort": port}, type="NodePort")

    assert caught.value.message == (
        f'Service "web" is invalid: spec.ports[0].nodePort: Invalid value: {port}: {why}'
    )


async def test_tcp_and_udp_of_one_port_share_a_node_port(create):
    spec = await create(
        "dns",
        {"name": "tcp", "port": 53, "protocol": "TCP"},
        {"name": "udp", "port": 53, "protocol": "UDP"},
        {"name": "metrics", "port": 9153},
        type="NodePort",
    )

    tcp, udp, metrics = (port["nodePort"] for port in spec["ports"])
    assert tcp == udp != metrics


async def test_the_node_port_that_one_protocol_asks_for_is_given_to_the_other(create):
    spec = await create(
        "dns",
        {"name": "tcp", "port": 53, "protocol": "TCP"},
        {"name": "udp", "port": 53, "protocol": "UDP", "nodePort": 31153},
        type="NodePort",
    )

    assert [port["nodePort"] for port in spec["ports"]] == [31153, 31153]


async def test_what_is_exhausted_is_no_mistake_of_the_user(store, clock):
    small = Registry(
        store,
        Settings(service_cidr=("10.96.0.0/30",), node_port_range="30000-30001"),
        clock,
        rng=random.Random(0),
    )
    await small.create(NAMESPACE, {"metadata": {"name": "default"}})
    await small.create(SERVICE, service("one", type="NodePort"))
    await small.create(SERVICE, service("two", type="NodePort"))

    with pytest.raises(ApiError) as no_address:
        await small.create(SERVICE, service("three"))
    with pytest.raises(ApiError) as no_port:
        await small.patch(
            SERVICE,
            "default",
            "one",
            {"spec": {"ports": [{"name": "a", "port": 80}, {"name": "b", "port": 81}]}},
        )

    assert (
        no_address.value.message == "Internal error occurred: failed to allocate a serviceIP: range is full"
    )
    assert no_port.value.message == "Internal error occurred: failed to allocate a nodePort: range is full"


async def test_a_refused_service_takes_nothing(create):
    with pytest.raises(InvalidError):
        await create("web", {"port": 80, "nodePort": 80}, type="NodePort", clusterIP="10.96.0.77")

    assert (await create("other", clusterIP="10.96.0.77"))["clusterIP"] == "10.96.0.77"


async def test_a_dry_run_takes_nothing(create, registry):
    await registry.create(SERVICE, service(clusterIP="10.96.0.77"), options=WriteOptions(dry_run=True))

    assert (await create(clusterIP="10.96.0.77"))["clusterIP"] == "10.96.0.77"


async def test_deleting_frees_addresses(create, registry):
    wanted = {"type": "NodePort", "clusterIP": "10.96.0.77"}
    await create("web", {"port": 80, "nodePort": 31100}, **wanted)
    await registry.delete(SERVICE, "default", "web")

    assert (await create("web", {"port": 80, "nodePort": 31100}, **wanted))["clusterIP"] == "10.96.0.77"


async def test_an_update_that_leaves_addresses_out_keeps_them(create, update):
    before = await create(type="NodePort")
    after = await update(type="NodePort", selector={"a": "b"})

    assert {**after, "selector": None} == {**before, "selector": None}


@pytest.mark.parametrize(
    ("first", "then", "has_ip", "has_port"),
    [
        pytest.param("ClusterIP", "NodePort", True, True, id="gains-port"),
        pytest.param("NodePort", "ClusterIP", True, False, id="loses-port"),
        pytest.param("NodePort", "LoadBalancer", True, True, id="keeps-port"),
        pytest.param("NodePort", "ExternalName", False, False, id="loses-all"),
        pytest.param("ExternalName", "NodePort", True, True, id="gains-all"),
    ],
)
async def test_a_change_of_type_takes_and_frees(create, update, registry, first, then, has_ip, has_port):
    old = await create(type=first, externalName="example.com")
    new = await update(type=then, externalName="example.com")
    held = registry._ledger._addresses

    assert ("clusterIP" in new, "nodePort" in new["ports"][0]) == (has_ip, has_port)
    assert (len(held._ips), len(held._ports)) == (has_ip, has_port)
    assert old.get("clusterIP", new.get("clusterIP")) == new.get("clusterIP", old.get("clusterIP"))


async def test_fields_of_one_type_go_with_it_unless_they_are_set_anew(create, registry):
    load_balancer = await create(type="LoadBalancer", loadBalancerClass="example.com/none")
    patch = {"spec": {"type": "ClusterIP"}}
    plain = (await registry.patch(SERVICE, "default", "web", patch))["spec"]

    assert load_balancer["allocateLoadBalancerNodePorts"] is True
    assert not plain.keys() & {"allocateLoadBalancerNodePorts", "loadBalancerClass", "externalTrafficPolicy"}


async def test_a_load_balancer_that_needs_no_node_ports_any_more_keeps_those_that_it_is_not_asked_to_give_up(
    create, update, registry
):
    port = {"port": 80, "nodePort": 31100}
    await create("web", port, type="LoadBalancer")
    patch = {"spec": {"allocateLoadBalancerNodePorts": False}}
    kept = (await registry.patch(SERVICE, "default", "web", patch))["spec"]
    freed = await update("web", {"port": 80}, type="LoadBalancer", allocateLoadBalancerNodePorts=False)

    assert kept["ports"][0]["nodePort"] == 31100
    assert "nodePort" not in freed["ports"][0]
    assert (await create("other", port, type="NodePort"))["ports"][0]["nodePort"] == 31100


async def test_node_ports_of_a_name_mean_nothing(create, update):
    port = {"port": 80, "nodePort": 31100}
    await create("name", port, type="ExternalName", externalName="example.com")
    await create("web", port, type="NodePort")

    with pytest.raises(InvalidError, match="provided port is already allocated"):
        await update("name", port, type="NodePort")


async def test_node_ports_go_with_their_type_only_if_none_is_new(create, update):
    await create("web", {"port": 80, "nodePort": 31100}, type="NodePort")

    with pytest.raises(InvalidError, match=r"spec\.ports\[0\]\.nodePort: Forbidden: may not be used"):
        await update("web", {"port": 80, "nodePort": 31101})


async def test_the_policy_for_clients_outside_goes_with_the_last_external_address(create, registry):
    await create(externalIPs=["192.0.2.1"], externalTrafficPolicy="Local")
    changed = await registry.patch(SERVICE, "default", "web", {"spec": {"externalIPs": None}})

    assert "externalTrafficPolicy" not in changed["spec"]


@pytest.mark.parametrize(
    ("patch", "listed"),
    [
        pytest.param({"clusterIP": "10.96.0.8"}, '["10.96.0.8"]', id="one-of-both"),
        pytest.param({"clusterIP": "10.96.0.8", "clusterIPs": None}, '["10.96.0.8"]', id="alone"),
        pytest.param({"clusterIP": "None"}, '["None"]', id="headless"),
    ],
)
async def test_a_client_that_knows_one_address_only_means_the_list_too(create, registry, patch, listed):
    await create(clusterIP="10.96.0.7")

    with pytest.raises(InvalidError) as caught:
        await registry.patch(SERVICE, "default", "web", {"spec": patch})

    words = f"spec.clusterIPs[0]: Invalid value: {listed}: may not change once set"
    assert caught.value.message == f'Service "web" is invalid: {words}'


async def test_an_address_that_is_left_out_stays(create, registry):
    before = await create(clusterIP="10.96.0.7")
    after = await registry.patch(SERVICE, "default", "web", {"spec": {"clusterIP": None}})

    assert after["spec"] == before


async def test_what_is_no_load_balancer_any_more_has_no_address_of_one_at_once(create, registry):
    await create(type="LoadBalancer")
    told = {"status": {"loadBalancer": {"ingress": [{"ip": "192.0.2.1", "ipMode": "VIP"}]}}}
    await registry.patch(SERVICE, "default", "web", told, subresource="status")

    changed = await registry.patch(SERVICE, "default", "web", {"spec": {"type": "ClusterIP"}})

    assert changed["status"]["loadBalancer"] == {}


async def test_a_restarted_registry_knows_what_is_taken(create, store, clock):
    await create("web", {"port": 80, "nodePort": 31100}, type="NodePort", clusterIP="10.96.0.77")
    again = Registry(store, Settings(), clock)

    with pytest.raises(InvalidError, match=r"10\.96\.0\.77: provided IP is already allocated"):
        await again.create(SERVICE, service("other", clusterIP="10.96.0.77"))
    with pytest.raises(InvalidError, match="provided port is already allocated"):
        await again.create(SERVICE, service("other", {"port": 80, "nodePort": 31100}, type="NodePort"))


def test_the_static_band_is_given_last():
    allocator = NumberAllocator(0, 40, 16, random.Random(0))
    picked = []
    for _ in range(40):
        picked.append(allocator.pick())
        allocator.reserve([picked[-1]])

    assert set(picked[:24]) == set(range(16, 40))
    assert set(picked[24:]) == set(range(16))
    with pytest.raises(ExhaustedError):
        allocator.pick()


def test_a_small_range_has_no_static_band():
    allocator = node_ports(range(30000, 30010), random.Random(0))
    taken = set()
    for _ in range(10):
        port = allocator.pick()
        allocator.reserve([port])
        taken.add(port)

    assert taken == set(range(30000, 30010))


def play(allocator, steps):
    """Take and free numbers; give what was held each time a number was taken, and that number."""
    held = []
    for step in steps:
        if step == "take" and len(held) < 30:
            number = allocator.pick()
            yield list(held), number
            allocator.reserve([number])
            held.append(number)
        elif step == "free" and held:
            allocator.release([held.pop(0)])


@given(st.lists(st.sampled_from(["take", "free"]), max_size=60), st.integers(0, 2**32))
def test_no_address_is_held_twice(steps, seed):
    allocator = cluster_ips(IPv4Network("10.96.0.0/27"), random.Random(seed))

    assert all(number not in held and number in allocator for held, number in play(allocator, steps))
