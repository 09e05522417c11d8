from ipaddress import IPv4Address, IPv4Network

import pytest

from cni_plugins import ipam, protocol
from cni_plugins.protocol import CniError


def request(container_id="c1", config=None, name="net", **keys):
    conf = config or {"cniVersion": "1.0.0", "name": name, "ipam": {"subnet": "10.9.0.0/24", **keys}}
    return protocol.Request("ADD", container_id, "/x", "eth0", {}, (), conf)


def test_an_address_is_given_with_prefix_gateway_and_routes(tmp_path):
    answer = ipam.add(request(routes=[{"dst": "0.0.0.0/0"}]), tmp_path)

    assert answer["ips"] == [{"address": "10.9.0.2/24", "gateway": "10.9.0.1"}]
    assert answer["routes"] == [{"dst": "0.0.0.0/0"}]


def test_leases_are_below_the_nodes_own_root(tmp_path):
    ipam.add(request(dataDir="/var/lib/leases"), tmp_path)

    assert (tmp_path / "var/lib/leases/net/10.9.0.2").exists()


def test_networks_do_not_share_leases(tmp_path):
    first, second = (ipam.add(request(name=name), tmp_path)["ips"] for name in ("a", "b"))

    assert first == second


def test_releasing_what_was_never_leased_is_no_error(tmp_path):
    ipam.delete(request(), tmp_path)


def test_check_fails_without_a_lease(tmp_path):
    with pytest.raises(CniError, match="holds no address"):
        ipam.check(request(), tmp_path)
    ipam.add(request(), tmp_path)
    ipam.check(request(), tmp_path)


def test_collecting_keeps_the_leases_of_attachments_that_are_valid(tmp_path):
    for name in ("a", "b", "c"):
        ipam.add(request(name), tmp_path)
    conf = request().config | {"cni.dev/valid-attachments": [{"containerID": "b", "ifname": "eth0"}]}
    ipam.collect(request(config=conf), tmp_path)

    ipam.check(request("b"), tmp_path)
    with pytest.raises(CniError):
        ipam.check(request("a"), tmp_path)


def test_bounds_and_gateway_are_honoured():
    (pool,) = ipam.parse_pools(
        request(rangeStart="10.9.0.10", rangeEnd="10.9.0.20", gateway="10.9.0.254").config
    )

    assert (str(pool.first), str(pool.last), str(pool.gateway)) == ("10.9.0.10", "10.9.0.20", "10.9.0.254")
    assert pool.subnet == IPv4Network("10.9.0.0/24")
    assert IPv4Address("10.9.0.9") not in pool


@pytest.mark.parametrize(
    ("config", "complaint"),
    [
        ({"name": "n"}, "ipam.subnet"),
        ({"name": "n", "ipam": {"subnet": "x"}}, "ipam.subnet: 'x' is not an address range"),
        ({"name": "n", "ipam": {"ranges": [{"subnet": "10.0.0.0/24"}]}}, "ipam.ranges"),
        ({"name": "n", "ipam": {"ranges": [[{"subnet": "x"}]]}}, r"ipam.ranges\[0\]\[0\].subnet: 'x'"),
        ({"name": "n", "ipam": {"ranges": [[{"subnet": "10.0.0.0/24"}]] * 2}}, "one range of each family"),
        ({"name": "n", "ipam": {"subnet": "10.0.0.0/24", "gateway": "nine"}}, "ipam:"),
        ({"name": "n", "ipam": {"subnet": "10.0.0.0/24", "routes": [{"to": "x"}]}}, "ipam.routes"),
        ({"name": "../n", "ipam": {"subnet": "10.0.0.0/24"}}, "is not a network's name"),
    ],
)
def test_a_wrong_configuration_names_the_key(tmp_path, config, complaint):
    with pytest.raises(CniError, match=complaint) as raised:
        ipam.add(request(config=config), tmp_path)

    assert raised.value.number == 7


def test_a_container_gets_an_address_of_each_set_of_ranges_and_gives_both_back(tmp_path):
    ranges = [[{"subnet": "10.9.0.0/24"}], [{"subnet": "fd00:9::/64"}]]
    config = {"cniVersion": "1.0.0", "name": "net", "ipam": {"ranges": ranges}}
    first = ipam.add(request(config=config), tmp_path)

    assert [entry["address"] for entry in first["ips"]] == ["10.9.0.2/24", "fd00:9::2/64"]
    assert ipam.add(request(config=config), tmp_path) == first
    ipam.delete(request(config=config), tmp_path)
    second = ipam.add(request("c2", config=config), tmp_path)
    assert [entry["address"] for entry in second["ips"]] == ["10.9.0.3/24", "fd00:9::3/64"]
