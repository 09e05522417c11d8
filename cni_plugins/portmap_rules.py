"""The table of host ports: which packets it takes, as nft's text.

Priority -101: just before the proxy's -100, so that a pod's hostPort wins over a Service on the
same port, as with the reference portmap, whose rules stand before kube-proxy's. The first
chain that translates a connection decides; the others then leave it alone.

What a node sends to its own 127.0.0.1 leaves with the bridge's address, and its replies come back
because the bridge has ``route_localnet``; ``guard`` sees to it that nothing else gets in that way.
In the machine's own namespace no sysctl is set, and 127.0.0.1 is not taken.
"""

from __future__ import annotations

from ipaddress import IPv4Address
from typing import NamedTuple

TABLE = "ip netemu-hostport"
PRIORITY = -101
MASQUERADE_PRIORITY = 99
GUARD_PRIORITY = -150  # after conntrack (-200), before replies get their 127.0.0.1 back (-100)

# Numbers, not names: nft looks names up in /etc/protocols, which a minimal Debian lacks.
PROTOCOLS = {"tcp": 6, "udp": 17, "sctp": 132}

_LOCALHOST = "127.0.0.0/8"
_TABLE_TEXT = f"""\
table {TABLE} {{
	map ports {{ type inet_proto . inet_service : ipv4_addr . inet_service; }}
	map addresses {{ type ipv4_addr . inet_proto . inet_service : ipv4_addr . inet_service; }}
	set selves {{ type ipv4_addr . ipv4_addr; }}
	chain hostports {{ }}
	chain prerouting {{ type nat hook prerouting priority {PRIORITY}; }}
	chain output {{ type nat hook output priority {PRIORITY}; }}
	chain postrouting {{ type nat hook postrouting priority {MASQUERADE_PRIORITY}; }}
	chain guard {{ type filter hook prerouting priority {GUARD_PRIORITY}; }}
}}
flush chain {TABLE} hostports
flush chain {TABLE} prerouting
flush chain {TABLE} output
flush chain {TABLE} postrouting
flush chain {TABLE} guard
table {TABLE} {{
	chain hostports {{
		meta l4proto {{ 6, 17, 132 }} dnat ip to ip daddr . meta l4proto . th dport map @addresses
		fib daddr type local meta l4proto {{ 6, 17, 132 }} dnat ip to meta l4proto . th dport map @ports
	}}
	chain prerouting {{ jump hostports; }}
	chain postrouting {{ ct status dnat ip saddr . ip daddr @selves masquerade; }}
}}
"""
_WITH_LOCALHOST = f"""\
table {TABLE} {{
	chain output {{ jump hostports; }}
	chain postrouting {{ ct status dnat ip saddr {_LOCALHOST} oifname != "lo" masquerade; }}
	chain guard {{ iifname != "lo" ip daddr {_LOCALHOST} drop; }}
}}
"""
_WITHOUT_LOCALHOST = f"""\
table {TABLE} {{
	chain output {{ ip daddr != {_LOCALHOST} jump hostports; }}
}}
"""


class Mapping(NamedTuple):
    """One port of the node that leads to a port of a pod; no ``host_ip`` means all addresses."""

    host_ip: IPv4Address | None
    host_port: int
    container_port: int
    protocol: str

    def __str__(self) -> str:
        where = "" if self.host_ip is None else f"{self.host_ip}:"
        return f"{where}{self.host_port}/{self.protocol}"


class Element(NamedTuple):
    """An element of one of the table's maps, or (without data) of its set."""

    holder: str
    key: str
    data: str = ""

    @property
    def add(self) -> str:
        """The command that adds it; the kernel refuses other data for a key that is there."""
        data = f" : {self.data}" if self.data else ""
        return f"add element {TABLE} {self.holder} {{ {self.key}{data} }}\n"

    @property
    def delete(self) -> str:
        """The commands that delete it, if it is ours or gone; refused if the key is another's.

        A deletion of what is gone would be refused, so it is added first, in one transaction.
        """
        return f"{self.add}delete element {TABLE} {self.holder} {{ {self.key} }}\n"

    @property
    def get(self) -> str:
        """The command that fails if it is not there."""
        return f"get element {TABLE} {self.holder} {{ {self.key} }}\n"


def render_table(*, localhost: bool) -> str:
    """Write the table without elements; running it again changes nothing."""
    return _TABLE_TEXT + (_WITH_LOCALHOST if localhost else _WITHOUT_LOCALHOST)


def plan_elements(mappings: tuple[Mapping, ...], pod: IPv4Address) -> tuple[Element, ...]:
    """Decide all elements that a pod's ports need."""
    ports = tuple(_element(mapping, pod) for mapping in mappings)
    return (*ports, Element("selves", f"{pod} . {pod}")) if ports else ()


def _element(mapping: Mapping, pod: IPv4Address) -> Element:
    key = f"{PROTOCOLS[mapping.protocol]} . {mapping.host_port}"
    data = f"{pod} . {mapping.container_port}"
    if mapping.host_ip is None:
        return Element("ports", key, data)
    return Element("addresses", f"{mapping.host_ip} . {key}", data)
