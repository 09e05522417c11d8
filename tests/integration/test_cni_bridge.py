"""Two pods of one node, wired by the bridge plugin, with and without bridge filtering."""

import json
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from cni_plugins import bridge, delegate, protocol
from netemu.errors import NetemuError
from netemu.linux import netns, sysctl
from netemu.linux.netlink import Netlink
from netemu.linux.nft import NftContext

FORWARD_COUNTER = """
table ip seen {
	counter echo { }
	chain forward { type filter hook forward priority 0; icmp type echo-request counter name echo; }
}
"""
PATH = "net/bridge/bridge-nf-call-iptables"


def config(netfilter: str = "auto", subnet: str = "10.244.1.0/24", **more: object) -> dict:
    return {
        "cniVersion": "1.0.0",
        "name": "test",
        "type": "netemu-bridge",
        "mtu": 1450,
        "isDefaultGateway": True,
        "hairpinMode": True,
        "bridgeNetfilter": netfilter,
        "ipam": {"type": "netemu-ipam", "subnet": subnet},
        **more,
    }


def request(command: str, pod: str, conf: dict) -> protocol.Request:
    return protocol.Request(
        command=command,
        container_id=pod,
        netns=f"/run/netns/{pod}",
        ifname="eth0",
        args={"K8S_POD_NAMESPACE": "default", "K8S_POD_NAME": pod},
        path=(),
        config=conf,
    )


def add(node, pod: str, conf: dict) -> dict:
    return bridge.add(request("ADD", pod, conf), node, delegate.in_process(node.root))


def delete(node, pod: str, conf: dict) -> None:
    bridge.delete(request("DEL", pod, conf), node, delegate.in_process(node.root))


def ping(pod: str, target: str) -> int:
    argv = ["ip", "netns", "exec", pod, "ping", "-c1", "-W2", target]
    return subprocess.run(argv, capture_output=True, check=False).returncode


def ip_of(result: dict) -> str:
    return result["ips"][0]["address"].split("/")[0]


@contextmanager
def counted(node_fd: int) -> Iterator[NftContext]:
    nft = NftContext.open(node_fd)
    nft.run(FORWARD_COUNTER)
    yield nft
    nft.close()


@pytest.mark.parametrize(("netfilter", "prefix"), [("auto", 24), ("off", 32)])
def test_pods_of_one_node_talk_and_the_forward_hook_sees_them(
    open_node, node_fd, first_pod, second_pod, netfilter, prefix
):
    first, second = (add(open_node, pod, config(netfilter)) for pod in (first_pod, second_pod))

    with counted(node_fd) as nft:
        assert ping(first_pod, ip_of(second)) == 0
        assert "packets 1 " in nft.run("list counter ip seen echo")
    assert first["ips"][0]["address"] == f"10.244.1.2/{prefix}"


@pytest.mark.parametrize(("netfilter", "value"), [("auto", "1"), ("off", "0")])
def test_bridge_filtering_is_set_in_the_nodes_namespace(open_node, node_fd, first_pod, netfilter, value):
    sysctl.write(node_fd, {PATH: 1 - int(value)})

    add(open_node, first_pod, config(netfilter))

    assert sysctl.read(node_fd, PATH) == value


@pytest.mark.parametrize("netfilter", ["auto", "off"])
def test_the_node_reaches_a_pod_and_a_pod_its_node(open_node, node, first_pod, netfilter):
    result = add(open_node, first_pod, config(netfilter))

    assert ping(node, ip_of(result)) == 0
    assert ping(first_pod, "10.244.1.1") == 0


def test_a_pod_has_an_address_a_default_route_and_no_ipv6(open_node, first_pod, pod_fd):
    add(open_node, first_pod, config())

    with Netlink.open(pod_fd) as pod:
        addresses = {str(found.interface) for found in pod.dump_addresses()}
        gateways = {str(route.dst): str(route.gateway) for route in pod.dump_routes()}
        mtu = pod.find_link("eth0").mtu
    assert addresses == {"127.0.0.1/8", "::1/128", "10.244.1.2/24"}
    assert gateways["0.0.0.0/0"] == "10.244.1.1"
    assert mtu == 1450


