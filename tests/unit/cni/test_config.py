import json
from ipaddress import IPv4Network, IPv6Network

import pytest

from netemu.cni.config import (
    NODE_NOT_READY,
    CniConfigError,
    CniNotReadyError,
    find_config,
    load_config,
    parse_config,
    render_default,
)

LIST = {
    "cniVersion": "1.0.0",
    "name": "net",
    "plugins": [{"type": "a", "capabilities": {"portMappings": True}}],
}


def test_the_first_file_by_name_counts(tmp_path):
    for name in ("20-b.conflist", "10-a.conf", "00-readme.txt", "99-z.json"):
        (tmp_path / name).touch()

    assert find_config(tmp_path).name == "10-a.conf"


def test_without_a_file_the_words_are_kubernetes_own(tmp_path):
    with pytest.raises(CniNotReadyError, match="cni plugin not initialized"):
        load_config(tmp_path / "missing")
    assert NODE_NOT_READY == (
        "container runtime network not ready: NetworkReady=false reason:NetworkPluginNotReady "
        "message:Network plugin returns error: cni plugin not initialized"
    )


def test_a_list_is_read():
    network = parse_config(json.dumps(LIST).encode(), "x")

    assert (network.name, network.cni_version) == ("net", "1.0.0")
    assert [(plugin.type, plugin.capabilities) for plugin in network.plugins] == [("a", {"portMappings"})]


def test_a_single_plugin_is_a_list_of_one():
    network = parse_config(b'{"cniVersion": "0.4.0", "name": "n", "type": "a", "own": 1}', "x")

    assert [plugin.raw["own"] for plugin in network.plugins] == [1]


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"cniVersion": "0.1.0"}, "cniVersion: '0.1.0' is not supported"),
        ({"name": ""}, "name: "),
        ({"name": "a/b"}, "name: "),
        ({"plugins": []}, "plugins: a list"),
        ({"plugins": {}}, "plugins: a list"),
        ({"plugins": ["a"]}, r"plugins\[0\]: not a JSON object"),
        ({"plugins": [{"type": "a"}, {}]}, r"plugins\[1\].type: None"),
        ({"plugins": [{"type": "../a"}]}, r"plugins\[0\].type"),
        (
            {"plugins": [{"type": "a", "capabilities": []}, {"type": "b", "capabilities": 1}]},
            r"\[1\].capabilities",
        ),
    ],
)
def test_what_is_wrong_is_named_with_file_and_field(change, complaint):
    with pytest.raises(CniConfigError, match=f"^/etc/cni/net.d/10-x.conflist: .*{complaint}"):
        parse_config(json.dumps({**LIST, **change}).encode(), "/etc/cni/net.d/10-x.conflist")


@pytest.mark.parametrize("data", [b"{", b"[]", b"\xff"])
def test_what_is_not_a_json_object_is_refused(data):
    with pytest.raises(CniConfigError, match=r"^x: not"):
        parse_config(data, "x")


def test_the_default_configuration_can_be_read():
    network = parse_config(render_default([IPv4Network("10.244.1.0/24")], mtu=1450).encode(), "x")

    bridge, portmap = network.plugins
    assert (network.name, bridge.type, portmap.type) == ("netemu", "netemu-bridge", "netemu-portmap")
    assert (bridge.raw["mtu"], bridge.raw["ipam"]["subnet"]) == (1450, "10.244.1.0/24")
    assert portmap.capabilities == {"portMappings"}


def test_pods_of_both_families_get_an_address_of_each_range():
    subnets = [IPv4Network("10.244.1.0/24"), IPv6Network("fd00:1::/64")]
    network = parse_config(render_default(subnets, mtu=1450).encode(), "x")

    assert network.plugins[0].raw["ipam"] == {
        "type": "netemu-ipam",
        "ranges": [[{"subnet": "10.244.1.0/24"}], [{"subnet": "fd00:1::/64"}]],
    }
