"""rtnetlink messages as values: built by pure functions, encoded by pyroute2's classes.

A link is named by its index or, where the kernel takes one, by its name: a veth that was just
made in the same batch can so be changed without asking for its index in between.
Addresses and networks are ``ipaddress`` values of either family. What is the same for each
pod of a node (its default route, its gateway's neighbour entry) is remembered: encoding
costs 0.03 to 0.1 ms a message, a whole pod 1.2 ms in the kernel.
"""

from __future__ import annotations

import socket
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Interface, IPv4Network, IPv6Address, IPv6Interface, IPv6Network
from typing import Any, Literal, NamedTuple

from netemu.linux import encoding, templates
from netemu.linux import link_bodies as bodies

Address = IPv4Address | IPv6Address
Interface = IPv4Interface | IPv6Interface
Network = IPv4Network | IPv6Network
Link = bodies.Link
RouteType = Literal["unicast", "unreachable", "blackhole", "local"]

RTM_NEWLINK, RTM_DELLINK, RTM_GETLINK = 16, 17, 18  # linux/rtnetlink.h
RTM_NEWADDR, RTM_DELADDR, RTM_GETADDR = 20, 21, 22
RTM_NEWROUTE, RTM_DELROUTE, RTM_GETROUTE = 24, 25, 26
RTM_NEWNEIGH, RTM_DELNEIGH, RTM_GETNEIGH = 28, 29, 30

NLM_F_REQUEST, NLM_F_ACK = 0x1, 0x4  # linux/netlink.h
NLM_F_DUMP = 0x300
NLM_F_REPLACE, NLM_F_EXCL, NLM_F_CREATE = 0x100, 0x200, 0x400

_AF_BRIDGE = 7  # linux/socket.h; not in Python's socket module
_NUD_PERMANENT, _NUD_STALE, _NUD_NOARP = 0x80, 0x04, 0x40  # linux/neighbour.h
_NTF_SELF = 0x02
_IFA_F_NODAD = 0x02
_RTNH_F_ONLINK = 0x4
_RTPROT_STATIC = 4
_RT_TABLE_MAIN = 254
_RT_SCOPE = {"universe": 0, "link": 253, "host": 254}
_RTN: dict[str, int] = {"unicast": 1, "local": 2, "blackhole": 6, "unreachable": 7}

_NEW = NLM_F_CREATE | NLM_F_EXCL
_PUT = NLM_F_CREATE | NLM_F_REPLACE


class Message(NamedTuple):
    """One request: what it is for people, its type and flags, its body without the header.

    ``tolerate`` holds the errnos that are as good as success (EEXIST for what must be there,
    ENOENT, ESRCH, ENODEV for what must be gone).
    """

    what: str
    kind: int
    flags: int
    body: bytes
    tolerate: frozenset[int] = frozenset()

    def tolerating(self, *errnos: int) -> Message:
        """Give the same message, but let these errors pass."""
        return self._replace(tolerate=self.tolerate | set(errnos))


def veth(
    name: str,
    *,
    peer_name: str,
    peer_ns_fd: int | None = None,
    peer_index: int = 0,
    mac: str | None = None,
    peer_mac: str | None = None,
    mtu: int | None = None,
    master_index: int | None = None,
    up: bool = False,
) -> Message:
    """Make a veth pair; ``up`` raises this end, ``peer_index`` fixes the peer's index.

    The peer must be raised by itself (while it is made it has no other end yet: ENOTCONN,
    drivers/net/veth.c), and an alias needs ``set_link``: here the kernel would ignore it.
    """
    shape = (peer_name, peer_index, mtu, master_index, up)
    if mac is None or peer_mac is None or peer_ns_fd is None:
        body = bodies.veth(*shape, name, mac, peer_mac, peer_ns_fd)
    else:
        macs = templates.mac(mac), templates.mac(peer_mac, second=True)
        values = (templates.text(name), *macs, templates.number(peer_ns_fd))
        body = templates.encode(bodies.veth, shape, *values)
    return Message(f"add veth {name} with peer {peer_name}", RTM_NEWLINK, _NEW, body)


