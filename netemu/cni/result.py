"""What a chain of plugins answered, read for the runtime."""

from __future__ import annotations

from ipaddress import IPv4Interface, IPv6Interface, ip_interface
from typing import Any

from msgspec import Struct


class Result(Struct, frozen=True, kw_only=True):
    """The answer to ADD. ``raw`` is what the last plugin said, which CHECK and DEL get again."""

    raw: dict[str, Any]

    @property
    def addresses(self) -> tuple[IPv4Interface | IPv6Interface, ...]:
        """The pod's addresses, first the one that is its pod IP."""
        return tuple(ip_interface(entry["address"]) for entry in self.raw.get("ips") or [])

    @property
    def pod_ips(self) -> tuple[str, ...]:
        """The pod's addresses as its status has them."""
        return tuple(str(address.ip) for address in self.addresses)
