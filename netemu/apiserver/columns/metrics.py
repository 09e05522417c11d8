"""The columns of what is measured, as metrics-server prints them. Pure."""

from __future__ import annotations

from netemu.api import quantity
from netemu.api.client import Object
from netemu.apiserver.columns.column import NAME, Column, column

_MEGA = 1 << 20


def _cpu(usages: list[dict[str, str]]) -> str:
    cores = sum(quantity.parse(usage["cpu"]) for usage in usages)
    return f"{round(cores * 1000)}m"


def _memory(usages: list[dict[str, str]]) -> str:
    return f"{int(sum(quantity.parse(usage['memory']) for usage in usages) // _MEGA)}Mi"


def _usages(obj: Object) -> list[dict[str, str]]:
    return [container["usage"] for container in obj["containers"]]


_WINDOW = column("Window", lambda obj: obj["window"])
NODE_METRICS: tuple[Column, ...] = (
    NAME,
    column("cpu", lambda obj: _cpu([obj["usage"]])),
    column("memory", lambda obj: _memory([obj["usage"]])),
    _WINDOW,
)
POD_METRICS: tuple[Column, ...] = (
    NAME,
    column("cpu", lambda obj: _cpu(_usages(obj))),
    column("memory", lambda obj: _memory(_usages(obj))),
    _WINDOW,
)
