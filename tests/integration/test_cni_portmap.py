"""Host ports, tried with real packets from outside of the node, from the node and from the pod."""

import json
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from ipaddress import ip_interface, ip_network
from pathlib import Path

import pytest

from cni_plugins import bridge, delegate, portmap, protocol
from netemu.errors import NetemuError
from netemu.linux import messages, netns, sysctl
from netemu.linux.netlink import Netlink

BRIDGE = {
    "cniVersion": "1.0.0",
    "name": "test",
    "isDefaultGateway": True,
    "hairpinMode": True,
    "ipam": {"type": "netemu-ipam", "subnet": "10.244.1.0/24"},
}
NODE_IP, OTHER_NODE_IP, CLIENT_IP = "172.30.0.11", "172.30.0.12", "172.30.0.1"


def request(command: str, pod: str, config: dict) -> protocol.Request:
    return protocol.Request(command, pod, f"/run/netns/{pod}", "eth0", {}, (), config)


def with_ports(result: dict, *ports: dict) -> dict:
    conf = {"cniVersion": "1.0.0", "name": "test", "prevResult": result}
    return {**conf, "runtimeConfig": {"portMappings": list(ports)}}


def port(host_port: int = 8080, container_port: int = 80, **more: str) -> dict:
    return {"hostPort": host_port, "containerPort": container_port, "protocol": "tcp", **more}


@pytest.fixture
def client(node_fd: int) -> Iterator[int]:
    """A machine beside the node, on the node's eth0, which has two addresses."""
    netns.create("t-client")
    with netns.opened("t-client") as client_fd:
        with Netlink.open(node_fd) as node, Netlink.open(client_fd) as outside:
            node.batch([messages.veth("eth0", peer_name="eth0", peer_ns_fd=client_fd, up=True)])
            index = node.link_index("eth0")
            node.batch(messages.address(index, ip_interface(f"{ip}/24")) for ip in (NODE_IP, OTHER_NODE_IP))
            peer = outside.link_index("eth0")
            address = messages.address(peer, ip_interface(f"{CLIENT_IP}/24"))
            outside.batch([messages.link_up(peer), address])
        yield client_fd
    netns.delete("t-client")


@pytest.fixture
def pod(open_node, first_pod) -> dict:
    return bridge.add(request("ADD", first_pod, BRIDGE), open_node, delegate.in_process(open_node.root))


@contextmanager
def serving(ns_fd: int, number: int, kind: int = socket.SOCK_STREAM) -> Iterator[socket.socket]:
    with netns.open_socket(ns_fd, socket.AF_INET, kind) as server:
        server.bind(("0.0.0.0", number))
        server.settimeout(30)
        if kind == socket.SOCK_STREAM:
            server.listen()
        yield server


def connect(ns_fd: int, server: socket.socket, ip: str, number: int = 8080) -> str:
    """Connect from a namespace; gives the address that the server sees."""
    with netns.open_socket(ns_fd, socket.AF_INET, socket.SOCK_STREAM) as sock:
        sock.settimeout(30)
        sock.connect((ip, number))
        conversation, peer = server.accept()
        conversation.close()
        return peer[0]


def is_refused(ns_fd: int, ip: str, number: int = 8080) -> bool:
    with netns.open_socket(ns_fd, socket.AF_INET, socket.SOCK_STREAM) as sock:
        sock.settimeout(30)
        return sock.connect_ex((ip, number)) != 0


def test_a_host_port_leads_from_outside_to_the_pod_and_shows_the_client(
    open_node, pod, pod_fd, first_pod, client
):
    portmap.add(request("ADD", first_pod, with_ports(pod, port())), open_node)

    with serving(pod_fd, 80) as server:
        assert connect(client, server, NODE_IP) == CLIENT_IP
        assert connect(client, server, OTHER_NODE_IP) == CLIENT_IP


def test_a_host_port_with_an_address_leads_from_that_address_only(open_node, pod, pod_fd, first_pod, client):
    portmap.add(request("ADD", first_pod, with_ports(pod, port(hostIP=OTHER_NODE_IP))), open_node)

    with serving(pod_fd, 80) as server:
        assert connect(client, server, OTHER_NODE_IP) == CLIENT_IP
        assert is_refused(client, NODE_IP)


