"""Who belongs to whom: owner references, adoption by selector, release. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

from netemu.api.client import Object
from netemu.api.kinds import Kind
from netemu.api.selectors import matches
from netemu.api.views.meta import LabelSelector
from netemu.controllers.writes import Patch, Writes
from netemu.informer.cache import Cache, Change, Key, key_of


class Claim(NamedTuple):
    """What belongs to an owner, and the patches that make it so."""

    keys: list[Key]
    writes: Writes


def controller_of(obj: Object) -> dict[str, Any] | None:
    """Find the one reference of an object that is its controller's."""
    for ref in obj["metadata"].get("ownerReferences") or ():
        if ref.get("controller"):
            return ref  # type: ignore[no-any-return]
    return None


def controller_reference(kind: Kind, owner: Object) -> dict[str, Any]:
    """Refer to an object as the controller of what it creates."""
    return {
        "apiVersion": kind.api_version,
        "kind": kind.kind,
        "name": owner["metadata"]["name"],
        "uid": owner["metadata"]["uid"],
        "controller": True,
        "blockOwnerDeletion": True,
    }


def claim(
    cache: Cache,
    owner_kind: Kind,
    owner: Object,
    selector: LabelSelector,
    *,
    kind: Kind,
    owned: Iterable[Key],
    orphaned: Iterable[Key],
) -> Claim:
    """Adopt orphans that match the selector, release what is owned and no longer matches."""
    keys: list[Key] = []
    writes: Writes = []
    for key in owned:
        obj = cache.get(kind, key)
        if obj is None:
            continue
        if matches(selector, obj["metadata"].get("labels") or {}):
            keys.append(key)
        elif not obj["metadata"].get("deletionTimestamp"):
            writes.append(_set_owners(kind, obj, _without(obj, owner["metadata"]["uid"])))
    for key in orphaned:
        obj = cache.get(kind, key)
        if obj is not None and is_adoptable(obj, selector):
            refs = obj["metadata"].get("ownerReferences") or []
            writes.append(_set_owners(kind, obj, [*refs, controller_reference(owner_kind, owner)]))
            keys.append(key)
    return Claim(keys, writes)


def is_adoptable(obj: Object, selector: LabelSelector) -> bool:
    """Tell whether an object without a controller may be taken over."""
    meta = obj["metadata"]
    return not meta.get("deletionTimestamp") and matches(selector, meta.get("labels") or {})


def keys_of_controllers(change: Change, kind: Kind) -> list[Key]:
    """Name the objects of ``kind`` that control, or controlled, what changed."""
    keys: dict[Key, None] = {}
    for obj in (change.old, change.new):
        ref = controller_of(obj) if obj is not None else None
        if ref is not None and ref["kind"] == kind.kind and ref["apiVersion"] == kind.api_version:
            keys[Key(change.key.namespace, ref["name"])] = None
    return list(keys)


def _without(obj: Object, uid: str) -> list[dict[str, Any]]:
    return [ref for ref in obj["metadata"]["ownerReferences"] if ref["uid"] != uid]


def _set_owners(kind: Kind, obj: Object, refs: list[dict[str, Any]]) -> Patch:
    # Of two controllers that want the same object, one finds that it changed meanwhile.
    same = {field: obj["metadata"][field] for field in ("uid", "resourceVersion")}
    meta = {**same, "ownerReferences": refs}
    return Patch(kind, key_of(obj), {"metadata": meta})
