"""What a rule can look at: fields of a packet and of its connection, and look-ups keyed by them."""

from __future__ import annotations

from enum import Enum, IntEnum
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network

from msgspec import Struct

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network


class Family(Enum):
    """The address family of a table."""

    IP = "ip"
    IP6 = "ip6"
    INET = "inet"


class Type(Enum):
    """The type of one part of a map's key or data."""

    IPV4_ADDR = "ipv4_addr"
    IPV6_ADDR = "ipv6_addr"
    INET_PROTO = "inet_proto"
    INET_SERVICE = "inet_service"
    MARK = "mark"
    VERDICT = "verdict"


class L4(IntEnum):
    """A transport protocol.

    A number, and written as one: nft 1.0.6 finds names in /etc/protocols, which a minimal
    Debian does not have, and reads that file once for each element.
    """

    ICMP = 1
    TCP = 6
    UDP = 17
    ICMPV6 = 58
    SCTP = 132


class Field(Enum):
    """One thing that a rule can read; the marks can be written too."""

    SADDR = "source address"
    SADDR_TYPE = "whose the source address is"
    DADDR = "destination address"
    L4PROTO = "transport protocol"
    DPORT = "destination port"
    META_MARK = "the packet's mark"
    CT_MARK = "the connection's mark"
    CT_ORIGINAL_DADDR = "destination address before translation"
    CT_STATE = "what the packet is to its connection"
    CT_STATUS = "the connection's status"
    CT_DIRECTION = "whether the packet goes as the connection's first one did"


class Status(Enum):
    """A bit of ``ct status``."""

    DNAT = "dnat"
    SNAT = "snat"


class Direction(Enum):
    """A value of ``ct direction``."""

    ORIGINAL = "original"
    REPLY = "reply"


class AddressType(Enum):
    """A value of ``fib saddr type``."""

    LOCAL = "local"
    UNICAST = "unicast"


class State(Enum):
    """A value of ``ct state``."""

    NEW = "new"
    INVALID = "invalid"


Atom = Address | Network | L4 | int | Status | Direction | AddressType | State


class Masked(Struct, frozen=True):
    """Some bits of a field that is a number."""

    field: Field
    mask: int


class Concat(Struct, frozen=True):
    """Several fields side by side, as the key of a set or map."""

    parts: tuple[Field, ...]


class Hash(Struct, frozen=True):
    """A number of 32 bits made of several fields: equal for equal values, and seldom for others."""

    parts: tuple[Field, ...]


class Lookup(Struct, frozen=True):
    """The data of a map at a key; a rule ends here, without effect, when the key is not in it."""

    key: Field | Concat
    map: str


class Random(Struct, frozen=True):
    """A random number from 0 to ``modulus`` - 1, new for each packet."""

    modulus: int


class AnyOf(Struct, frozen=True):
    """A set written in the rule itself."""

    values: tuple[Atom, ...]


class InSet(Struct, frozen=True):
    """The members of a named set."""

    name: str
