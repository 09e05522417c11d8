"""The configuration of FRR's bgpd: made, read, and the way from one to another. Pure.

A configuration is what ``show running-config`` prints, without what it prints of itself: lines by
the lines that they are below. So what is wanted and what a router has can be compared, and the
difference is what must be typed. Sources: FRR 8.4, ``bgpd/bgp_vty.c`` and docs.frrouting.org.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from ipaddress import IPv4Address
from typing import NamedTuple

from netemu.balancer.peering import Peer
from netemu.balancer.pools import Address, Network
from netemu.balancer.routes import Route

Below = tuple[str, ...]
"""The lines that a line is below, the outermost first."""
Config = Mapping[Below, tuple[str, ...]]

LISTEN_LIMIT = 400
"""More neighbours than a cluster has nodes, of both families."""

NOTHING = "nothing"
_NOTHING = tuple(f"{ip} prefix-list {NOTHING} seq 5 deny any" for ip in ("ip", "ipv6"))
_OPENERS = ("router bgp ", "address-family ", "route-map ")
_OF_ITSELF = ("!", "exit", "end", "frr ", "hostname ", "log ", "bgp no-rib", "service ", "line vty")
_OF_ITSELF_TOO = ("Building configuration", "Current configuration")
_WELL_KNOWN = {
    # Their names are what FRR prints (lib/bgp, ``community_com2str``; RFC 1997 and others).
    "0:0": "internet",
    "65535:0": "graceful-shutdown",
    "65535:1": "accept-own",
    "65535:2": "route-filter-translated-v4",
    "65535:3": "route-filter-v4",
    "65535:4": "route-filter-translated-v6",
    "65535:5": "route-filter-v6",
    "65535:6": "llgr-stale",
    "65535:7": "no-llgr",
    "65535:8": "accept-own-nexthop",
    "65535:666": "blackhole",
    "65535:65281": "no-export",
    "65535:65282": "no-advertise",
    "65535:65283": "local-AS",
    "65535:65284": "no-peer",
}
_FAMILY = {4: "address-family ipv4 unicast", 6: "address-family ipv6 unicast"}
_SPEAKER = (
    # Routes are told and taken without a policy, of the families that are named, whoever has them.
    "no bgp ebgp-requires-policy",
    "no bgp default ipv4-unicast",
    "no bgp network import-check",
)


def node_config(addresses: Sequence[Address], peers: Sequence[Peer], routes: Iterable[Route]) -> Config:
    """Configure a node that tells its peers of routes, and heeds none of theirs."""
    if not peers:
        return {(): _NOTHING}
    router = f"router bgp {peers[0].my_asn}"
    families: dict[int, list[str]] = {}
    maps: dict[Below, tuple[str, ...]] = {}
    for route in routes:
        said = _attributes(route)
        named = f" route-map {_name_of(route)}" if said else ""
        families.setdefault(route.prefix.version, []).append(f"network {route.prefix}{named}")
        if said:
            maps[f"route-map {_name_of(route)} permit 10",] = said
    config: dict[Below, tuple[str, ...]] = {(): _NOTHING, **maps}
    config[router,] = (
        f"bgp router-id {router_id(addresses)}",
        *_SPEAKER,
        *(line for peer in peers for line in _neighbour(str(peer.address), peer)),
    )
    for peer in peers:
        activated = families.setdefault(peer.address.version, [])
        activated += [
            f"neighbor {peer.address} activate",
            f"neighbor {peer.address} prefix-list {NOTHING} in",
        ]
    spoken = {peer.address.version for peer in peers}
    return config | {(router, _FAMILY[v]): tuple(lines) for v, lines in families.items() if v in spoken}


def outside_config(addresses: Sequence[Address], peers: Iterable[Peer], hosts: Sequence[Network]) -> Config:
    """Configure the router outside: whoever calls from the hosts range may tell it of routes."""
    ours = [peer for peer in peers if peer.address in addresses]
    if not ours:
        return {(): _NOTHING}
    router = f"router bgp {ours[0].asn}"
    lines = [f"bgp router-id {router_id(addresses)}", *_SPEAKER]
    config: dict[Below, tuple[str, ...]] = {(): _NOTHING, (router,): ()}
    for peer in ours:
        version = peer.address.version
        group = f"nodes-v{version}"
        lines += [
            f"neighbor {group} peer-group",
            f"neighbor {group} remote-as {peer.my_asn}",
            *_password(group, peer),
            f"neighbor {group} timers {peer.keepalive_s} {peer.hold_s}",
            *(f"bgp listen range {each} peer-group {group}" for each in hosts if each.version == version),
        ]
        config[router, _FAMILY[version]] = (
            f"neighbor {group} activate",
            f"neighbor {group} prefix-list {NOTHING} out",
        )
    config[router,] = (*lines, f"bgp listen limit {LISTEN_LIMIT}")
    return config


def router_id(addresses: Sequence[Address]) -> IPv4Address:
    """Give the number that names a router: its IPv4 address, or the end of its IPv6 address."""
    first = min(addresses, key=lambda address: address.version)
    return IPv4Address(int(first) & 0xFFFFFFFF)


def render(config: Config, hostname: str) -> str:
    """Write a configuration as a file that FRR reads at its start."""
    lines = ["frr defaults traditional", f"hostname {hostname}", *config.get((), ())]
    for path, own in config.items():
        if len(path) == 1:
            nested = [(p, more) for p, more in config.items() if len(p) == 2 and p[0] == path[0]]
            lines += [path[0], *(f" {line}" for line in own)]
            for (_, family), more in nested:
                lines += [f" {family}", *(f"  {line}" for line in more), " exit-address-family"]
            lines.append("exit")
    return "\n".join(lines) + "\n"


def parse(text: str) -> Config:
    """Read what ``show running-config`` prints: what is below a line is indented by a blank more."""
    config: dict[Below, list[str]] = {(): []}
    path: Below = ()
    for raw in text.splitlines():
        line = raw.strip()
        if not line or line.startswith(_OF_ITSELF) or line.startswith(_OF_ITSELF_TOO):
            continue
        path = path[: len(raw) - len(raw.lstrip())]
        if line.startswith(_OPENERS):
            path = (*path, line)
            config.setdefault(path, [])
        else:
            config[path].append(line)
    return {path: tuple(lines) for path, lines in config.items()}


class Command(NamedTuple):
    """A line to be typed below others; one that undoes may fail: what it is about may be gone by now."""

    path: Below
    line: str
    may_fail: bool = False


def changes(has: Config, wanted: Config) -> Iterator[Command]:
    """Give what leads from one configuration to another; nothing if they say the same."""
    gone = {path for path in has if len(path) == 1 and path not in wanted}
    for path, lines in has.items():
        if path[:1] not in gone:
            kept = frozenset(wanted.get(path, ()))
            yield from (Command(path, f"no {line}", may_fail=True) for line in lines if line not in kept)
    for path in sorted(gone):
        yield Command((), f"no {path[0]}", may_fail=True)
    for path, lines in wanted.items():
        if path and path not in has:
            yield Command(path[:-1], path[-1])
        had = frozenset(has.get(path, ()))
        yield from (Command(path, line) for line in lines if line not in had)


def leads_to(command: Command) -> Below:
    """Say below which lines a router is after a command."""
    return (*command.path, command.line) if command.line.startswith(_OPENERS) else command.path


def _neighbour(address: str, peer: Peer) -> Iterator[str]:
    yield f"neighbor {address} remote-as {peer.asn}"
    yield f"neighbor {address} description {peer.name}"
    yield from _password(address, peer)
    if peer.port != 179:
        yield f"neighbor {address} port {peer.port}"
    if peer.is_far:
        yield f"neighbor {address} ebgp-multihop 255"
    yield f"neighbor {address} timers {peer.keepalive_s} {peer.hold_s}"
    yield f"neighbor {address} timers connect {peer.connect_s}"


def _password(neighbour: str, peer: Peer) -> Iterator[str]:
    if peer.password:
        yield f"neighbor {neighbour} password {peer.password}"


def _attributes(route: Route) -> tuple[str, ...]:
    lines = []
    if route.communities:
        named = (_WELL_KNOWN.get(community, community) for community in route.communities)
        lines.append(f"set community {' '.join(named)}")
    if route.local_pref is not None:
        lines.append(f"set local-preference {route.local_pref}")
    return tuple(lines)


def _name_of(route: Route) -> str:
    """Name the attributes of a route by what they are: equal names say the same."""
    pref = () if route.local_pref is None else (f"pref-{route.local_pref}",)
    return "_".join((*pref, *route.communities))
