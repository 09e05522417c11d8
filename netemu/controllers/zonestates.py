"""How fast nodes of a zone may be emptied: the more of them are lost, the likelier the fault is ours. Pure.

Source: kube-controller-manager ``pkg/controller/nodelifecycle`` (``ComputeZoneState``,
``handleDisruption``, ``setLimiterInZone``). Where it keeps token buckets, times on taints are read here.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from enum import Enum

from netemu.api.client import Object
from netemu.api.placement import NOT_READY_TAINT, UNREACHABLE_TAINT
from netemu.clock import parse_rfc3339
from netemu.settings import NodeLifecycleController

REGION, ZONE = "topology.kubernetes.io/region", "topology.kubernetes.io/zone"
_FEW = 2
"""So many lost nodes are never the fault of a whole zone."""


class ZoneState(Enum):
    """How a zone is."""

    NORMAL = "Normal"
    PARTIAL = "PartialDisruption"
    FULL = "FullDisruption"


def zone_state(nodes: Sequence[Object], threshold: float) -> ZoneState:
    """Judge a zone by its nodes; ``threshold`` is the part of lost ones that is too much."""
    lost = sum(not is_ready(node) for node in nodes)
    if lost and lost == len(nodes):
        return ZoneState.FULL
    if lost > _FEW and lost / len(nodes) >= threshold:
        return ZoneState.PARTIAL
    return ZoneState.NORMAL


def eviction_wait_s(
    node: Object, nodes: Iterable[Object], settings: NodeLifecycleController, now_s: float
) -> float:
    """Tell in how many seconds a lost node may be emptied: 0 now, infinity not while things are so."""
    zones = by_zone(nodes)
    states = {name: zone_state(each, settings.unhealthy_zone_threshold) for name, each in zones.items()}
    if all(state is ZoneState.FULL for state in states.values()):
        return math.inf
    name = zone_of(node)
    own = zones.get(name, [])
    rate = settings.node_eviction_rate
    if states.get(name) is ZoneState.PARTIAL:
        is_large = len(own) > settings.large_cluster_size_threshold
        rate = settings.secondary_node_eviction_rate if is_large else 0.0
    if rate <= 0:
        return math.inf
    last_s = max((_emptied_s(each) for each in own if each is not node), default=0.0)
    return max(0.0, last_s + 1 / rate - now_s)


def by_zone(nodes: Iterable[Object]) -> Mapping[str, list[Object]]:
    """Sort nodes by their zones; those without one are a zone too."""
    zones: dict[str, list[Object]] = {}
    for node in nodes:
        zones.setdefault(zone_of(node), []).append(node)
    return zones


def zone_of(node: Object) -> str:
    """Name the zone of a node, in its region."""
    labels = node["metadata"].get("labels") or {}
    region, zone = labels.get(REGION, ""), labels.get(ZONE, "")
    return f"{region}:{zone}" if region or zone else ""


def is_ready(node: Object) -> bool:
    """Tell whether a node says that it is ready."""
    conditions = (node.get("status") or {}).get("conditions") or ()
    return any(each["type"] == "Ready" and each["status"] == "True" for each in conditions)


def _emptied_s(node: Object) -> float:
    """Tell since when a node is being emptied; 0 if it is not."""
    taints = (node.get("spec") or {}).get("taints") or ()
    times = [
        parse_rfc3339(taint["timeAdded"])
        for taint in taints
        if taint["key"] in (NOT_READY_TAINT, UNREACHABLE_TAINT)
        and taint["effect"] == "NoExecute"
        and taint.get("timeAdded")
    ]
    return max(times, default=0.0)
