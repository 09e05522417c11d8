"""What the bridge plugin wants: its configuration as a value, and the messages that wire a pod.

Two ways, so that every packet between pods passes the node's ``forward`` hook:

* filtered bridge (``bridge-nf-call-iptables``, and ``-ip6tables`` for IPv6, are 1 in the node's
  namespace): pods have the subnet's prefix and reach each other over the bridge, which shows
  netfilter each frame;
* routed pods (the module is missing, or ``bridgeNetfilter`` is "off"): ports are isolated, pods
  have a /32 or /128 and a route to the gateway, so that the node routes between them.
"""

from __future__ import annotations

import errno
import hashlib
from ipaddress import ip_address, ip_interface, ip_network
from typing import Literal, NamedTuple

from cni_plugins import protocol
from cni_plugins.protocol import CniError, Json, Request
from netemu.linux import messages
from netemu.linux.messages import Address, Interface, Message, Network
from netemu.naming import IfName, interface_name

_ANYWHERE = {4: ip_network("0.0.0.0/0"), 6: ip_network("::/0")}
_MAX_ALIAS = 255  # IFALIASZ - 1, linux/if.h


class BridgeConfig(NamedTuple):
    """The plugin's own keys of a network configuration."""

    bridge: str
    mtu: int | None
    is_gateway: bool
    is_default_gateway: bool
    hairpin: bool
    netfilter: Literal["auto", "off"]
    ipam_type: str
    alias: str


class Bridge(NamedTuple):
    """A bridge as it is in the kernel now."""

    ifindex: int
    mac: str
    filtered: bool


class Given(NamedTuple):
    """An address that IPAM gave, and where its subnet's packets for elsewhere go."""

    address: Interface
    gateway: Address


class Wiring(NamedTuple):
    """All that one pod interface should be."""

    host_name: IfName
    host_mac: str
    pod_name: str
    pod_mac: str
    alias: str
    mtu: int | None
    hairpin: bool
    addresses: tuple[Interface, ...]
    gateways: tuple[Address, ...]
    routes: tuple[tuple[Network, Address | None], ...]
    bridge: Bridge
    isolated: bool


def parse_config(config: Json) -> BridgeConfig:
    """Read the plugin's keys.

    Raises:
        CniError: a value cannot work, or asks for what this plugin does not do.

    """
    if config.get("ipMasq"):
        raise CniError(
            protocol.INVALID_CONFIG,
            "ipMasq is not supported: pods reach each other and the nodes without NAT",
            details="Remove the key, or chain a plugin that masquerades.",
        )
    netfilter = config.get("bridgeNetfilter", "auto")
    if netfilter not in ("auto", "off"):
        raise CniError(protocol.INVALID_CONFIG, f'bridgeNetfilter: {netfilter!r} is not "auto" or "off"')
    name = str(config.get("bridge") or "cni0")
    protocol.check_names("", name)
    ipam_type = str(config.get("ipam", {}).get("type") or "")
    if not ipam_type:
        raise CniError(protocol.INVALID_CONFIG, "ipam.type: the name of an IPAM plugin is needed")
    default_gateway = bool(config.get("isDefaultGateway", False))
    return BridgeConfig(
        bridge=name,
        mtu=int(config.get("mtu") or 0) or None,
        is_gateway=bool(config.get("isGateway", False)) or default_gateway,
        is_default_gateway=default_gateway,
        hairpin=bool(config.get("hairpinMode", False)),
        netfilter=netfilter,
        ipam_type=ipam_type,
        alias=str(config.get("alias") or ""),
    )


def mac_address(*identity: str) -> str:
    """Derive a MAC address (locally administered, unicast) from what it belongs to."""
    digest = hashlib.sha256("\0".join(("mac", *identity)).encode()).digest()
    return ":".join(f"{byte:02x}" for byte in (digest[0] & 0xFC | 0x02, *digest[1:6]))


def bridge_mac(name: str, gateway: Address | None) -> str:
    """Derive a bridge's MAC address, which must not change when ports come and go."""
    return mac_address("bridge", name, str(gateway))


def host_name(request: Request) -> IfName:
    """Name the host side of the request's veth pair."""
    return interface_name(request.container_id, request.ifname)


def pod_mac(request: Request) -> str:
    """Derive the MAC address of the request's pod side."""
    return mac_address("pod", request.container_id, request.ifname)


def given_by(ipam: Json) -> tuple[Given, ...]:
    """Read the addresses that IPAM gave.

    Raises:
        CniError: there is none, or several of one family.

    """
    found = []
    for entry in ipam.get("ips", []):
        address = ip_interface(entry["address"])
        gateway = ip_address(entry["gateway"]) if entry.get("gateway") else address.network[1]
        found.append(Given(address, gateway))
    families = {given.address.version for given in found}
    if not found or len(families) < len(found):
        raise CniError(
            protocol.INVALID_CONFIG,
            f"IPAM gave {len(found)} addresses, one is needed, or one of each family",
        )
    return tuple(found)