def bridge(name: str, *, mac: str | None = None, mtu: int | None = None, up: bool = False) -> Message:
    """Make a bridge without spanning tree and without multicast snooping.

    ``mac`` should be given: a bridge without one takes its ports' lowest, which changes.
    """
    # Snooping keeps a table per group and floods queries; no pod network here needs it.
    info = bodies.link_info("bridge", ("IFLA_BR_FORWARD_DELAY", 0), ("IFLA_BR_MCAST_SNOOPING", 0))
    body = bodies.link_fields(0, up, ("IFLA_IFNAME", name), ("IFLA_ADDRESS", mac), ("IFLA_MTU", mtu), info)
    return _link_message(f"add bridge {name}", _NEW, body)


def vxlan(
    name: str,
    *,
    vni: int,
    local: Address,
    port: int,
    mac: str | None = None,
    mtu: int | None = None,
    learning: bool = False,
    up: bool = False,
) -> Message:
    """Make a VXLAN device that knows its peers from ``fdb`` entries only, unless it may learn."""
    info = bodies.link_info(
        "vxlan",
        ("IFLA_VXLAN_ID", vni),
        ("IFLA_VXLAN_LOCAL" if local.version == 4 else "IFLA_VXLAN_LOCAL6", str(local)),
        ("IFLA_VXLAN_PORT", port),
        ("IFLA_VXLAN_LEARNING", int(learning)),
    )
    body = bodies.link_fields(0, up, ("IFLA_IFNAME", name), ("IFLA_ADDRESS", mac), ("IFLA_MTU", mtu), info)
    return _link_message(f"add vxlan {name} (id {vni})", _NEW, body)


def set_link(
    link: Link,
    *,
    name: str | None = None,
    address: str | None = None,
    mtu: int | None = None,
    alias: str | None = None,
    master: int | None = None,
    ns_fd: int | None = None,
    up: bool | None = None,
) -> Message:
    """Change what is given of a link; ``master=0`` takes it out of its bridge.

    ``name`` renames, and then ``link`` must be an index. ``ns_fd`` moves it to a namespace.
    """
    body = bodies.link_fields(
        link,
        up,
        ("IFLA_IFNAME", name),
        ("IFLA_ADDRESS", address),
        ("IFLA_MTU", mtu),
        ("IFLA_IFALIAS", alias),
        ("IFLA_MASTER", master),
        ("IFLA_NET_NS_FD", ns_fd),
    )
    return _link_message(f"change link {link}", 0, body)


@lru_cache(maxsize=256)
def link_up(link: Link) -> Message:
    """Raise a link."""
    return _link_message(f"set link {link} up", 0, bodies.link_fields(link, True))


def bridge_port(
    link: Link,
    *,
    isolated: bool | None = None,
    hairpin: bool | None = None,
    learning: bool | None = None,
    alias: str | None = None,
) -> Message:
    """Set what a bridge does on one port; the alias may ride along, to save a message."""
    shape = (isolated, hairpin, learning)
    if isinstance(link, int) or not alias:
        body = bodies.bridge_port(*shape, link, alias)
    else:
        words = templates.text(link), templates.text(alias, second=True)
        body = templates.encode(bodies.bridge_port, shape, *words)
    return Message(f"set bridge port {link}", RTM_NEWLINK, 0, body)


def delete_link(link: Link) -> Message:
    """Remove a link; of a veth pair the other end goes too."""
    return Message(f"delete link {link}", RTM_DELLINK, 0, bodies.bare_link(link))


def without_link_local(index: int) -> Message:
    """Let a link have no IPv6 address of its own; before it is raised."""
    return Message(f"give link {index} no link-local address", RTM_NEWLINK, 0, bodies.no_link_local(index))


