"""Topology-aware routing: which zone each endpoint of a Service is meant for (topology-mode: Auto). Pure.

Each zone gets endpoints by its part of the nodes' processors. Source: ``endpointslice/topologycache`` of
Kubernetes (the heuristic, its thresholds and words).
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from netemu.api import quantity
from netemu.api.client import Object
from netemu.controllers.backends import ZONE_LABEL

ANNOTATIONS = ("service.kubernetes.io/topology-mode", "service.kubernetes.io/topology-aware-hints")
ENABLED = ("TopologyAwareHintsEnabled", "Topology Aware Hints has been enabled")
DISABLED = "TopologyAwareHintsDisabled"
OVERLOAD = 0.2
_CONTROL_PLANE = ("node-role.kubernetes.io/control-plane", "node-role.kubernetes.io/master")
_NO_NODES = "Insufficient Node information: allocatable CPU or zone not specified on one or more nodes"
_TOO_FEW = "Insufficient number of endpoints ({} endpoints, {} zones)"
_NO_ZONE = "One or more endpoints do not have a zone specified"
_UNEVEN = (
    "Unable to allocate minimum required endpoints to each zone without exceeding overload threshold"
    " ({} endpoints, {} zones)"
)

Endpoint = dict[str, Any]


class Refused(Exception):
    """Zones cannot be served apart; the text says why."""


class Share(NamedTuple):
    """What one zone should have."""

    desired: float
    minimum: int


def is_asked(service: Object) -> bool:
    """Tell whether a Service asks for hints of this kind; trafficDistribution goes before."""
    if service["spec"].get("trafficDistribution"):
        return False
    marks = service["metadata"].get("annotations") or {}
    asked = next((marks[name] for name in ANNOTATIONS if name in marks), "")
    return asked in ("Auto", "auto")


def zone_parts(nodes: Iterable[Object]) -> Mapping[str, float]:
    """Give each zone's part of the processors of all nodes that are ready; empty if that is not known."""
    cpu: Counter[str] = Counter()
    for node in nodes:
        labels = node["metadata"].get("labels") or {}
        if any(label in labels for label in _CONTROL_PLANE) or not _is_ready(node):
            continue
        zone, amount = labels.get(ZONE_LABEL, ""), _millicpu(node)
        if not zone or not amount:
            return {}
        cpu[zone] += amount
    total = cpu.total()
    return {zone: amount / total for zone, amount in cpu.items()} if len(cpu) > 1 else {}


def zone_parts_of(node: Object | None) -> tuple[str, int]:
    """Give what one node adds to its zone's part; nothing while it is not ready."""
    if node is None or not _is_ready(node):
        return "", 0
    return (node["metadata"].get("labels") or {}).get(ZONE_LABEL, ""), _millicpu(node)


def add_hints(endpoints: Iterable[Endpoint], parts: Mapping[str, float]) -> None:
    """Say for each ready endpoint which zone it is for: its own, unless another has too few.

    Raises:
        Refused: it cannot be done evenly enough; the endpoints are as they were.

    """
    ready = sorted((each for each in endpoints if each["conditions"].get("ready")), key=_identity)
    shares = _shares(len(ready), parts)
    if not all(each.get("zone") for each in ready):
        raise Refused(_NO_ZONE)
    has = Counter(str(each["zone"]) for each in ready)
    giving, receiving = _exchange(shares, has)
    for endpoint in ready:
        zone = str(endpoint["zone"])
        if giving[zone] > 0:
            giving[zone] -= 1
            zone = next(name for name in sorted(receiving) if receiving[name] > 0)
            receiving[zone] -= 1
        endpoint["hints"] = {"forZones": [{"name": zone}]}


def _shares(count: int, parts: Mapping[str, float]) -> Mapping[str, Share]:
    if not parts:
        raise Refused(_NO_NODES)
    if len(parts) > count:
        raise Refused(_TOO_FEW.format(count, len(parts)))
    shares = {}
    for zone, part in parts.items():
        minimum = math.ceil(part * count * (1 / (1 + OVERLOAD)))
        shares[zone] = Share(max(part * count, minimum), minimum)
    if sum(share.minimum for share in shares.values()) > count:
        raise Refused(_UNEVEN.format(count, len(parts)))
    return shares


def _exchange(shares: Mapping[str, Share], has: Mapping[str, int]) -> tuple[Counter[str], Counter[str]]:
    """Tell how many endpoints each zone gives, and how many each receives."""
    surplus = {zone: has.get(zone, 0) - share.desired for zone, share in shares.items()}
    giving: Counter[str] = Counter()
    receiving: Counter[str] = Counter()
    while True:
        giver = max(surplus, key=lambda zone: (surplus[zone], zone))
        taker = min(surplus, key=lambda zone: (surplus[zone], zone))
        much, little = surplus[giver], -surplus[taker]
        if (much < 1 and little < 1) or much < 0.5 or little < 0.5:
            return giving, receiving
        giving[giver] += 1
        receiving[taker] += 1
        surplus[giver] -= 1
        surplus[taker] += 1


def _is_ready(node: Object) -> bool:
    conditions = (node.get("status") or {}).get("conditions") or ()
    return any(each["type"] == "Ready" and each["status"] == "True" for each in conditions)


def _millicpu(node: Object) -> int:
    offered = (node.get("status") or {}).get("allocatable") or {}
    return int(quantity.parse(offered.get("cpu", "0")) * 1000)


def _identity(endpoint: Endpoint) -> tuple[str, ...]:
    return tuple(endpoint["addresses"])
