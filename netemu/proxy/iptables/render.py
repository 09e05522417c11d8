"""What ``iptables-restore --noflush`` must read to get from one ruleset to another. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from netemu.proxy.iptables.ruleset import Jump, Rule, Ruleset


def render_change(
    before: Ruleset,
    after: Ruleset,
    *,
    jumps: Iterable[Jump] = (),
    doomed: Mapping[str, Iterable[str]] | None = None,
) -> str:
    """Write what differs; empty if nothing does.

    A chain that differs is written whole. ``jumps`` are put first into the kernel's chains,
    ``doomed`` are chains to delete, beside those that are in ``before`` alone.
    """
    return "".join(
        _table(
            table,
            {name: rules for name, rules in chains.items() if before.get(table, {}).get(name) != rules},
            [jump for jump in jumps if jump.table == table],
            sorted({*before.get(table, ()), *(doomed or {}).get(table, ())} - chains.keys()),
        )
        for table, chains in after.items()
    )


def render_rule(rule: Rule) -> str:
    """Write what follows the name of a rule's chain."""
    said = f'"{rule.comment}"' if " " in rule.comment else rule.comment
    comment = ("-m", "comment", "--comment", said) if said else ()
    target = ("-j", *rule.target) if rule.target else ()
    return " ".join((*comment, *rule.match, *target))


def _table(table: str, chains: Mapping[str, tuple[Rule, ...]], jumps: list[Jump], gone: list[str]) -> str:
    if not (chains or jumps or gone):
        return ""
    lines = [f"*{table}"]
    # A chain that is named is emptied, or made.
    lines += [f":{name} - [0:0]" for name in (*chains, *gone)]
    lines += [f"-A {name} {render_rule(rule)}" for name, rules in chains.items() for rule in rules]
    lines += [f"-I {jump.chain} {render_rule(jump.rule)}" for jump in jumps]
    lines += [f"-X {name}" for name in gone]
    return "\n".join((*lines, "COMMIT", ""))
