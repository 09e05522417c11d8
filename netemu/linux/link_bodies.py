"""The bodies of messages about links, encoded; what is the same for all pods of a node is remembered."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from netemu.linux import encoding, templates

Link = int | str

_IFF_UP = 0x1
_GEN_MODE_NONE = 1  # linux/if_link.h


def given(*attrs: tuple[str, Any]) -> list[tuple[str, Any]]:
    """Keep the attributes that have a value."""
    return [attr for attr in attrs if attr[1] is not None]


def _bit(value: bool | None) -> int | None:
    return None if value is None else int(value)


def link_fields(link: Link, up: bool | None, *attrs: tuple[str, Any]) -> dict[str, Any]:
    """Give the fields of a message about a link, with the attributes that have a value."""
    flags = {} if up is None else {"flags": _IFF_UP if up else 0, "change": _IFF_UP}
    named = [("IFLA_IFNAME", link)] if isinstance(link, str) else []
    index = 0 if isinstance(link, str) else link
    return {"index": index, **flags, "attrs": [*named, *given(*attrs)]}


def bare_link(link: Link, group: int | None = None) -> bytes:
    """Name a link, and perhaps its group."""
    if isinstance(link, int):
        return _of_group(group, link)
    return templates.encode(_of_group, (group,), templates.text(link))


@lru_cache(maxsize=16)
def whole_group(group: int) -> bytes:
    """Name all links of a group."""
    return _of_group(group, 0)


def _of_group(group: int | None, link: Link) -> bytes:
    return encoding.encode(encoding.classes().link, link_fields(link, None, ("IFLA_GROUP", group)))


@lru_cache(maxsize=16)
def no_link_local(index: int) -> bytes:
    """Have the kernel give a link no IPv6 address by itself."""
    inet6 = ("AF_INET6", {"attrs": [("IFLA_INET6_ADDR_GEN_MODE", _GEN_MODE_NONE)]})
    body = link_fields(index, None, ("IFLA_AF_SPEC", {"attrs": [inet6]}))
    return encoding.encode(encoding.classes().link, body)


def link_info(kind: str, *data: tuple[str, Any]) -> tuple[str, Any]:
    """Give the attribute that has what is special to a kind of link."""
    attrs = [("IFLA_INFO_KIND", kind), ("IFLA_INFO_DATA", {"attrs": list(data)})]
    return ("IFLA_LINKINFO", {"attrs": attrs})


def veth(
    peer_name: str,
    peer_index: int,
    mtu: int | None,
    master_index: int | None,
    up: bool,
    name: str,
    mac: str | None,
    peer_mac: str | None,
    peer_ns_fd: int | None,
) -> bytes:
    """Make a pair of links, the second one perhaps in another namespace."""
    peer = link_fields(
        peer_index,
        None,
        ("IFLA_IFNAME", peer_name),
        ("IFLA_ADDRESS", peer_mac),
        ("IFLA_MTU", mtu),
        ("IFLA_NET_NS_FD", peer_ns_fd),
    )
    body = link_fields(
        0,
        up,
        ("IFLA_IFNAME", name),
        ("IFLA_ADDRESS", mac),
        ("IFLA_MTU", mtu),
        ("IFLA_MASTER", master_index),
        link_info("veth", ("VETH_INFO_PEER", peer)),
    )
    return encoding.encode(encoding.classes().link, body)


def bridge_port(
    isolated: bool | None, hairpin: bool | None, learning: bool | None, link: Link, alias: str | None
) -> bytes:
    """Set a port of a bridge, and its alias."""
    data = given(
        ("IFLA_BRPORT_MODE", _bit(hairpin)),
        ("IFLA_BRPORT_ISOLATED", _bit(isolated)),
        ("IFLA_BRPORT_LEARNING", _bit(learning)),
    )
    info = [("IFLA_INFO_SLAVE_KIND", "bridge"), ("IFLA_INFO_SLAVE_DATA", {"attrs": data})]
    body = link_fields(link, None, ("IFLA_IFALIAS", alias), ("IFLA_LINKINFO", {"attrs": info}))
    return encoding.encode(encoding.classes().link, body)
