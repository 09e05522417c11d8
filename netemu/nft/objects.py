"""Tables and what is in them, as values. Elements are apart: they change, these rarely do."""

from __future__ import annotations

from enum import Enum

from msgspec import Struct

from netemu.nft.expressions import Family, Type
from netemu.nft.statements import Statement


class Hook(Enum):
    """Where in a packet's way a base chain sits."""

    PREROUTING = "prerouting"
    INPUT = "input"
    FORWARD = "forward"
    OUTPUT = "output"
    POSTROUTING = "postrouting"


class ChainType(Enum):
    """What a base chain may do; ``nat`` sees only the first packet of a connection."""

    FILTER = "filter"
    NAT = "nat"


class Base(Struct, frozen=True):
    """Makes a chain a base chain: the kernel calls it. Lower priorities are called first."""

    type: ChainType
    hook: Hook
    priority: int


class Rule(Struct, frozen=True):
    """Statements from left to right; the rule ends at the first match that fails."""

    statements: tuple[Statement, ...]
    comment: str = ""


class Chain(Struct, frozen=True):
    """Rules from top to bottom."""

    name: str
    rules: tuple[Rule, ...] = ()
    base: Base | None = None


class Set(Struct, frozen=True):
    """A named set of keys, each made of one part per type; with ``intervals``, parts may be networks."""

    name: str
    key: tuple[Type, ...]
    intervals: bool = False


class Map(Struct, frozen=True):
    """A named map from keys to data.

    With a ``size``, rules write into it (``Remember``): its elements are the packets', not ours.
    """

    name: str
    key: tuple[Type, ...]
    data: tuple[Type, ...]
    size: int = 0


class TableId(Struct, frozen=True):
    """What names a table."""

    family: Family
    name: str


class Table(Struct, frozen=True):
    """A table with its empty sets and maps, and its chains."""

    id: TableId
    sets: tuple[Set, ...] = ()
    maps: tuple[Map, ...] = ()
    chains: tuple[Chain, ...] = ()
    comment: str = ""


def rule(*statements: Statement, comment: str = "") -> Rule:
    """Make a rule of statements."""
    return Rule(statements, comment)
