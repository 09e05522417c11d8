"""Who goes from a node whose disk is nearly full, and what is said about it. Pure.

Source: kubernetes ``pkg/kubelet/eviction`` (``rankDiskPressureFunc``, ``evictionMessage``).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from msgspec import Struct

from netemu.agent.status import EVICTED, Failure
from netemu.api import quantity
from netemu.api.client import Object

RESOURCE = "ephemeral-storage"
THRESHOLD_MET = ("EvictionThresholdMet", f"Attempting to reclaim {RESOURCE}")
REFUSED = Failure(EVICTED, "Pod was rejected: The node had condition: [DiskPressure]. ")
SYSTEM_CRITICAL = 2_000_000_000
GRACE_S = 1.0
_UNITS = (("Ei", 60), ("Pi", 50), ("Ti", 40), ("Gi", 30), ("Mi", 20), ("Ki", 10))


class Disk(Struct, frozen=True):
    """What a node has for its pods' files, and what of it is left; in bytes."""

    capacity: int
    available: int


class Usage(Struct, frozen=True, kw_only=True):
    """What the files of a pod take: each container's own and its log, and the volumes; in bytes."""

    containers: Mapping[str, int]
    volumes: int = 0

    @property
    def total(self) -> int:
        """All of it."""
        return self.volumes + sum(self.containers.values())


def threshold_bytes(threshold: str, capacity: int) -> int:
    """Give the bytes that must be left: a quantity, or a part of all in percent."""
    if threshold.endswith("%"):
        return int(capacity * float(threshold[:-1]) / 100)
    return int(quantity.parse(threshold))


def is_met(threshold: str, disk: Disk) -> bool:
    """Tell whether too little is left."""
    return disk.available < threshold_bytes(threshold, disk.capacity)


def is_critical(pod: Object) -> bool:
    """Tell whether a pod stays whatever happens."""
    return int(pod["spec"].get("priority") or 0) >= SYSTEM_CRITICAL


def choose(pods: Iterable[tuple[Object, Usage]]) -> tuple[Object, Usage] | None:
    """Choose the pod that goes: who uses more than it asked for, then the least important, then
    who uses most; ``None`` if nobody uses anything.
    """
    able = [(pod, usage) for pod, usage in pods if usage.total and not is_critical(pod)]
    return max(able, key=lambda each: _rank(*each), default=None)


def sentence(threshold: str, disk: Disk, pod: Object, usage: Usage) -> str:
    """Say why a pod is evicted."""
    limit = threshold_bytes(threshold, disk.capacity)
    words = [
        f"The node was low on resource: {RESOURCE}. ",
        f"Threshold quantity: {binary(limit)}, available: {binary(disk.available)}. ",
    ]
    for container in pod["spec"]["containers"]:
        name, asked = container["name"], _asked(container)
        used = usage.containers.get(name, 0)
        if used > asked:
            words.append(
                f"Container {name} was using {binary(used)}, request is {binary(asked)}, "
                f"has larger consumption of {RESOURCE}. "
            )
    return "".join(words)


def binary(number: int) -> str:
    """Write a number of bytes as Kubernetes does: with the largest unit that it is a multiple of."""
    for unit, bits in _UNITS:
        if number and not number % (1 << bits):
            return f"{number >> bits}{unit}"
    return str(number)


def _rank(pod: Object, usage: Usage) -> tuple[bool, int, int]:
    asked = sum(_asked(container) for container in pod["spec"]["containers"])
    return usage.total > asked, -int(pod["spec"].get("priority") or 0), usage.total - asked


def _asked(container: Mapping[str, Any]) -> int:
    requests = (container.get("resources") or {}).get("requests") or {}
    return int(quantity.parse(requests.get(RESOURCE, "0")))
