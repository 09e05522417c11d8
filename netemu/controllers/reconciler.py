"""What a controller is: a pure planner, and which keys a change concerns."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Mapping
from typing import Any

from msgspec import Struct

from netemu.api.errors import ApiError
from netemu.api.kinds import Kind
from netemu.controllers.writes import Writes, only_status
from netemu.informer.cache import Cache, Change, Key

Planner = Callable[[Cache, Any, float], Writes]
"""Decide what to write for one key, from the cache and the time (seconds since the epoch)."""

Trigger = Callable[[Cache, Change], Iterable[Hashable]]
"""Name the keys that must be planned again after a change; cheap, and never fails."""


FailurePlanner = Callable[[Cache, Any, float, ApiError], Writes]
"""Decide what to write about a key of which the API refused a write: a condition, as a rule."""


class Reconciler(Struct, frozen=True):
    """One controller. ``name`` is Kubernetes' (``replicaset-controller``), the source of its events.

    ``batch_s`` is how long a change waits for others to be planned with it, and for whoever is in a hurry.
    """

    name: str
    plan: Planner
    triggers: Mapping[Kind, Trigger]
    plan_failure: FailurePlanner | None = None
    batch_s: float = 0.0


def tell_at_least(plan: Planner) -> FailurePlanner:
    """Write the status, also when the API refuses what comes before it in a plan."""

    def plan_failure(cache: Cache, key: Any, now_s: float, _problem: ApiError) -> Writes:
        return only_status(plan(cache, key, now_s))

    return plan_failure


def own_key(_cache: Cache, change: Change) -> Iterable[Key]:
    """Plan what changed itself."""
    return (change.key,)


def own_spec(_cache: Cache, change: Change) -> Iterable[Key]:
    """Plan what changed itself, unless only its metadata or status did."""
    if change.new is None:
        return ()
    if change.old is not None and change.old.get("spec") == change.new.get("spec"):
        return ()
    return (change.key,)
