"""Tables and what is in them, as values. Elements are apart: they change, these rarely do."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

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


@dataclass(frozen=True, slots=True)
class Base:
    """Makes a chain a base chain: the kernel calls it. Lower priorities are called first."""

    type: ChainType
    hook: Hook
    priority: int


@dataclass(frozen=True, slots=True)
class Rule:
    """Statements from left to right; the rule ends at the first match that fails."""

    statements: tuple[Statement, ...]
    comment: str = ""


@dataclass(frozen=True, slots=True)
class Chain:
    """Rules from top to bottom."""

    name: str
    rules: tuple[Rule, ...] = ()
    base: Base | None = None


@dataclass(frozen=True, slots=True)
class Set:
    """A named set of keys, each made of one part per type; with ``intervals``, parts may be networks."""

    name: str
    key: tuple[Type, ...]
    intervals: bool = False


@dataclass(frozen=True, slots=True)
class Map:
    """A named map from keys to data.

    With a ``size``, rules write into it (``Remember``): its elements are the packets', not ours.
    """

    name: str
    key: tuple[Type, ...]
    data: tuple[Type, ...]
    size: int = 0


@dataclass(frozen=True, slots=True)
class TableId:
    """What names a table."""

    family: Family
    name: str


@dataclass(frozen=True, slots=True)
class Table:
    """A table with its empty sets and maps, and its chains."""

    id: TableId
    sets: tuple[Set, ...] = ()
    maps: tuple[Map, ...] = ()
    chains: tuple[Chain, ...] = ()
    comment: str = ""


def rule(*statements: Statement, comment: str = "") -> Rule:
    """Make a rule of statements."""
    return Rule(statements, comment)