def plan_wiring(request: Request, config: BridgeConfig, ipam: Json, bridge: Bridge) -> Wiring:
    """Decide all of one pod interface from what IPAM answered."""
    found = given_by(ipam)
    isolated = config.is_gateway and not bridge.filtered
    return Wiring(
        host_name=host_name(request),
        host_mac=mac_address("host", request.container_id, request.ifname),
        pod_name=request.ifname,
        pod_mac=pod_mac(request),
        alias=_alias(request, config),
        mtu=config.mtu,
        hairpin=config.hairpin,
        addresses=tuple(ip_interface(given.address.ip) if isolated else given.address for given in found),
        gateways=tuple(given.gateway for given in found) if config.is_gateway else (),
        routes=_routes(config, ipam, found),
        bridge=bridge,
        isolated=isolated,
    )


def node_messages(wiring: Wiring, pod_ns_fd: int | None) -> list[Message]:
    """List what to tell the node's namespace; without ``pod_ns_fd`` the veth pair is there already."""
    port = messages.bridge_port(
        wiring.host_name, isolated=wiring.isolated, hairpin=wiring.hairpin, alias=wiring.alias
    )
    known = [
        messages.neighbour(wiring.bridge.ifindex, address.ip, wiring.pod_mac) for address in wiring.addresses
    ]
    rest = [port, *known] if wiring.gateways else [port]
    if pod_ns_fd is None:
        joined = messages.set_link(wiring.host_name, master=wiring.bridge.ifindex, up=True)
        return [joined, *rest]
    pair = messages.veth(
        wiring.host_name,
        peer_name=wiring.pod_name,
        peer_ns_fd=pod_ns_fd,
        mac=wiring.host_mac,
        peer_mac=wiring.pod_mac,
        mtu=wiring.mtu,
        master_index=wiring.bridge.ifindex,
        up=True,
    )
    return [pair, *rest]


def pod_messages(wiring: Wiring, index: int) -> list[Message]:
    """List what to tell the pod's namespace, in which the interface has this index."""
    plan = [messages.link_up(index)]
    if all(address.version == 4 for address in wiring.addresses):
        # Nothing of IPv6 then, no address of its own and no question for a router. Not by a sysctl: the
        # more namespaces there are, the longer it takes to find. A kernel without IPv6 has nothing to say.
        plan.insert(0, messages.without_link_local(index).tolerating(errno.EAFNOSUPPORT))
    plan.extend(messages.address(index, address) for address in wiring.addresses)
    for gateway in wiring.gateways:
        # Permanent on both sides: such entries do not count against the machine's gc_thresh3.
        plan.append(messages.neighbour(index, gateway, wiring.bridge.mac))
        if wiring.isolated:
            plan.append(messages.route(ip_network(gateway), index=index, scope="link"))
    plan.extend(messages.route(dst, gateway=via, index=index) for dst, via in wiring.routes)
    return plan


def render_result(request: Request, config: BridgeConfig, wiring: Wiring, ipam: Json) -> Json:
    """Write the answer to ADD."""
    ips = [{"interface": 2, "address": str(address)} for address in wiring.addresses]
    for entry, gateway in zip(ips, wiring.gateways, strict=False):
        entry["gateway"] = str(gateway)
    return {
        "cniVersion": request.version,
        "interfaces": [
            {"name": config.bridge, "mac": wiring.bridge.mac},
            {"name": wiring.host_name, "mac": wiring.host_mac},
            {"name": wiring.pod_name, "mac": wiring.pod_mac, "sandbox": request.netns},
        ],
        "ips": ips,
        "routes": [
            {"dst": str(dst), **({} if via is None else {"gw": str(via)})} for dst, via in wiring.routes
        ],
        "dns": ipam.get("dns") or config_dns(request.config),
    }


def config_dns(config: Json) -> Json:
    """Give the DNS part of a network's configuration, which ends in the result as it is."""
    dns = config.get("dns")
    return dns if isinstance(dns, dict) else {}


def _routes(
    config: BridgeConfig, ipam: Json, found: tuple[Given, ...]
) -> tuple[tuple[Network, Address | None], ...]:
    gateways = {given.gateway.version: given.gateway for given in found}
    routes = []
    for route in ipam.get("routes") or []:
        dst = ip_network(route["dst"])
        routes.append((dst, ip_address(route["gw"]) if route.get("gw") else gateways.get(dst.version)))
    if config.is_default_gateway:
        asked = {dst for dst, _ in routes}
        missing = (version for version in gateways if _ANYWHERE[version] not in asked)
        routes += [(_ANYWHERE[version], gateways[version]) for version in missing]
    return tuple(routes)


def _alias(request: Request, config: BridgeConfig) -> str:
    """Write the readable name of a link: whatever is configured, then namespace/pod."""
    pod = f"{request.args.get('K8S_POD_NAMESPACE', '')}/{request.args.get('K8S_POD_NAME', '')}".strip("/")
    words = (config.alias, pod or request.container_id)
    return " ".join(word for word in words if word)[:_MAX_ALIAS]
