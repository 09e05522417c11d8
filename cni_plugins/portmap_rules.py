"""The table of host ports, one of each family: which packets it takes, as nft's text.

Priority -101: just before the proxy's -100, so that a pod's hostPort wins over a Service on the
same port, as with the reference portmap, whose rules stand before kube-proxy's. The first
chain that translates a connection decides; the others then leave it alone.

What a node sends to its own 127.0.0.1 leaves with the bridge's address, and its replies come back
because the bridge has ``route_localnet``; ``guard`` sees to it that nothing else gets in that way.
In the machine's own namespace no sysctl is set, and 127.0.0.1 is not taken. IPv6 has no such
setting: ::1 is taken only from a client that has another address, for nothing comes back to ::1.
"""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address
from typing import Literal, NamedTuple

TABLE = "netemu-hostport"
Address = IPv4Address | IPv6Address
Family = Literal["ip", "ip6"]
PRIORITY = -101
MASQUERADE_PRIORITY = 99
GUARD_PRIORITY = -150  # after conntrack (-200), before replies get their 127.0.0.1 back (-100)

# Numbers, not names: nft looks names up in /etc/protocols, which a minimal Debian lacks.
PROTOCOLS = {"tcp": 6, "udp": 17, "sctp": 132}

_LOCALHOST = {"ip": "127.0.0.0/8", "ip6": "::1"}
_TABLE_TEXT = f"""\
table {{ip}} {TABLE} {{{{
	map ports {{{{ type inet_proto . inet_service : {{address}} . inet_service; }}}}
	map addresses {{{{ type {{address}} . inet_proto . inet_service : {{address}} . inet_service; }}}}
	set selves {{{{ type {{address}} . {{address}}; }}}}
	chain hostports {{{{ }}}}
	chain prerouting {{{{ type nat hook prerouting priority {PRIORITY}; }}}}
	chain output {{{{ type nat hook output priority {PRIORITY}; }}}}
	chain postrouting {{{{ type nat hook postrouting priority {MASQUERADE_PRIORITY}; }}}}
	chain guard {{{{ type filter hook prerouting priority {GUARD_PRIORITY}; }}}}
}}}}
flush chain {{ip}} {TABLE} hostports
flush chain {{ip}} {TABLE} prerouting
flush chain {{ip}} {TABLE} output
flush chain {{ip}} {TABLE} postrouting
flush chain {{ip}} {TABLE} guard
table {{ip}} {TABLE} {{{{
	chain hostports {{{{
		meta l4proto {{{{ 6, 17, 132 }}}} dnat {{ip}} to {{ip}} daddr . meta l4proto . th dport map @addresses
		fib daddr type local meta l4proto {{{{ 6, 17, 132 }}}} \\
			dnat {{ip}} to meta l4proto . th dport map @ports
	}}}}
	chain prerouting {{{{ jump hostports; }}}}
	chain postrouting {{{{ ct status dnat {{ip}} saddr . {{ip}} daddr @selves masquerade; }}}}
}}}}
"""
_WITH_LOCALHOST = f"""\
table {{ip}} {TABLE} {{{{
	chain output {{{{ jump hostports; }}}}
	chain postrouting {{{{ ct status dnat {{ip}} saddr {{localhost}} oifname != "lo" masquerade; }}}}
	chain guard {{{{ iifname != "lo" {{ip}} daddr {{localhost}} drop; }}}}
}}}}
"""
_WITH_LOCALHOST_6 = f"""\
table ip6 {TABLE} {{{{
	chain output {{{{ ip6 saddr != ::1 jump hostports; }}}}
}}}}
"""
_WITHOUT_LOCALHOST = f"""\
table {{ip}} {TABLE} {{{{
	chain output {{{{ {{ip}} daddr != {{localhost}} jump hostports; }}}}
}}}}
"""


class Mapping(NamedTuple):
    """One port of the node that leads to a port of a pod; no ``host_ip`` means all addresses."""

    host_ip: Address | None
    host_port: int
    container_port: int
    protocol: str

    def __str__(self) -> str:
        where = "" if self.host_ip is None else f"{self.host_ip}:"
        where = where if where.count(":") < 2 else f"[{self.host_ip}]:"
        return f"{where}{self.host_port}/{self.protocol}"


class Element(NamedTuple):
    """An element of one of the table's maps, or (without data) of its set."""

    holder: str
    key: str
    data: str = ""
    family: Family = "ip"

    @property
    def add(self) -> str:
        """The command that adds it; the kernel refuses other data for a key that is there."""
        data = f" : {self.data}" if self.data else ""
        return f"add element {self.family} {TABLE} {self.holder} {{ {self.key}{data} }}\n"

    @property
    def delete(self) -> str:
        """The commands that delete it, if it is ours or gone; refused if the key is another's.

        A deletion of what is gone would be refused, so it is added first, in one transaction.
        """
        return f"{self.add}delete element {self.family} {TABLE} {self.holder} {{ {self.key} }}\n"

    @property
    def get(self) -> str:
        """The command that fails if it is not there."""
        return f"get element {self.family} {TABLE} {self.holder} {{ {self.key} }}\n"


def render_table(family: Family, *, localhost: bool) -> str:
    """Write the table of a family without elements; running it again changes nothing."""
    taken = _WITH_LOCALHOST if family == "ip" else _WITH_LOCALHOST_6
    text = _TABLE_TEXT + (taken if localhost else _WITHOUT_LOCALHOST)
    address = "ipv4_addr" if family == "ip" else "ipv6_addr"
    return text.format(ip=family, address=address, localhost=_LOCALHOST[family])


def family_of(pod: Address) -> Family:
    """Give nft's name of an address's family."""
    return "ip" if pod.version == 4 else "ip6"


def plan_elements(mappings: tuple[Mapping, ...], pods: tuple[Address, ...]) -> tuple[Element, ...]:
    """Decide all elements that the ports of a pod need, which has these addresses."""
    return tuple(element for pod in pods for element in _of_family(mappings, pod))


def _of_family(mappings: tuple[Mapping, ...], pod: Address) -> tuple[Element, ...]:
    ours = [
        mapping for mapping in mappings if mapping.host_ip is None or _is_same_family(mapping.host_ip, pod)
    ]
    ports = tuple(_element(mapping, pod) for mapping in ours)
    return (*ports, Element("selves", f"{pod} . {pod}", family=family_of(pod))) if ports else ()


def _is_same_family(one: Address, other: Address) -> bool:
    return one.version == other.version


def _element(mapping: Mapping, pod: Address) -> Element:
    key = f"{PROTOCOLS[mapping.protocol]} . {mapping.host_port}"
    data = f"{pod} . {mapping.container_port}"
    if mapping.host_ip is None:
        return Element("ports", key, data, family_of(pod))
    return Element("addresses", f"{mapping.host_ip} . {key}", data, family_of(pod))
