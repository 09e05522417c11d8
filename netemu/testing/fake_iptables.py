"""iptables in memory: reads what ``iptables-restore`` reads, tells what ``iptables-save`` tells.

It words rules as they were given; the kernel words them in its own way.
"""

from __future__ import annotations

from copy import deepcopy

from netemu.errors import KernelError
from netemu.proxy.stale import Expected

_BUILT_IN = {
    "mangle": ("PREROUTING", "INPUT", "FORWARD", "OUTPUT", "POSTROUTING"),
    "filter": ("INPUT", "FORWARD", "OUTPUT"),
    "nat": ("PREROUTING", "INPUT", "OUTPUT", "POSTROUTING"),
}


class FakeIptables:
    """The tables of one node; refuses as many texts as it is told to."""

    def __init__(self) -> None:
        self.tables: dict[str, dict[str, list[str]]] = {
            table: {chain: [] for chain in chains} for table, chains in _BUILT_IN.items()
        }
        self.restored: list[str] = []
        self.saved = 0
        self.ended_stale: list[Expected] = []
        self.refuse_next = 0
        self.is_closed = False

    def save(self) -> str:
        """Give all tables as text, and count it."""
        self.saved += 1
        lines: list[str] = []
        for table, chains in self.tables.items():
            lines.append(f"*{table}")
            lines += [f":{name} {self._policy(table, name)} [0:0]" for name in chains]
            lines += [f"-A {name} {rule}" for name, rules in chains.items() for rule in rules]
            lines.append("COMMIT")
        return "\n".join((*lines, ""))

    def restore(self, text: str) -> None:
        """Do what a text says, each table at once or not at all."""
        self.restored.append(text)
        if self.refuse_next:
            self.refuse_next -= 1
            raise KernelError("told to refuse")
        table, changed = "", {}
        for line in text.splitlines():
            if line.startswith("*"):
                table = line[1:]
                changed = deepcopy(self.tables[table])
            elif line == "COMMIT":
                self.tables[table] = changed
            else:
                self._do(changed, line)

    def end_stale(self, expected: Expected) -> int:
        """Note what was asked."""
        self.ended_stale.append(expected)
        return 0

    def close(self) -> None:
        """Note it."""
        self.is_closed = True

    def _do(self, chains: dict[str, list[str]], line: str) -> None:
        verb, name, rule = [*line.split(" ", 2), ""][:3]
        if verb.startswith(":"):
            chains[verb[1:]] = []
            return
        if name not in chains:
            raise KernelError(f"no such chain: {line}")
        match verb:
            case "-A":
                chains[name].append(self._leading_somewhere(chains, rule))
            case "-I":
                chains[name].insert(0, self._leading_somewhere(chains, rule))
            case "-X":
                self._delete(chains, name)
            case _:
                raise KernelError(f"not understood: {line}")

    def _leading_somewhere(self, chains: dict[str, list[str]], rule: str) -> str:
        target = rule.rpartition("-j ")[2].split(" ")[0]
        if target.startswith("KUBE-") and target not in chains:
            raise KernelError(f"no chain {target}")
        return rule

    def _delete(self, chains: dict[str, list[str]], name: str) -> None:
        if chains[name] or any(f"-j {name}" in rule for rules in chains.values() for rule in rules):
            raise KernelError(f"chain {name} is in use")
        del chains[name]

    def _policy(self, table: str, name: str) -> str:
        return "ACCEPT" if name in _BUILT_IN[table] else "-"