def test_both_sides_know_each_other_without_asking(open_node, node_link, first_pod, pod_fd):
    result = add(open_node, first_pod, config())

    cni0 = node_link.find_link("cni0")
    pod_mac = result["interfaces"][2]["mac"]
    with Netlink.open(pod_fd) as pod:
        known_to_pod = {(str(n.ip), n.mac, n.permanent) for n in pod.dump_neighbours()}
    known_to_node = {(str(n.ip), n.mac, n.permanent) for n in node_link.dump_neighbours()}
    assert ("10.244.1.1", cni0.mac, True) in known_to_pod
    assert ("10.244.1.2", pod_mac, True) in known_to_node


def test_the_host_side_is_named_by_the_container_and_tells_the_pods_name(open_node, node_link, first_pod):
    result = add(open_node, first_pod, config(alias="cluster=demo"))

    link = node_link.find_link(result["interfaces"][1]["name"])
    assert link.alias == f"cluster=demo default/{first_pod}"


def test_adding_again_gives_the_same(open_node, first_pod):
    first = add(open_node, first_pod, config())
    open_node.forget()

    assert add(open_node, first_pod, config()) == first
    assert ping(first_pod, "10.244.1.1") == 0


def test_a_pod_gets_its_address_again_in_a_new_namespace(open_node, first_pod):
    before = add(open_node, first_pod, config())
    netns.delete(first_pod)
    netns.create(first_pod)

    assert add(open_node, first_pod, config()) == before
    assert ping(first_pod, "10.244.1.1") == 0


def test_deleting_leaves_nothing_and_may_be_repeated(open_node, node_link, first_pod):
    add(open_node, first_pod, config())

    for _ in range(2):
        delete(open_node, first_pod, config())
    assert {link.name for link in node_link.dump_links()} == {"lo", "cni0"}
    assert node_link.dump_neighbours(family=2) == []
    leases = open_node.path("/var/lib/cni/networks/test")
    assert sorted(path.name for path in leases.iterdir()) == ["containers", "lock"]
    assert list((leases / "containers").iterdir()) == []


def test_deleting_works_when_the_pods_namespace_is_gone(open_node, node_link):
    netns.create("t-gone")
    add(open_node, "t-gone", config())
    netns.delete("t-gone")

    delete(open_node, "t-gone", config())

    assert {link.name for link in node_link.dump_links()} == {"lo", "cni0"}


def test_a_failed_add_keeps_no_lease_and_no_link(open_node, node_link, node_fd, first_pod):
    NftContext.open(node_fd).close()
    broken = config(bridge="lo")
    with pytest.raises(NetemuError, match="is not a bridge"):
        add(open_node, first_pod, broken)

    assert {link.name for link in node_link.dump_links()} == {"lo"}
    assert list(open_node.path("/var/lib/cni/networks/test/containers").iterdir()) == []


def test_an_interface_of_someone_else_in_the_pod_is_not_touched(open_node, node_link, first_pod, pod_fd):
    subprocess.run(["ip", "-n", first_pod, "link", "add", "eth0", "type", "bridge"], check=True)

    with pytest.raises(NetemuError, match="has a eth0 of its own"):
        add(open_node, first_pod, config())

    with Netlink.open(pod_fd) as pod:
        assert pod.find_link("eth0").kind == "bridge"


def test_check_notices_a_lost_address(open_node, first_pod):
    conf = config()
    conf["prevResult"] = add(open_node, first_pod, conf)
    ipam = delegate.in_process(open_node.root)
    bridge.check(request("CHECK", first_pod, conf), open_node, ipam)

    subprocess.run(["ip", "-n", first_pod, "addr", "flush", "dev", "eth0"], check=True)
    with pytest.raises(NetemuError, match="no address"):
        bridge.check(request("CHECK", first_pod, conf), open_node, ipam)


