"""iptables as values: rules in chains in tables."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

FILTER = "filter"
NAT = "nat"
MANGLE = "mangle"


class Rule(NamedTuple):
    """One rule: its comment, what a packet must be, and what then happens to it (nothing, if empty).

    ``match`` and ``target`` are words as iptables reads them; ``target`` begins with the chain or target.
    """

    comment: str = ""
    match: tuple[str, ...] = ()
    target: tuple[str, ...] = ()


class Placed(NamedTuple):
    """A rule, and the chain that it shares with those of others."""

    table: str
    chain: str
    rule: Rule


class Jump(NamedTuple):
    """A rule in a chain of the kernel's own that leads to one of ours."""

    table: str
    chain: str
    rule: Rule

    @property
    def to(self) -> str:
        """The chain that it leads to."""
        return self.rule.target[0]


Chains = Mapping[str, tuple[Rule, ...]]
Ruleset = Mapping[str, Chains]
"""The chains of each table; those of others are not in it."""


def together(chains: Mapping[str, Mapping[str, Iterable[Rule]]]) -> Ruleset:
    """Make a ruleset of lists that grew."""
    return {table: {name: tuple(rules) for name, rules in some.items()} for table, some in chains.items()}
