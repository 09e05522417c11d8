"""What a StatefulSet or DaemonSet was asked for, one ControllerRevision for each template. Pure.

``kubectl rollout history`` and ``undo`` read them: the data is a patch that restores the template.
Source: kube-controller-manager ``pkg/controller/history`` and ``pkg/controller/daemon/update.go``.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from msgspec import Struct

from netemu.api.client import Object
from netemu.api.kinds import CONTROLLER_REVISION, Kind
from netemu.api.views.apps import ControllerRevision, Workload
from netemu.controllers.deployment_sets import pruned
from netemu.controllers.indexes import controlled_by, orphans
from netemu.controllers.ownership import claim, controller_reference
from netemu.controllers.pods import hash_template
from netemu.controllers.writes import Create, Delete, Patch, Writes
from netemu.informer.cache import Cache, Key


class Revision(Struct, frozen=True):
    """One template that was asked for. ``number`` grows each time it is asked for anew."""

    name: str
    hash: str
    number: int
    template: dict[str, Any]
    uid: str = ""


class History(Struct, frozen=True):
    """All revisions of a workload: that of its present template, and the others, oldest first.

    ``same`` are hashes of the others that have the present template too: someone copied it.
    ``collisions`` counts how often the name of a revision was taken by something else.
    """

    present: Revision
    old: list[Revision]
    same: frozenset[str]
    collisions: int
    writes: Writes

    def find(self, name: str) -> Revision | None:
        """Find a revision by its name."""
        return next((each for each in (self.present, *self.old) if each.name == name), None)


def plan_history(cache: Cache, kind: Kind, obj: Object, view: Workload, *, label: str) -> History:
    """Make sure that the present template has a revision, and that this is the newest.

    ``label`` holds the hash on the revisions.
    """
    meta = view.metadata
    claimed = claim(
        cache,
        kind,
        obj,
        view.spec.selector,
        kind=CONTROLLER_REVISION,
        owned=controlled_by(cache, CONTROLLER_REVISION, meta.uid),
        orphaned=orphans(cache, CONTROLLER_REVISION, meta.namespace, view.spec.selector),
    )
    known = sorted(_read(cache, claimed.keys, label), key=lambda each: (each.number, each.name))
    template = pruned(view.spec.template)
    equal = [each for each in known if pruned(each.template) == template]
    if not equal:
        return _with_new(cache, kind, obj, view, label, known, claimed.writes)
    present = equal[-1]
    old = [each for each in known if each is not present]
    number = max((each.number for each in old), default=0) + 1
    writes = [*claimed.writes]
    if present.number < number:
        key = Key(meta.namespace, present.name)
        writes.append(Patch(CONTROLLER_REVISION, key, {"metadata": {"uid": present.uid}, "revision": number}))
    same = frozenset(each.hash for each in equal[:-1])
    return History(present, old, same, view.status.collision_count, writes)


def forget_oldest(history: History, namespace: str, limit: int, live: Collection[str]) -> Writes:
    """Delete the oldest revisions beyond a limit, except those whose hash or name is in ``live``."""
    gone = [each for each in history.old if each.name not in live and each.hash not in live]
    surplus = gone[: max(0, len(gone) - limit)]
    return [Delete(CONTROLLER_REVISION, Key(namespace, each.name), each.uid) for each in surplus]


def _read(cache: Cache, keys: list[Key], label: str) -> list[Revision]:
    found = (cache.find(CONTROLLER_REVISION, key, ControllerRevision) for key in keys)
    return [
        Revision(
            each.metadata.name,
            each.metadata.labels.get(label, each.metadata.name),
            each.revision,
            _template(each.data),
            each.metadata.uid,
        )
        for each in found
        if each is not None and not each.metadata.deletion_timestamp
    ]


def _template(data: dict[str, Any]) -> dict[str, Any]:
    template = (data.get("spec") or {}).get("template") or {}
    return {field: value for field, value in template.items() if field != "$patch"}


def _with_new(
    cache: Cache, kind: Kind, obj: Object, view: Workload, label: str, known: list[Revision], writes: Writes
) -> History:
    meta, template = view.metadata, view.spec.template
    collisions = view.status.collision_count
    shape = pruned(template)
    while cache.get(CONTROLLER_REVISION, Key(meta.namespace, _name(view, shape, collisions))) is not None:
        collisions += 1
    number = known[-1].number + 1 if known else 1
    present = Revision(_name(view, shape, collisions), hash_template(shape, collisions), number, template)
    revision = {
        "apiVersion": CONTROLLER_REVISION.api_version,
        "kind": CONTROLLER_REVISION.kind,
        "metadata": {
            "name": present.name,
            "namespace": meta.namespace,
            "labels": {**((template.get("metadata") or {}).get("labels") or {}), label: present.hash},
            **({"annotations": meta.annotations} if meta.annotations else {}),
            "ownerReferences": [controller_reference(kind, obj)],
        },
        "data": {"spec": {"template": _as_written_by_go({**template, "$patch": "replace"})}},
        "revision": number,
    }
    writes = [*writes, Create(CONTROLLER_REVISION, revision)]
    return History(present, known, frozenset(), collisions, writes)


def _as_written_by_go(value: Any, field: str = "") -> Any:
    """Put fields in order and add what Go never leaves out: clients compare the bytes with their own."""
    if isinstance(value, dict):
        return {key: _as_written_by_go(value[key], key) for key in sorted(value)}
    if not isinstance(value, list):
        return value
    items = [_as_written_by_go(item) for item in value]
    if field in ("containers", "initContainers"):
        return [dict(sorted({"resources": {}, **item}.items())) for item in items]
    return items


def _name(view: Workload, shape: Any, collisions: int) -> str:
    return f"{view.metadata.name}-{hash_template(shape, collisions)}"