def environ(command: str, pod: str) -> dict[str, str]:
    return {
        "CNI_COMMAND": command,
        "CNI_CONTAINERID": pod,
        "CNI_NETNS": f"/run/netns/{pod}",
        "CNI_IFNAME": "eth0",
        "CNI_ARGS": f"IgnoreUnknown=1;K8S_POD_NAMESPACE=default;K8S_POD_NAME={pod}",
    }


def kernel_state(*names: str) -> list[object]:
    """Read all links, addresses, routes and neighbours, but not what counters and indexes say."""
    return [
        [
            sorted(
                map(
                    stable,
                    json.loads(
                        subprocess.run(
                            ["ip", "-n", name, "-j", "-d", *what], capture_output=True, check=True
                        ).stdout
                        or b"[]"
                    ),
                )
            )
            for what in (["addr"], ["route", "show", "table", "all"], ["neigh"])
        ]
        for name in names
    ]


def stable(entry: dict) -> str:
    volatile = {"ifindex", "link_index", "link_netnsid", "linkinfo", "operstate"}
    kept = {key: value for key, value in entry.items() if key not in volatile}
    data = entry.get("linkinfo", {}).get("info_slave_data", {})
    kept["port"] = {key: data.get(key) for key in ("hairpin", "isolated", "state")}
    return json.dumps(kept, sort_keys=True)


@pytest.mark.parametrize("netfilter", ["auto", "off"])
def test_program_and_function_give_the_same_result_and_the_same_kernel_state(
    cni_node, open_node, node, first_pod, netfilter
):
    data_dir = str(cni_node.root / "leases")
    conf = config(netfilter)
    conf["ipam"]["dataDir"] = data_dir
    exit_code, by_program = cni_node.run_program("bridge", environ("ADD", first_pod), conf)
    state_by_program = kernel_state(node, first_pod)
    deleted, _ = cni_node.run_program("bridge", environ("DEL", first_pod), conf)
    state_after = kernel_state(first_pod)
    subprocess.run(["ip", "-n", node, "link", "delete", "cni0"], check=True)

    Path(data_dir, "test", "lock").write_text("")
    open_node.root = Path("/")
    by_function = add(open_node, first_pod, conf)

    assert (exit_code, deleted) == (0, 0)
    assert by_function == by_program
    assert kernel_state(node, first_pod) == state_by_program
    assert state_after != state_by_program[1:]


def test_a_wrong_configuration_is_an_error_in_json_with_exit_code_one(cni_node, first_pod):
    exit_code, answer = cni_node.run_program("bridge", environ("ADD", first_pod), config(ipMasq=True))

    assert exit_code == 1
    assert (answer["code"], answer["cniVersion"]) == (7, "1.0.0")
    assert "ipMasq is not supported" in answer["msg"]


def test_an_error_of_the_ipam_program_comes_through(cni_node, first_pod):
    exit_code, answer = cni_node.run_program("bridge", environ("ADD", first_pod), config(subnet="fd00::/127"))

    assert exit_code == 1
    assert answer["code"] == 7
    assert "too small" in answer["msg"]


@pytest.mark.parametrize("version", ["0.3.1", "0.4.0", "1.0.0", "1.1.0"])
def test_older_and_newer_protocol_versions_are_spoken(cni_node, first_pod, version, tmp_path):
    conf = {**config(), "cniVersion": version}
    conf["ipam"]["dataDir"] = str(tmp_path / "leases")
    exit_code, answer = cni_node.run_program("bridge", environ("ADD", first_pod), conf)

    assert exit_code == 0
    assert answer["cniVersion"] == version
    assert ("version" in answer["ips"][0]) == version.startswith("0.")
