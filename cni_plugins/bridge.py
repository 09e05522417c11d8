"""netemu-bridge: connects a pod to its node's bridge with a veth pair.

Configuration: ``bridge`` (cni0), ``mtu``, ``isGateway``, ``isDefaultGateway``, ``hairpinMode``,
``bridgeNetfilter`` ("auto" or "off", see ``bridge_plan``), ``alias``, ``ipam``.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Iterable
from contextlib import AbstractContextManager
from ipaddress import ip_interface
from pathlib import Path
from typing import NoReturn

from cni_plugins import bridge_plan, delegate, protocol
from cni_plugins.bridge_plan import Bridge, BridgeConfig, Given, Wiring
from cni_plugins.delegate import Ipam
from cni_plugins.node import Node
from cni_plugins.protocol import CniError, Json, Request
from netemu.linux import messages, netns, sysctl
from netemu.linux.messages import Address, Interface
from netemu.linux.netlink import Netlink

_NF_CALL = {4: "net/bridge/bridge-nf-call-iptables", 6: "net/bridge/bridge-nf-call-ip6tables"}
# Addresses and routes are given, and free; solicitations and reports would be flooded to all ports.
_IPV6_GIVEN = {
    "net/ipv6/conf/default/disable_ipv6": 0,
    "net/ipv6/conf/default/accept_ra": 0,
    "net/ipv6/conf/default/accept_redirects": 0,
    "net/ipv6/conf/default/router_solicitations": 0,
    "net/ipv6/conf/default/dad_transmits": 0,
    "net/ipv6/conf/default/accept_dad": 0,
    "net/ipv6/conf/default/addr_gen_mode": 1,  # no link-local address (linux/if_link.h)
}


def add(request: Request, node: Node, ipam: Ipam) -> Json:
    """Wire a pod, and give the same again for one that is wired already.

    What a failed call did is undone: no lease and no link stays.
    """
    config = bridge_plan.parse_config(request.config)
    with _opened_pod(request.netns) as pod_fd:
        lease = ipam.add(request)
        try:
            bridge = _ensure_bridge(node, config, lease)
            wiring = bridge_plan.plan_wiring(request, config, lease, bridge)
            _wire(node, pod_fd, wiring)
        except BaseException:
            node.forget()
            node.netlink.batch([_gone(request)])
            ipam.delete(request)
            raise
    return bridge_plan.render_result(request, config, wiring, lease)


def delete(request: Request, node: Node, ipam: Ipam) -> None:
    """Take a pod's link, its neighbour entry and its lease away; what is gone is no error."""
    config = bridge_plan.parse_config(request.config)
    bridge_index = node.netlink.find_index(config.bridge)
    changes = [_gone(request)]
    if bridge_index is not None:
        changes += [
            messages.delete_neighbour(bridge_index, ip).tolerating(errno.ENOENT)
            for ip in _addresses_of(request, node, bridge_index)
        ]
    node.netlink.batch(changes)
    ipam.delete(request)


def check(request: Request, node: Node, ipam: Ipam) -> None:
    """Fail if a pod is not wired as ``prevResult`` says."""
    ipam.check(request)
    result = request.config.get("prevResult") or {}
    wanted = {ip_interface(given["address"]) for given in result.get("ips", [])}
    if node.netlink.find_index(bridge_plan.host_name(request)) is None:
        raise CniError(protocol.NOT_AS_EXPECTED, f"the node has no {bridge_plan.host_name(request)}")
    with _opened_pod(request.netns) as pod_fd, Netlink.open(pod_fd) as pod:
        index = pod.find_index(request.ifname)
        found = {address.interface for address in pod.dump_addresses() if address.ifindex == index}
    if not wanted <= found:
        missing = ", ".join(sorted(map(str, wanted - found)))
        raise CniError(protocol.NOT_AS_EXPECTED, f"{request.ifname} in the pod has no address {missing}")


def main() -> NoReturn:
    """Be the executable."""
    ipam = delegate.executable()
    protocol.main(
        {
            "ADD": lambda request: add(request, Node.here(), ipam),
            "DEL": lambda request: delete(request, Node.here(), ipam),
            "CHECK": lambda request: check(request, Node.here(), ipam),
            "GC": delegate.pass_on,
            "STATUS": delegate.pass_on,
        },
        os.environ,
    )


def _gone(request: Request) -> messages.Message:
    return messages.delete_link(bridge_plan.host_name(request)).tolerating(errno.ENODEV)


def _opened_pod(path: str) -> AbstractContextManager[int]:
    return netns.opened(Path(path).absolute())


