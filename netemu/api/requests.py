"""What a pod asks of its node, as whole numbers: cpu in thousandths, everything else in units. Pure.

Sources: component-helpers ``resource.PodRequests`` and the scheduler's ``NodeResourcesFit``.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, NamedTuple

from netemu.api.quantity import parse
from netemu.api.views.core import Container, PodSpec

CPU = "cpu"
MEMORY = "memory"
PODS = "pods"
# What a container counts for in the choice between nodes when it asks for nothing.
UNSAID_CPU = 100
UNSAID_MEMORY = 200 * 1024**2

Amounts = dict[str, int]


class Load(NamedTuple):
    """What a pod counts for when nodes are compared: thousandths of a cpu, and bytes."""

    cpu: int
    memory: int


def amounts(quantities: Mapping[str, Any] | None) -> Amounts:
    """Read a ``ResourceList``; a part of a unit counts as a whole one."""
    return {name: _whole(name, str(value)) for name, value in (quantities or {}).items()}


def pod_requests(spec: PodSpec) -> Amounts:
    """Add up what a pod asks for.

    Init containers run one after another, so the greatest of them counts, with the sidecars that
    run by then; what the pod asks for as a whole stands for its containers' wishes.
    """
    total: Amounts = {}
    for container in spec.containers:
        _add(total, _requests(container))
    sidecars: Amounts = {}
    peak: Amounts = {}
    for container in spec.init_containers:
        wanted = _requests(container)
        if container.restart_policy == "Always":
            _add(sidecars, wanted)
            _raise(peak, sidecars)
        elif wanted:
            _raise(peak, _sum(wanted, sidecars))
    _add(total, sidecars)
    _raise(total, peak)
    if spec.resources:
        total.update(amounts(spec.resources.get("requests")))
    if spec.overhead:
        _add(total, amounts(spec.overhead))
    return {name: amount for name, amount in total.items() if amount}


def pod_load(spec: PodSpec, requests: Amounts) -> Load:
    """Tell what a pod counts for: its requests, and a little for each container without any."""
    cpu = memory = 0
    for container in spec.containers:
        wanted = _requests(container)
        cpu += 0 if CPU in wanted else UNSAID_CPU
        memory += 0 if MEMORY in wanted else UNSAID_MEMORY
    return Load(cpu + requests.get(CPU, 0), memory + requests.get(MEMORY, 0))


def _requests(container: Container) -> Amounts:
    return amounts(container.resources.get("requests")) if container.resources else {}


@lru_cache(maxsize=1024)
def _whole(name: str, text: str) -> int:
    return math.ceil(parse(text) * (1000 if name == CPU else 1))


def _add(total: Amounts, more: Amounts) -> None:
    for name, amount in more.items():
        total[name] = total.get(name, 0) + amount


def _sum(one: Amounts, other: Amounts) -> Amounts:
    total = dict(one)
    _add(total, other)
    return total


def _raise(total: Amounts, least: Amounts) -> None:
    for name, amount in least.items():
        total[name] = max(total.get(name, 0), amount)
