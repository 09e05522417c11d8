"""What a rule can do: compare, write a mark, translate an address, end or divert a packet's way."""

from __future__ import annotations

from msgspec import Struct

from netemu.nft.expressions import AnyOf, Atom, Concat, Field, Hash, InSet, Lookup, Masked, Random


class Match(Struct, frozen=True):
    """Go on in this rule only if ``left`` is (one of) ``right``, or with ``negated`` is not."""

    left: Field | Masked | Concat
    right: Atom | AnyOf | InSet
    negated: bool = False


class Assign(Struct, frozen=True):
    """Write a mark."""

    target: Field
    source: Lookup | Random | Hash | int


class Dispatch(Struct, frozen=True):
    """Do the verdict that a map holds for the key; go on when it holds none."""

    key: Field | Concat
    map: str


class Dnat(Struct, frozen=True):
    """Send the connection to the address and port that a map holds; ends the chain."""

    to: Lookup


class Remember(Struct, frozen=True):
    """Write an element into a map, or make it last as long again; go on if the map is full."""

    map: str
    key: Concat | Hash
    data: Field
    timeout_s: int


class Forget(Struct, frozen=True):
    """Take an element out of a map; go on if it is not there."""

    map: str
    key: Concat | Hash
    data: Field


class Masquerade(Struct, frozen=True):
    """Give the connection the address of the interface it leaves by; ends the chain."""


class Reject(Struct, frozen=True):
    """Refuse the packet and tell its sender, with a TCP reset or ICMP port unreachable."""

    tcp_reset: bool = False


class Accept(Struct, frozen=True):
    """End this table's part of the packet's way; other tables still see the packet."""


class Drop(Struct, frozen=True):
    """Lose the packet without a word."""


class Return(Struct, frozen=True):
    """Go back to the chain that jumped here."""


class Jump(Struct, frozen=True):
    """Go through another chain, then come back."""

    chain: str


class Goto(Struct, frozen=True):
    """Go through another chain in place of the rest of this one."""

    chain: str


Verdict = Accept | Drop | Return | Jump | Goto
Statement = Match | Assign | Dispatch | Dnat | Remember | Forget | Masquerade | Reject | Verdict
