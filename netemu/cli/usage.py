"""What ``top`` prints: rows of measurements, sorted. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from fractions import Fraction
from typing import NamedTuple

from netemu.api import quantity
from netemu.api.client import Object
from netemu.cli.resources import UsageError
from netemu.cli.tables import Row

_MEGA = 1 << 20


class Used(NamedTuple):
    """One line: what it is about, processors and bytes."""

    names: tuple[str, ...]
    cpus: Fraction
    memory_bytes: Fraction


def pod_lines(metrics: Iterable[Object], *, containers: bool, namespaces: bool) -> list[Used]:
    """Give a line for each pod, or for each of its containers."""
    lines = []
    for obj in metrics:
        meta = obj["metadata"]
        names = ((meta.get("namespace", ""),) if namespaces else ()) + (meta["name"],)
        parts = [_used((*names, one["name"]), one["usage"]) for one in obj["containers"]]
        lines += parts if containers else [_sum(names, parts)]
    return lines


def node_lines(metrics: Iterable[Object]) -> list[Used]:
    """Give a line for each node."""
    return [_used((obj["metadata"]["name"],), obj["usage"]) for obj in metrics]


def in_order(lines: Iterable[Used], by: str) -> list[Used]:
    """Sort by name, or the greatest first.

    Raises:
        UsageError: there is no such order.

    """
    match by:
        case "":
            return sorted(lines, key=lambda line: line.names)
        case "cpu":
            return sorted(lines, key=lambda line: (-line.cpus, line.names))
        case "memory":
            return sorted(lines, key=lambda line: (-line.memory_bytes, line.names))
    raise UsageError("--sort-by accepts only cpu or memory")


def total(lines: Sequence[Used]) -> Used:
    """Add all lines up."""
    width = len(lines[0].names) if lines else 1
    return _sum(("",) * width, lines)


def pod_row(line: Used) -> Row:
    """Render a pod's or a container's line."""
    return (*line.names, _cpu(line.cpus), _memory(line.memory_bytes))


def node_row(line: Used, allocatable: Mapping[str, str]) -> Row:
    """Render a node's line, with what part that is of what it offers."""
    parts = (
        (_cpu(line.cpus), line.cpus, "cpu"),
        (_memory(line.memory_bytes), line.memory_bytes, "memory"),
    )
    cells = [cell for text, used, name in parts for cell in (text, _percent(used, allocatable.get(name)))]
    return (*line.names, *cells)


def _used(names: tuple[str, ...], usage: Mapping[str, str]) -> Used:
    return Used(names, quantity.parse(usage["cpu"]), quantity.parse(usage["memory"]))


def _sum(names: tuple[str, ...], parts: Sequence[Used]) -> Used:
    zero = Fraction(0)
    cpus = sum((part.cpus for part in parts), zero)
    return Used(names, cpus, sum((part.memory_bytes for part in parts), zero))


def _cpu(cpus: Fraction) -> str:
    return f"{-(-cpus * 1000 // 1)}m"  # rounded up, as a quantity's milli value is


def _memory(memory_bytes: Fraction) -> str:
    return f"{memory_bytes // _MEGA}Mi"


def _percent(used: Fraction, of: str | None) -> str:
    offered = quantity.parse(of) if of else Fraction(0)
    return f"{used * 100 // offered}%" if offered else "<unknown>"
