"""Namespaces that end: which to look at, and what their conditions say.

Source: https://kubernetes.io/docs/tasks/administer-cluster/namespaces/ and kube-controller-manager
``pkg/controller/namespace/deletion``.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from netemu.api.client import Object
from netemu.api.kinds import NAMESPACE, Kind
from netemu.apiserver.owners import is_ending
from netemu.clock import format_rfc3339

FINALIZER = "kubernetes"


class Left(NamedTuple):
    """An object that is still there."""

    kind: Kind
    object: Object


class EndingNamespaces:
    """The namespaces that are to be emptied; ``on_work`` is called when there is something to do."""

    def __init__(self, on_work: Callable[[], None]) -> None:
        self._on_work = on_work
        self._ending: set[str] = set()
        self._waiting: dict[str, None] = {}

    def note(self, kind: Kind, old: Object | None, new: Object | None) -> None:
        """Take in a write: ``None`` stands for an object that does not exist."""
        if kind is NAMESPACE:
            self._note_namespace(old, new)
        elif new is None and old is not None and self._ending:
            self.look_at(old["metadata"].get("namespace", ""))

    def take(self) -> str | None:
        """Take the name of one that may be emptied further, if there is one."""
        name = next(iter(self._waiting), None)
        if name is not None:
            del self._waiting[name]
        return name

    def _note_namespace(self, old: Object | None, new: Object | None) -> None:
        if new is None:
            assert old is not None
            self._ending.discard(old["metadata"]["name"])
        elif is_ending(new) and (old is None or not is_ending(old)):
            self._ending.add(new["metadata"]["name"])
            self.look_at(new["metadata"]["name"])

    def look_at(self, name: str) -> None:
        """Note that a namespace may be emptied further, if it ends."""
        if name in self._ending:
            self._waiting[name] = None
            self._on_work()


def finalized(namespace: Object) -> Object:
    """Give a namespace whose content is gone: it waits for this no longer."""
    spec = namespace.get("spec", {})
    rest = [finalizer for finalizer in spec.get("finalizers") or () if finalizer != FINALIZER]
    return {**namespace, "spec": {**spec, "finalizers": rest}}


def conditions(namespace: Object, left: Sequence[Left], now_s: float) -> list[dict[str, Any]]:
    """Say what a namespace waits for; what said the same before keeps its time."""
    had = {one["type"]: one for one in namespace.get("status", {}).get("conditions") or ()}
    said = (
        ("NamespaceDeletionDiscoveryFailure", "ResourcesDiscovered", "All resources successfully discovered"),
        (
            "NamespaceDeletionGroupVersionParsingFailure",
            "ParsedGroupVersions",
            "All legacy kube types successfully parsed",
        ),
        (
            "NamespaceDeletionContentFailure",
            "ContentDeleted",
            "All content successfully deleted, may be waiting on finalization",
        ),
    )
    made = [_condition(type_, False, reason, message, now_s) for type_, reason, message in said]
    made += [_content(left, now_s), _finalizers(left, now_s)]
    return [_kept(one, had.get(one["type"])) for one in made]


def _content(left: Sequence[Left], now_s: float) -> dict[str, Any]:
    if not left:
        message = "All content successfully removed"
        return _condition("NamespaceContentRemaining", False, "ContentRemoved", message, now_s)
    counts = Counter(f"{one.kind.resource}.{one.kind.group}" for one in left)
    listed = ", ".join(f"{name} has {count} resource instances" for name, count in sorted(counts.items()))
    message = f"Some resources are remaining: {listed}"
    return _condition("NamespaceContentRemaining", True, "SomeResourcesRemain", message, now_s)


def _finalizers(left: Sequence[Left], now_s: float) -> dict[str, Any]:
    counts = Counter(name for one in left for name in one.object["metadata"].get("finalizers") or ())
    if not counts:
        message = "All content-preserving finalizers finished"
        return _condition("NamespaceFinalizersRemaining", False, "ContentHasNoFinalizers", message, now_s)
    listed = ", ".join(f"{name} in {count} resource instances" for name, count in sorted(counts.items()))
    message = f"Some content in the namespace has finalizers remaining: {listed}"
    return _condition("NamespaceFinalizersRemaining", True, "SomeFinalizersRemain", message, now_s)


def _condition(type_: str, holds: bool, reason: str, message: str, now_s: float) -> dict[str, Any]:
    return {
        "type": type_,
        "status": "True" if holds else "False",
        "lastTransitionTime": format_rfc3339(now_s),
        "reason": reason,
        "message": message,
    }


def _kept(new: dict[str, Any], old: dict[str, Any] | None) -> dict[str, Any]:
    if old is None or old["status"] != new["status"]:
        return new
    return {**new, "lastTransitionTime": old["lastTransitionTime"]}
