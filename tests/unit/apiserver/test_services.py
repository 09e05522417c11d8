"""ClusterIPs and node ports."""

from __future__ import annotations

import random
from ipaddress import IPv4Address, IPv4Network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netemu.api.errors import InvalidError
from netemu.api.kinds import SERVICE
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
        pytest.param(
            "10.0.0.1",
            "the provided IP (10.0.0.1) is not in the valid range. The range of valid IPs is 10.96.0.0/16",
            id="outside",
        ),
        pytest.param(
            "10.96.0.0",
            "the provided IP (10.96.0.0) is not in the valid range. The range of valid IPs is 10.96.0.0/16",
            id="network",
        ),
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
