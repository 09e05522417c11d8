"""What an event says, which events are the same one again, and how many are too many. Pure.

Sources: client-go ``tools/record`` (aggregation key, spam filter: a burst of 25 for each source
and object, then one in five minutes), core/v1 Event.
"""

from __future__ import annotations

from typing import Any, Literal, NamedTuple

from msgspec import Struct

from netemu.api.client import Object
from netemu.clock import format_rfc3339

EventType = Literal["Normal", "Warning"]

MESSAGE_BYTES = 1024
OBJECT_CHARS = 236  # of an object's name in an event's, which may have 253
BURST = 25
REFILL_PER_S = 1 / 300
OBJECTS = 1024
"""How many objects a filter remembers: each of some fifty recorders has one, and most objects are gone."""


class Source(Struct, frozen=True):
    """Who tells: ``kubelet`` on ``node-1``, ``deployment-controller``."""

    component: str
    host: str = ""


class Same(NamedTuple):
    """What makes two events the same one, seen again."""

    kind: str
    namespace: str
    name: str
    uid: str
    field_path: str
    type: EventType
    reason: str
    message: str


class Occurrence(Struct, frozen=True):
    """An event in the store: how often it was seen."""

    name: str
    count: int


def same_as(regarding: Object, type: EventType, reason: str, message: str, field_path: str = "") -> Same:
    """Give the identity of an event."""
    meta = regarding["metadata"]
    return Same(
        regarding["kind"],
        meta.get("namespace", ""),
        meta["name"],
        meta.get("uid", ""),
        field_path,
        type,
        reason,
        message.encode()[:MESSAGE_BYTES].decode(errors="ignore"),
    )


def event_namespace(same: Same) -> str:
    """Give the namespace in which an event is stored: ``default`` for cluster-scoped objects."""
    return same.namespace or "default"


def event_name(same: Same, at_ns: int) -> str:
    """Name an event after its object and time: what lists by name is told in the order of what happened."""
    return f"{same.name[:OBJECT_CHARS].rstrip('.-')}.{at_ns:016x}"


def new_event(
    regarding: Object, same: Same, source: Source, *, name: str, count: int, first_s: float, last_s: float
) -> Object:
    """Make the object that is stored at the first occurrence."""
    meta = regarding["metadata"]
    involved: dict[str, Any] = {
        "apiVersion": regarding["apiVersion"],
        "kind": same.kind,
        "namespace": same.namespace,
        "name": same.name,
        "uid": same.uid,
        "resourceVersion": meta.get("resourceVersion", ""),
        "fieldPath": same.field_path,
    }
    return {
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": {"namespace": event_namespace(same), "name": name},
        "involvedObject": {field: value for field, value in involved.items() if value},
        "type": same.type,
        "reason": same.reason,
        "message": same.message,
        "source": {"component": source.component, **({"host": source.host} if source.host else {})},
        "firstTimestamp": format_rfc3339(first_s),
        "lastTimestamp": format_rfc3339(last_s),
        "count": count,
        "reportingComponent": source.component,
        "reportingInstance": source.host,
    }


def repeat_patch(count: int, last_s: float) -> Object:
    """Give the merge patch for another occurrence."""
    return {"count": count, "lastTimestamp": format_rfc3339(last_s)}


class SpamFilter:
    """A token bucket for each object, so that one that fails quickly cannot fill the store."""

    def __init__(self) -> None:
        self._buckets: dict[str, tuple[float, float]] = {}

    def lets_through(self, object_id: str, now_s: float) -> bool:
        """Take a token of an object; ``False`` when it has none left."""
        tokens, at_s = self._buckets.pop(object_id, (float(BURST), now_s))
        tokens = min(float(BURST), tokens + max(0.0, now_s - at_s) * REFILL_PER_S)
        passes = tokens >= 1
        self._buckets[object_id] = (tokens - passes, now_s)
        if len(self._buckets) > OBJECTS:
            self._buckets.pop(next(iter(self._buckets)))
        return passes