def link_group(link: Link, group: int) -> Message:
    """Put a link into a group (a number above 0), which may be deleted as a whole."""
    return Message(f"put link {link} into group {group}", RTM_NEWLINK, 0, bodies.bare_link(link, group))


def delete_group(group: int) -> Message:
    """Remove all links of a group of this namespace at once: they share the kernel's grace periods."""
    body = bodies.whole_group(group)
    return Message(f"delete links of group {group}", RTM_DELLINK, 0, body)


def address(index: int, interface: Interface) -> Message:
    """Give a link an address (replacing its flags if it has it); no duplicate detection."""
    return Message(f"add address {interface} to link {index}", RTM_NEWADDR, _PUT, _address(index, interface))


def delete_address(index: int, interface: Interface) -> Message:
    """Take an address away."""
    body = _address(index, interface)
    return Message(f"delete address {interface} of link {index}", RTM_DELADDR, 0, body)


@lru_cache(maxsize=256)
def route(
    dst: Network,
    *,
    gateway: Address | None = None,
    index: int | None = None,
    scope: Literal["universe", "link", "host"] | None = None,
    onlink: bool = False,
    src: Address | None = None,
    type: RouteType = "unicast",
    table: int = _RT_TABLE_MAIN,
) -> Message:
    """Set the route to a network; the default route is the one to 0.0.0.0/0 or ::/0."""
    fields = {
        **_route_fields(dst, gateway, index, type, table),
        "scope": _scope(scope, gateway, type),
        "flags": _RTNH_F_ONLINK if onlink else 0,
    }
    if src is not None:
        fields["attrs"].append(("RTA_PREFSRC", str(src)))
    body = encoding.encode(encoding.classes().route, fields)
    return Message(_route_text("set", dst, gateway, index, type), RTM_NEWROUTE, _PUT, body)


def delete_route(
    dst: Network,
    *,
    gateway: Address | None = None,
    index: int | None = None,
    type: RouteType = "unicast",
    table: int = _RT_TABLE_MAIN,
) -> Message:
    """Remove the route to a network."""
    # RT_SCOPE_NOWHERE (255) is the wildcard of a deletion: ip/iproute.c, iproute_modify.
    fields = {**_route_fields(dst, gateway, index, type, table), "scope": 255}
    body = encoding.encode(encoding.classes().route, fields)
    return Message(_route_text("delete", dst, gateway, index, type), RTM_DELROUTE, 0, body)


def neighbour(index: int, ip: Address, mac: str, *, permanent: bool = True) -> Message:
    """Set who answers to an address on a link. Permanent entries do not count against gc_thresh3."""
    state = _NUD_PERMANENT if permanent else _NUD_STALE
    shape = (_family(ip), index, state)
    body = templates.encode(_neighbour_body, shape, templates.ip(ip), templates.mac(mac))
    return Message(f"set neighbour {ip} ({mac}) on link {index}", RTM_NEWNEIGH, _PUT, body)


def delete_neighbour(index: int, ip: Address) -> Message:
    """Forget who answers to an address on a link."""
    body = templates.encode(_neighbour_of_ip, (_family(ip), index), templates.ip(ip))
    return Message(f"delete neighbour {ip} on link {index}", RTM_DELNEIGH, 0, body)


def fdb(index: int, mac: str, dst_ip: Address) -> Message:
    """Tell a VXLAN device behind which host a MAC address is."""
    state = _NUD_PERMANENT | _NUD_NOARP
    body = _neighbour(_AF_BRIDGE, index, state, _NTF_SELF, ("NDA_LLADDR", mac), ("NDA_DST", str(dst_ip)))
    return Message(f"set fdb {mac} via {dst_ip} on link {index}", RTM_NEWNEIGH, _PUT, body)


