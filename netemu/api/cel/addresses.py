"""IP addresses and ranges in expressions. Pure.

Source: apiserver ``pkg/cel/library/ip.go``, ``cidr.go`` (Go's ``net/netip``: no zones, no IPv4 in IPv6).
"""

from __future__ import annotations

import ipaddress
from typing import Any

Value = dict[str, Any]
Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Range = ipaddress.IPv4Interface | ipaddress.IPv6Interface

_IP, _CIDR = "net.IP", "net.CIDR"


def ip(text: str) -> Value:
    """Read an address.

    Raises:
        ValueError: it is none.

    """
    return {_IP: str(_parse_ip(text))}


def is_ip(text: str) -> bool:
    """Tell whether a text is an address."""
    try:
        _parse_ip(text)
    except ValueError:
        return False
    return True


def is_canonical(text: str) -> bool:
    """Tell whether an address is written as it is printed.

    Raises:
        ValueError: it is none.

    """
    return str(_parse_ip(text)) == text


def family(value: Value) -> int:
    """Give 4 or 6."""
    return _ip_of(value).version


def is_unspecified(value: Value) -> bool:
    """Tell whether it is 0.0.0.0 or ::."""
    return _ip_of(value).is_unspecified


def is_loopback(value: Value) -> bool:
    """Tell whether it is of the loopback."""
    return _ip_of(value).is_loopback


def is_link_local_multicast(value: Value) -> bool:
    """Tell whether it is of 224.0.0.0/24 or ff02::/16."""
    found = _ip_of(value)
    return any(
        found.version == net.version and found in net
        for net in map(ipaddress.ip_network, ("224.0.0.0/24", "ff02::/16"))
    )


def is_link_local_unicast(value: Value) -> bool:
    """Tell whether it is of 169.254.0.0/16 or fe80::/10."""
    return _ip_of(value).is_link_local


def is_global_unicast(value: Value) -> bool:
    """Tell whether it is an address of one host, as Go sees it (private ranges are)."""
    found = _ip_of(value)
    is_broadcast = found == ipaddress.IPv4Address("255.255.255.255")
    special = (
        found.is_unspecified or found.is_loopback or found.is_multicast or found.is_link_local or is_broadcast
    )
    return not special


def cidr(text: str) -> Value:
    """Read a range; the address in it is kept.

    Raises:
        ValueError: it is none.

    """
    return {_CIDR: str(_parse_cidr(text))}


def is_cidr(text: str) -> bool:
    """Tell whether a text is a range."""
    try:
        _parse_cidr(text)
    except ValueError:
        return False
    return True


def contains_ip(value: Value, other: Value) -> bool:
    """Tell whether an address is in a range."""
    address, network = _ip_of(other), _range_of(value).network
    return address.version == network.version and address in network


def contains_ip_text(value: Value, text: str) -> bool:
    """Tell whether an address is in a range."""
    return contains_ip(value, ip(text))


def contains_cidr(value: Value, other: Value) -> bool:
    """Tell whether a range has all of another."""
    outer, inner = _range_of(value).network, _range_of(other).network
    return (
        outer.version == inner.version
        and outer.prefixlen <= inner.prefixlen
        and inner.network_address in outer
    )


def contains_cidr_text(value: Value, text: str) -> bool:
    """Tell whether a range has all of another."""
    return contains_cidr(value, cidr(text))


def ip_of(value: Value) -> Value:
    """Give the address of a range."""
    return {_IP: str(_range_of(value).ip)}


def masked(value: Value) -> Value:
    """Give a range with its first address."""
    return {_CIDR: str(_range_of(value).network)}


def is_masked(value: Value) -> bool:
    """Tell whether a range is written with its first address."""
    return masked(value) == value


def shown(value: Value) -> str:
    """Give an address or range as text."""
    found = value.get(_IP) or value.get(_CIDR)
    if not isinstance(found, str):
        raise TypeError("no such overload")
    return found


def prefix_length(value: Value) -> int:
    """Give how many bits all of its addresses have in common."""
    return _range_of(value).network.prefixlen


def _parse_ip(text: str) -> Address:
    if "%" in text or (":" in text and "." in text):
        raise ValueError(f'IP Address "{text}" parse error during conversion from string')
    try:
        return ipaddress.ip_address(text)
    except ValueError as err:
        raise ValueError(f'IP Address "{text}" parse error during conversion from string: {err}') from err


def _parse_cidr(text: str) -> Range:
    address, slash, prefix = text.partition("/")
    if not slash or not prefix.isascii() or not prefix.isdigit() or (len(prefix) > 1 and prefix[0] == "0"):
        raise ValueError(f'network address parse error during conversion from string: "{text}"')
    _parse_ip(address)
    try:
        return ipaddress.ip_interface(text)
    except ValueError as err:
        raise ValueError(f"network address parse error during conversion from string: {err}") from err


def _ip_of(value: Value) -> Address:
    found = value.get(_IP)
    if not isinstance(found, str):
        raise TypeError("no such overload")
    return ipaddress.ip_address(found)


def _range_of(value: Value) -> Range:
    found = value.get(_CIDR)
    if not isinstance(found, str):
        raise TypeError("no such overload")
    return ipaddress.ip_interface(found)
