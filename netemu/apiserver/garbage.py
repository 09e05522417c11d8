"""Garbage collection: what nobody owns any more, and owners that wait for their dependents. Pure.

An owner that is deleted in the foreground waits for those dependents that block it; one that is
orphaning waits until its dependents are let go. Source:
https://kubernetes.io/docs/concepts/architecture/garbage-collection/ and
kube-controller-manager ``pkg/controller/garbagecollector``.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from netemu.api.client import Object
from netemu.apiserver.owners import FOREGROUND, ORPHAN, Node, Owners, awaits, awaits_collector, is_ending


class Release(NamedTuple):
    """Change an object's metadata: nothing holds it that way any more."""

    node: Node
    patch: Object


class End(NamedTuple):
    """Delete the object that has this uid; ``policy`` says what becomes of its dependents."""

    node: Node
    uid: str
    policy: str


class Look(NamedTuple):
    """Look at another object."""

    node: Node


Step = Release | End | Look


class _Sorted(NamedTuple):
    solid: list[dict[str, Any]]
    waiting: list[dict[str, Any]]
    dangling: list[dict[str, Any]]


def plan(owners: Owners, node: Node) -> list[Step]:
    """Decide what is to be done about one object."""
    found = owners.find(node)
    if found is None:
        return []
    _, obj = found
    if awaits_collector(obj):
        return _end(owners, node, obj)
    return [] if is_ending(obj) else _collect(owners, node, obj)


def _end(owners: Owners, node: Node, obj: Object) -> list[Step]:
    """Go on with the end of an object that waits for its dependents."""
    uid = obj["metadata"]["uid"]
    dependents = list(owners.dependents(uid))
    if awaits(obj, ORPHAN):
        return [*(_let_go(*one, uid) for one in dependents), _without_finalizer(node, obj, ORPHAN)]
    if not any(_blocks(dependent, uid) for _, dependent in dependents):
        return [_without_finalizer(node, obj, FOREGROUND)]
    return [Look(dependent) for dependent, one in dependents if not is_ending(one)]


def _collect(owners: Owners, node: Node, obj: Object) -> list[Step]:
    """Delete an object whose owners are all gone or wait for it to go."""
    refs = _sorted(owners, obj)
    if not (refs.waiting or refs.dangling):
        return []
    if refs.solid:
        return [_with_owners(node, obj, refs.solid)]
    uid = obj["metadata"]["uid"]
    dependents = [dependent for _, dependent in owners.dependents(uid)] if refs.waiting else []
    end = End(node, uid, "Foreground" if dependents else "")
    if any(awaits(dependent, FOREGROUND) for dependent in dependents):
        return [_unblocking(node, obj), end]  # a circle: somebody must not be waited for
    return [end]


def _sorted(owners: Owners, obj: Object) -> _Sorted:
    """Look up all owners; those of a kind that is not served count as there."""
    refs = _Sorted([], [], [])
    for ref in obj["metadata"].get("ownerReferences") or ():
        node = owners.owner(obj, ref)
        found = owners.find(node) if node is not None else None
        if node is None:
            refs.solid.append(ref)
        elif found is None or found[1]["metadata"]["uid"] != ref["uid"]:
            refs.dangling.append(ref)
        elif awaits(found[1], FOREGROUND):
            refs.waiting.append(ref)
        else:
            refs.solid.append(ref)
    return refs


def _blocks(obj: Object, uid: str) -> bool:
    refs = obj["metadata"].get("ownerReferences") or ()
    return any(ref["uid"] == uid and ref.get("blockOwnerDeletion") for ref in refs)


def _let_go(node: Node, obj: Object, uid: str) -> Release:
    return _with_owners(node, obj, [ref for ref in obj["metadata"]["ownerReferences"] if ref["uid"] != uid])


def _with_owners(node: Node, obj: Object, refs: list[dict[str, Any]]) -> Release:
    return _changed(node, obj, {"ownerReferences": refs or None})


def _unblocking(node: Node, obj: Object) -> Release:
    refs = obj["metadata"]["ownerReferences"]
    return _with_owners(node, obj, [{**ref, "blockOwnerDeletion": False} for ref in refs])


def _without_finalizer(node: Node, obj: Object, name: str) -> Release:
    rest = [finalizer for finalizer in obj["metadata"]["finalizers"] if finalizer != name]
    return _changed(node, obj, {"finalizers": rest or None})


def _changed(node: Node, obj: Object, change: dict[str, Any]) -> Release:
    return Release(node, {"metadata": {"uid": obj["metadata"]["uid"], **change}})
