"""What a rule can do: compare, write a mark, translate an address, end or divert a packet's way."""

from __future__ import annotations

from dataclasses import dataclass

from netemu.nft.expressions import AnyOf, Atom, Concat, Field, Hash, InSet, Lookup, Masked, Random


@dataclass(frozen=True, slots=True)
class Match:
    """Go on in this rule only if ``left`` is (one of) ``right``, or with ``negated`` is not."""

    left: Field | Masked | Concat
    right: Atom | AnyOf | InSet
    negated: bool = False


@dataclass(frozen=True, slots=True)
class Assign:
    """Write a mark."""

    target: Field
    source: Lookup | Random | Hash | int


@dataclass(frozen=True, slots=True)
class Dispatch:
    """Do the verdict that a map holds for the key; go on when it holds none."""

    key: Field | Concat
    map: str


@dataclass(frozen=True, slots=True)
class Dnat:
    """Send the connection to the address and port that a map holds; ends the chain."""

    to: Lookup


@dataclass(frozen=True, slots=True)
class Remember:
    """Write an element into a map, or make it last as long again; go on if the map is full."""

    map: str
    key: Concat | Hash
    data: Field
    timeout_s: int


@dataclass(frozen=True, slots=True)
class Forget:
    """Take an element out of a map; go on if it is not there."""

    map: str
    key: Concat | Hash
    data: Field


@dataclass(frozen=True, slots=True)
class Masquerade:
    """Give the connection the address of the interface it leaves by; ends the chain."""


@dataclass(frozen=True, slots=True)
class Reject:
    """Refuse the packet and tell its sender, with a TCP reset or ICMP port unreachable."""

    tcp_reset: bool = False


@dataclass(frozen=True, slots=True)
class Accept:
    """End this table's part of the packet's way; other tables still see the packet."""


@dataclass(frozen=True, slots=True)
class Drop:
    """Lose the packet without a word."""


@dataclass(frozen=True, slots=True)
class Return:
    """Go back to the chain that jumped here."""


@dataclass(frozen=True, slots=True)
class Jump:
    """Go through another chain, then come back."""

    chain: str


@dataclass(frozen=True, slots=True)
class Goto:
    """Go through another chain in place of the rest of this one."""

    chain: str


Verdict = Accept | Drop | Return | Jump | Goto
Statement = Match | Assign | Dispatch | Dnat | Remember | Forget | Masquerade | Reject | Verdict
