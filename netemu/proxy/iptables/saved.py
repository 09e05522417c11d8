"""What ``iptables-save`` tells of a node, and how it differs from what should be there. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator

from netemu.proxy.iptables.names import is_of_a_service
from netemu.proxy.iptables.ruleset import Jump, Ruleset
from netemu.proxy.iptables.tables import JUMPS

Saved = dict[str, dict[str, list[str]]]
"""The rules of each chain of each table, as words after the chain's name."""

_COUNTERS = re.compile(r"^\[\d+:\d+\] ")


def parse_saved(text: str) -> Saved:
    """Read what ``iptables-save`` wrote, with or without counters."""
    saved: Saved = {}
    chains: dict[str, list[str]] = {}
    for line in text.splitlines():
        if line.startswith("*"):
            chains = saved.setdefault(line[1:], {})
        elif line.startswith(":"):
            chains.setdefault(line[1:].split(" ", 1)[0], [])
        else:
            words = _COUNTERS.sub("", line).split(" ", 2)
            if words[0] == "-A":
                chains.setdefault(words[1], []).append(words[2])
    return saved


def missing_jumps(saved: Saved) -> list[Jump]:
    """Give what does not lead to our chains yet, in the order in which to put it there."""
    return [
        jump
        for jump in JUMPS
        if not any(target_of(rule) == jump.to for rule in saved.get(jump.table, {}).get(jump.chain, ()))
    ]


def doomed_chains(saved: Saved, wanted: Ruleset) -> dict[str, list[str]]:
    """Give the chains of Services that are no more."""
    return {
        table: [name for name in saved.get(table, {}) if is_of_a_service(name) and name not in chains]
        for table, chains in wanted.items()
    }


def our_part(saved: Saved, wanted: Ruleset) -> tuple[tuple[str, str, tuple[str, ...]], ...]:
    """Give our chains as they are now; equal if nobody touched them in between."""
    return tuple(
        (table, name, tuple(saved.get(table, {}).get(name, ("(no such chain)",))))
        for table, chains in wanted.items()
        for name in chains
    )


def find_deviation(saved: Saved, wanted: Ruleset) -> str:
    """Name the first thing that is not as it should be; empty if all is.

    The kernel words a rule in other ways than we do, so only their number is compared:
    ``our_part`` tells whether one was changed for another.
    """
    return next(_deviations(saved, wanted), "")


def target_of(rule: str) -> str:
    """Give where a rule leads, or an empty text."""
    words = rule.split(" ")
    places = [place for place, word in enumerate(words) if word in ("-j", "-g")]
    return words[places[-1] + 1] if places else ""


def _deviations(saved: Saved, wanted: Ruleset) -> Iterator[str]:
    for table, chains in wanted.items():
        there = saved.get(table, {})
        for name, rules in chains.items():
            if name not in there:
                yield f"chain {name} of table {table} is gone"
            elif len(there[name]) != len(rules):
                yield f"chain {name} of table {table} has {len(there[name])} rules, not {len(rules)}"
        for name in there:
            if is_of_a_service(name) and name not in chains:
                yield f"chain {name} of table {table} is of no Service"
    for jump in missing_jumps(saved):
        yield f"chain {jump.chain} of table {jump.table} does not lead to {jump.to}"
