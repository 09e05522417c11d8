"""The ranges of a cluster: read from settings, kept apart, cut into one slice for each node."""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import IPv4Network, IPv6Network, ip_network
from itertools import combinations
from typing import ClassVar, NamedTuple

from netemu.errors import SettingsError

Network = IPv4Network | IPv6Network

SMALLEST_SLICE_PREFIX = 24  # as Kubernetes' node-cidr-mask-size; readers of labs expect it
IPV6_SLICE_PREFIX = 64  # node-cidr-mask-size-ipv6
_IPV6_SLICES_BITS = 8  # a range with no room for that many /64 is cut into so many smaller ones
# Linux forwards no packet to these (include/linux/in.h, net/ipv6/addrconf.c).
_NEVER_FORWARDED = {
    ip_network(cidr): kind
    for cidr, kind in (
        ("0.0.0.0/8", "addresses of no network"),
        ("127.0.0.0/8", "loopback addresses"),
        ("169.254.0.0/16", "link-local addresses"),
        ("224.0.0.0/4", "multicast addresses"),
        ("255.255.255.255/32", "the broadcast address"),
        ("::/127", "loopback addresses"),
        ("fe80::/10", "link-local addresses"),
        ("ff00::/8", "multicast addresses"),
    )
}


class LabelledRange(NamedTuple):
    """A range, what it is for ("pods range") and where it comes from ("--pod-cidr", or its default)."""

    network: Network
    label: str
    source: str
    is_default: bool = False

    def __str__(self) -> str:
        source = f"the default of {self.source}" if self.is_default else f"from {self.source}"
        return f"{self.label} {self.network} ({source})"


class RangeOverlapError(SettingsError):
    """Two ranges that must be apart share addresses."""

    code: ClassVar[str] = "SETTINGS_RANGES_OVERLAP"


def parse_ranges(cidrs: Iterable[str], setting: str) -> tuple[Network, ...]:
    """Read a setting that holds one or two CIDRs, at most one of each family.

    Raises:
        SettingsError: a CIDR is wrong, or there are too many or none; names the setting.

    """
    networks = tuple(_parse_cidr(text.strip(), setting) for text in cidrs)
    if not networks or len({network.version for network in networks}) < len(networks):
        raise SettingsError(
            f"{setting}: {len(networks)} ranges given, one is needed, or one of each family",
            hint="Give a CIDR such as 10.244.0.0/16, or two such as 10.244.0.0/16,fd00:10:244::/56.",
        )
    return networks


def check_apart(ranges: Iterable[LabelledRange]) -> None:
    """Refuse ranges that overlap.

    Raises:
        RangeOverlapError: names both ranges and their sources.

    """
    for first, second in combinations(ranges, 2):
        same_family = first.network.version == second.network.version
        if same_family and first.network.overlaps(second.network):
            raise RangeOverlapError(
                f"{first} overlaps {second}", hint=f"Choose another range with {second.source}."
            )


def slice_prefix(pods: Network, max_pods: int) -> int:
    """Give the prefix length of one node's slice: twice its pods' addresses, at least a /24 or /64.

    Twice, so that an address does not come again as soon as its pod is gone.
    """
    fitting = pods.max_prefixlen - (2 * max_pods - 1).bit_length()
    if pods.version == 6:
        return min(max(IPV6_SLICE_PREFIX, pods.prefixlen + _IPV6_SLICES_BITS), fitting)
    return min(SMALLEST_SLICE_PREFIX, fitting)


def node_slice(pods: Network, max_pods: int, position: int) -> Network:
    """Cut the slice of the pods range that belongs to the node at ``position`` (from 0).

    Raises:
        SettingsError: the range has no slice for that many nodes.

    """
    prefix = slice_prefix(pods, max_pods)
    slices = 1 << (prefix - pods.prefixlen) if prefix >= pods.prefixlen else 0
    if position >= slices:
        raise SettingsError(
            f"the pods range {pods} has room for {slices} nodes of {max_pods} pods (a /{prefix} each), "
            f"but {position + 1} are needed",
            hint="Give a wider range with --pod-cidr, fewer --nodes or a smaller --max-pods.",
        )
    size = 1 << (pods.max_prefixlen - prefix)
    return type(pods)((int(pods.network_address) + position * size, prefix))


def _parse_cidr(text: str, setting: str) -> Network:
    try:
        network = ip_network(text, strict=False)
    except ValueError as err:
        raise SettingsError(
            f"{setting}: {text!r} is not an address range", hint="Write it as 10.244.0.0/16."
        ) from err
    if text.partition("/")[0] != str(network.network_address) or "/" not in text:
        raise SettingsError(
            f"{setting}: {text} is an address in a range, not a range", hint=f"Write {network}."
        )
    for special, kind in _NEVER_FORWARDED.items():
        if special.version == network.version and network.overlaps(special):
            raise SettingsError(
                f"{setting}: {text} has {kind} ({special}), which Linux does not forward",
                hint="Give a private range such as 10.244.0.0/16.",
            )
    return network