def test_a_host_port_works_from_the_node_itself(open_node, pod, pod_fd, node_fd, first_pod, client):
    portmap.add(request("ADD", first_pod, with_ports(pod, port())), open_node)

    with serving(pod_fd, 80) as server:
        assert connect(node_fd, server, NODE_IP) == NODE_IP


@pytest.mark.parametrize("host_ip", ["", "127.0.0.1"])
def test_a_host_port_works_on_the_nodes_loopback(open_node, pod, pod_fd, node_fd, first_pod, client, host_ip):
    portmap.add(request("ADD", first_pod, with_ports(pod, port(hostIP=host_ip))), open_node)

    with serving(pod_fd, 80) as server:
        assert connect(node_fd, server, "127.0.0.1") == "10.244.1.1"


def test_nobody_else_gets_to_the_nodes_loopback(open_node, pod, pod_fd, node_fd, first_pod, client):
    portmap.add(request("ADD", first_pod, with_ports(pod, port())), open_node)
    sysctl.write(pod_fd, {"net/ipv4/conf/all/route_localnet": 1})
    with Netlink.open(pod_fd) as netlink:
        own = messages.delete_address(netlink.link_index("lo"), ip_interface("127.0.0.1/8"))
        gateway, eth0 = ip_interface("10.244.1.1").ip, netlink.link_index("eth0")
        netlink.batch([own, messages.route(ip_network("127.0.0.0/8"), gateway=gateway, index=eth0)])

    with serving(node_fd, 9000), netns.open_socket(pod_fd, socket.AF_INET, socket.SOCK_STREAM) as sock:
        sock.bind(("10.244.1.2", 0))
        sock.settimeout(0.3)
        with pytest.raises(TimeoutError):
            sock.connect(("127.0.0.1", 9000))


@pytest.mark.parametrize("netfilter", ["auto", "off"])
def test_a_pod_reaches_itself_through_its_host_port(open_node, pod_fd, first_pod, client, netfilter):
    conf = {**BRIDGE, "bridgeNetfilter": netfilter}
    pod = bridge.add(request("ADD", first_pod, conf), open_node, delegate.in_process(open_node.root))
    portmap.add(request("ADD", first_pod, with_ports(pod, port())), open_node)

    with serving(pod_fd, 80) as server:
        assert connect(pod_fd, server, NODE_IP) == "10.244.1.1"


@pytest.mark.parametrize("netfilter", ["auto", "off"])
def test_a_pod_reaches_another_of_its_node_through_a_host_port(
    open_node, pod_fd, first_pod, second_pod, client, netfilter
):
    conf = {**BRIDGE, "bridgeNetfilter": netfilter}
    ipam = delegate.in_process(open_node.root)
    pod = bridge.add(request("ADD", first_pod, conf), open_node, ipam)
    bridge.add(request("ADD", second_pod, conf), open_node, ipam)
    portmap.add(request("ADD", first_pod, with_ports(pod, port())), open_node)

    with serving(pod_fd, 80) as server, netns.opened(second_pod) as other:
        assert connect(other, server, NODE_IP) == "10.244.1.3"


def test_udp_host_ports_answer(open_node, pod, pod_fd, first_pod, client):
    portmap.add(request("ADD", first_pod, with_ports(pod, port(5353, 53, protocol="udp"))), open_node)

    with (
        serving(pod_fd, 53, socket.SOCK_DGRAM) as server,
        netns.open_socket(client, socket.AF_INET, socket.SOCK_DGRAM) as sock,
    ):
        sock.settimeout(30)
        sock.sendto(b"ask", (NODE_IP, 5353))
        _, peer = server.recvfrom(16)
        server.sendto(b"answer", peer)
        assert sock.recvfrom(16) == (b"answer", (NODE_IP, 5353))


def test_connections_of_the_node_to_other_machines_are_left_alone(open_node, pod, node_fd, first_pod, client):
    portmap.add(request("ADD", first_pod, with_ports(pod, port())), open_node)

    with serving(client, 8080) as server:
        assert connect(node_fd, server, CLIENT_IP) == NODE_IP