def _ensure_bridge(node: Node, config: BridgeConfig, lease: Json) -> Bridge:
    """Make the bridge and all that its pods need of the node; a long-lived node does it once."""
    ready = node.ready.get(config.bridge)
    if isinstance(ready, Bridge):
        return ready
    given = bridge_plan.given_by(lease)
    mac = bridge_plan.bridge_mac(config.bridge, given[0].gateway)
    made = messages.bridge(config.bridge, mac=mac, mtu=config.mtu, up=True)
    node.netlink.batch([made.tolerating(errno.EEXIST)])
    link = node.netlink.find_link(config.bridge)
    if link is None or link.kind != "bridge":
        raise CniError(protocol.INVALID_CONFIG, f"bridge: {config.bridge} exists and is not a bridge")
    bridge = Bridge(link.ifindex, link.mac, _filters(node, config, given))
    _prepare_node(node, config, bridge, given)
    node.ready[config.bridge] = bridge
    return bridge


def _filters(node: Node, config: BridgeConfig, given: tuple[Given, ...]) -> bool:
    """Set whether netfilter sees bridged packets, of all families in use; true if it does then."""
    switches = [_NF_CALL[each.address.version] for each in given]
    if not all(sysctl.has(node.ns_fd, switch) for switch in switches):
        return False
    wanted = config.netfilter == "auto"
    if sysctl.is_machines_own(node.ns_fd):  # it would change the user's own bridges: take it as it is
        return all(sysctl.read(node.ns_fd, switch) == "1" for switch in switches)
    sysctl.ensure(node.ns_fd, dict.fromkeys(switches, int(wanted)))
    return wanted


def _prepare_node(node: Node, config: BridgeConfig, bridge: Bridge, given: tuple[Given, ...]) -> None:
    changes = [messages.link_up(bridge.ifindex)]
    if config.is_gateway:
        gateways = [ip_interface(f"{each.gateway}/{each.address.network.prefixlen}") for each in given]
        changes += [messages.address(bridge.ifindex, gateway) for gateway in gateways]
        sysctl.ensure(node.ns_fd, _forwarding(config, gateways))
        if any(gateway.version == 6 for gateway in gateways) and not sysctl.is_machines_own(node.ns_fd):
            # Without a link-local address it sends no redirects, and its ports no reports; all its
            # neighbours are known.
            names = (f"net/ipv6/conf/{name}/addr_gen_mode" for name in (config.bridge, "default"))
            sysctl.ensure(node.ns_fd, dict.fromkeys(names, 1))
    if config.is_gateway and not bridge.filtered:
        # A redirect would tell a pod to speak to its neighbour directly, which isolation forbids.
        names = (f"net/ipv4/conf/{name}/send_redirects" for name in ("all", config.bridge))
        sysctl.ensure(node.ns_fd, dict.fromkeys(names, 0))
    node.netlink.batch(changes)


def _forwarding(config: BridgeConfig, gateways: Iterable[Interface]) -> dict[str, int]:
    wanted = {
        4: {"net/ipv4/ip_forward": 1},
        6: {f"net/ipv6/conf/{config.bridge}/disable_ipv6": 0, "net/ipv6/conf/all/forwarding": 1},
    }
    return {name: value for gateway in gateways for name, value in wanted[gateway.version].items()}


def _wire(node: Node, pod_fd: int, wiring: Wiring) -> None:
    if any(address.version == 6 for address in wiring.addresses):
        sysctl.write(pod_fd, _IPV6_GIVEN)
    with Netlink.open(pod_fd) as pod:
        exists = pod.find_index(wiring.pod_name) is not None
        ours = node.netlink.find_index(wiring.host_name) is not None
        if exists and not ours:
            raise CniError(protocol.INVALID_ENVIRONMENT, f"the pod has a {wiring.pod_name} of its own")
        if ours and not exists:  # left behind by a pod namespace that a crash ended
            node.netlink.batch([messages.delete_link(wiring.host_name)])
        node.netlink.batch(bridge_plan.node_messages(wiring, None if exists else pod_fd))
        pod.batch(bridge_plan.pod_messages(wiring, pod.link_index(wiring.pod_name)))


def _addresses_of(request: Request, node: Node, bridge_index: int) -> set[Address]:
    """Find a pod's addresses: from ``prevResult``, else from the entries with its MAC address."""
    previous = request.config.get("prevResult")
    if previous:
        return {ip_interface(given["address"]).ip for given in previous.get("ips", [])}
    mac = bridge_plan.pod_mac(request)
    entries = node.netlink.dump_neighbours()
    return {entry.ip for entry in entries if entry.ifindex == bridge_index and entry.mac == mac}


if __name__ == "__main__":
    main()
