"""How far a rolling update goes in one step: numbers in, numbers out. Pure.

Source: kube-controller-manager ``pkg/controller/deployment/rolling.go``.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from msgspec import Struct
from msgspec.structs import replace

from netemu.api.views.apps import RollingUpdate, WorkloadSpec


class Size(Struct, frozen=True):
    """How many pods a ReplicaSet should have, how many are available, how many it still has.

    The status may be older than the spec, so ``available`` never counts more than ``replicas``
    and ``pods`` never less. ``most`` is how many pods its Deployment could have, surge included,
    when it was resized last; 0 if that is not known.
    """

    name: str
    replicas: int
    available: int
    pods: int
    most: int = 0


class Bounds(Struct, frozen=True):
    """How many pods there may be at most, and must be available at least."""

    replicas: int
    most: int
    least_available: int


def bounds(replicas: int, update: RollingUpdate | None) -> Bounds:
    """Resolve maxSurge and maxUnavailable: percentages round up and down; never both 0."""
    update = update or RollingUpdate()
    surge = resolve(update.max_surge, replicas, default="25%", up=True)
    unavailable = resolve(update.max_unavailable, replicas, default="25%", up=False)
    if surge == 0 and unavailable == 0:
        unavailable = 1
    return Bounds(replicas, replicas + surge, max(0, replicas - unavailable))


def least_available(spec: WorkloadSpec) -> int:
    """Tell how many pods of a Deployment must be available at least."""
    if spec.strategy.type != "RollingUpdate":
        return spec.replicas
    return bounds(spec.replicas, spec.strategy.rolling_update).least_available


def most_surge(spec: WorkloadSpec) -> int:
    """Tell how many pods a Deployment may have above its number."""
    if spec.strategy.type != "RollingUpdate":
        return 0
    return bounds(spec.replicas, spec.strategy.rolling_update).most - spec.replicas


def resolve(value: int | str | None, total: int, *, default: int | str, up: bool) -> int:
    """Read a number or a percentage of ``total``, rounded up or down."""
    value = default if value is None else value
    if isinstance(value, int):
        return value
    hundredths = int(value.rstrip("%")) * total
    return -(-hundredths // 100) if up else hundredths // 100


def new_size(new: Size, old: Sequence[Size], limit: Bounds) -> int:
    """Decide how many pods the new ReplicaSet should have now."""
    if new.replicas >= limit.replicas:
        return limit.replicas
    room = limit.most - new.pods - sum(size.pods for size in old)
    return min(limit.replicas, new.replicas + max(0, room))


def old_sizes(new: Size, old: Sequence[Size], limit: Bounds) -> list[Size]:
    """Decide how many pods the old ReplicaSets, oldest first, should have now.

    What is not available goes first, it serves nobody; then as many as the availability of the
    others allows. The pods of the new one that are not available yet count as missing.
    """
    spare = sum(size.replicas for size in old) + new.available - limit.least_available
    healthy: list[Size] = []
    for size in old:
        gone = max(0, min(size.replicas - size.available, spare))
        spare -= gone
        healthy.append(replace(size, replicas=size.replicas - gone))
    spare = min(spare, sum(size.available for size in old) + new.available - limit.least_available)
    sizes: list[Size] = []
    for size in healthy:
        gone = max(0, min(size.replicas, spare))
        spare -= gone
        sizes.append(replace(size, replicas=size.replicas - gone))
    return sizes


def proportional_sizes(sizes: Sequence[Size], limit: Bounds) -> list[Size]:
    """Spread a change of the Deployment's number over several ReplicaSets, by their shares.

    ``sizes`` are in the order in which they take: the first also takes what rounding leaves.
    """
    allowed = limit.most if limit.replicas else 0
    to_add = allowed - sum(size.replicas for size in sizes)
    if not to_add:
        return list(sizes)
    left, new = to_add, []
    for size in sizes:
        share = _share(size, limit)
        share = min(share, left) if to_add > 0 else max(share, left)
        left -= share
        new.append(replace(size, replicas=size.replicas + share))
    first = new[0]
    return [replace(first, replicas=max(0, first.replicas + left)), *new[1:]]


def _share(size: Size, limit: Bounds) -> int:
    """Tell by how many pods a ReplicaSet changes to keep its part of the whole."""
    if not limit.replicas or not size.replicas:
        return -size.replicas
    before = size.most or limit.most
    return math.floor(size.replicas * limit.most / before + 0.5) - size.replicas