def test_deleting_closes_exactly_what_was_opened(open_node, pod, pod_fd, first_pod, client):
    first, second = with_ports(pod, port()), with_ports(pod, port(9090))
    portmap.add(request("ADD", first_pod, first), open_node)
    portmap.add(request("ADD", "another", second), open_node)

    for _ in range(2):
        portmap.delete(request("DEL", first_pod, first), open_node)

    with serving(pod_fd, 80) as server:
        assert is_refused(client, NODE_IP)
        assert connect(client, server, NODE_IP, 9090) == CLIENT_IP


def test_adding_again_is_the_same_and_a_changed_port_replaces(open_node, pod, pod_fd, first_pod, client):
    conf = with_ports(pod, port())
    for _ in range(2):
        assert portmap.add(request("ADD", first_pod, conf), open_node) == pod
        open_node.forget()
    portmap.add(request("ADD", first_pod, with_ports(pod, port(7070))), open_node)

    with serving(pod_fd, 80) as server:
        assert is_refused(client, NODE_IP)
        assert connect(client, server, NODE_IP, 7070) == CLIENT_IP


def test_a_port_that_another_pod_has_is_refused_and_stays_with_it(open_node, pod, pod_fd, first_pod, client):
    mine = with_ports(pod, port())
    other = with_ports({**pod, "ips": [{"address": "10.244.1.9/24"}]}, port())
    portmap.add(request("ADD", first_pod, mine), open_node)

    with pytest.raises(NetemuError, match="8080/tcp: taken by another pod"):
        portmap.add(request("ADD", "other", other), open_node)
    portmap.delete(request("DEL", "other", other), open_node)

    with serving(pod_fd, 80) as server:
        assert connect(client, server, NODE_IP) == CLIENT_IP


def test_a_new_add_after_a_reboot_opens_the_port_again(open_node, pod, pod_fd, first_pod, client):
    conf = with_ports(pod, port())
    portmap.add(request("ADD", first_pod, conf), open_node)
    open_node.nft.run("flush ruleset")
    open_node.forget()

    portmap.add(request("ADD", first_pod, conf), open_node)

    with serving(pod_fd, 80) as server:
        assert connect(client, server, NODE_IP) == CLIENT_IP


def test_check_notices_a_port_that_is_not_open(open_node, pod, first_pod):
    conf = with_ports(pod, port())
    portmap.add(request("ADD", first_pod, conf), open_node)
    portmap.check(request("CHECK", first_pod, conf), open_node)
    open_node.nft.run("flush map ip netemu-hostport ports")

    with pytest.raises(NetemuError, match="not open"):
        portmap.check(request("CHECK", first_pod, conf), open_node)


def test_program_and_function_give_the_same_rules_and_result(cni_node, open_node, pod, first_pod, tmp_path):
    conf = {
        **with_ports(pod, port(), port(5353, 53, protocol="udp", hostIP=NODE_IP)),
        "dataDir": str(tmp_path / "p"),
    }
    environ = {"CNI_CONTAINERID": first_pod, "CNI_NETNS": f"/run/netns/{first_pod}", "CNI_IFNAME": "eth0"}
    listing = "list table ip netemu-hostport"

    exit_code, by_program = cni_node.run_program("portmap", {**environ, "CNI_COMMAND": "ADD"}, conf)
    rules_by_program = open_node.nft.run(listing)
    deleted, _ = cni_node.run_program("portmap", {**environ, "CNI_COMMAND": "DEL"}, conf)
    rules_after = open_node.nft.run(listing)
    open_node.root = Path("/")
    by_function = portmap.add(request("ADD", first_pod, conf), open_node)

    assert (exit_code, deleted) == (0, 0)
    assert json.dumps(by_function) == json.dumps(by_program)
    assert open_node.nft.run(listing) == rules_by_program
    assert "10.244.1.2" not in rules_after


def test_a_route_of_the_clients_is_not_needed_for_the_pods(client):
    """The tests above stand on this: the client has no way to pods but the host port."""
    with Netlink.open(client) as outside:
        assert ip_network("0.0.0.0/0") not in [route.dst for route in outside.dump_routes()]