def delete_fdb(index: int, mac: str, dst_ip: Address) -> Message:
    """Make a VXLAN device forget a MAC address."""
    body = _neighbour(_AF_BRIDGE, index, 0, _NTF_SELF, ("NDA_LLADDR", mac), ("NDA_DST", str(dst_ip)))
    return Message(f"delete fdb {mac} via {dst_ip} on link {index}", RTM_DELNEIGH, 0, body)


def get_link(link: Link) -> Message:
    """Ask for one link."""
    body = encoding.encode(encoding.classes().link, bodies.link_fields(link, None))
    return Message(f"find link {link}", RTM_GETLINK, 0, body)


def dump(kind: int, family: int = socket.AF_UNSPEC) -> Message:
    """Ask for everything of one kind (RTM_GETLINK, GETADDR, GETROUTE, GETNEIGH)."""
    classes = encoding.classes()
    by_kind = {
        RTM_GETLINK: classes.link,
        RTM_GETADDR: classes.address,
        RTM_GETROUTE: classes.route,
        RTM_GETNEIGH: classes.neighbour,
    }
    return Message(
        f"list (message {kind})", kind, NLM_F_DUMP, encoding.encode(by_kind[kind], {"family": family})
    )


def _neighbour_body(family: int, index: int, state: int, ip: str, mac: str) -> bytes:
    return _neighbour(family, index, state, 0, ("NDA_DST", ip), ("NDA_LLADDR", mac))


def _neighbour_of_ip(family: int, index: int, ip: str) -> bytes:
    return _neighbour(family, index, 0, 0, ("NDA_DST", ip))


def _link_message(what: str, flags: int, body: dict[str, Any]) -> Message:
    return Message(what, RTM_NEWLINK, flags, encoding.encode(encoding.classes().link, body))


def _family(value: Address | Network | Interface) -> int:
    return socket.AF_INET if value.version == 4 else socket.AF_INET6


def _address(index: int, interface: Interface) -> bytes:
    shape = (_family(interface), index, interface.network.prefixlen)
    return templates.encode(_address_body, shape, templates.ip(interface.ip))


def _address_body(family: int, index: int, prefix: int, ip: str) -> bytes:
    # The kernel takes IFA_LOCAL for IFA_ADDRESS too when that is not given, in both families.
    fields = {"family": family, "index": index, "prefixlen": prefix, "flags": _IFA_F_NODAD}
    return encoding.encode(encoding.classes().address, {**fields, "attrs": [("IFA_LOCAL", ip)]})


def _route_fields(
    dst: Network, gateway: Address | None, index: int | None, type: RouteType, table: int
) -> dict[str, Any]:
    attrs = bodies.given(
        ("RTA_DST", str(dst.network_address) if dst.prefixlen else None),
        ("RTA_GATEWAY", None if gateway is None else str(gateway)),
        ("RTA_OIF", index),
        ("RTA_TABLE", table),
    )
    return {
        "family": _family(dst),
        "dst_len": dst.prefixlen,
        "table": table,
        "proto": _RTPROT_STATIC,
        "type": _RTN[type],
        "attrs": attrs,
    }


def _scope(scope: str | None, gateway: Address | None, type: RouteType) -> int:
    if scope is not None:
        return _RT_SCOPE[scope]
    if type == "local":
        return _RT_SCOPE["host"]
    return _RT_SCOPE["link" if type == "unicast" and gateway is None else "universe"]


def _route_text(verb: str, dst: Network, gateway: Address | None, index: int | None, type: RouteType) -> str:
    via = "" if gateway is None else f" via {gateway}"
    device = "" if index is None else f" on link {index}"
    return f"{verb} {type} route to {dst}{via}{device}"


def _neighbour(family: int, index: int, state: int, flags: int, *attrs: tuple[str, str]) -> bytes:
    fields = {"family": family, "ifindex": index, "state": state, "flags": flags, "attrs": list(attrs)}
    return encoding.encode(encoding.classes().neighbour, fields)
