"""What becomes of an object when one manager says again all that it wants of it."""

from __future__ import annotations

from typing import NamedTuple

from netemu.api.apply import paths
from netemu.api.apply.compare import compare
from netemu.api.apply.managers import (
    Entries,
    Entry,
    Writer,
    entries_of,
    left_to,
    managed_part,
    ordered,
    shape_of,
)
from netemu.api.apply.merging import merge, without
from netemu.api.apply.paths import Fields, Path
from netemu.api.apply.structure import tree_of
from netemu.api.client import Object
from netemu.api.errors import Cause, ConflictError
from netemu.api.kinds import Kind

BEFORE = "before-first-apply"
"""Who owns what was there before anyone's fields were noted."""


class Applied(NamedTuple):
    """The object as it is wanted, and its new ``managedFields``."""

    object: Object
    managed_fields: Entries


class Conflict(NamedTuple):
    """A field that another manager set to something else."""

    entry: Entry
    path: Path


def apply(kind: Kind, live: Object | None, wish: Object, writer: Writer, *, force: bool) -> Applied:
    """Bring an object to one manager's whole wish.

    What the manager wished before and does not any more is taken out, unless someone else wants it.

    Raises:
        ConflictError: others set fields to something else, and ``force`` does not say to take them.

    """
    shape = shape_of(kind)
    wished = managed_part(kind, wish, writer.subresource)
    now = paths.read(tree_of(shape, wished))
    if live is None:
        return Applied(wish, [writer.entry(kind, "Apply", paths.write(now))])
    entries = entries_of(live) or _before(kind, live, writer)
    mine = next((entry for entry in entries if writer.wrote(entry, "Apply")), None)
    others = [entry for entry in entries if entry is not mine]
    last = paths.read(mine["fieldsV1"]) if mine is not None else frozenset()
    before = managed_part(kind, live, writer.subresource)
    after = without(shape, merge(shape, before, wished), last - now, now | _owned(others))
    changes = compare(shape, before, after)
    conflicts = [Conflict(entry, path) for entry in others for path in _both(entry, changes.touched)]
    if conflicts and not force:
        raise conflict_error(conflicts, kind, live["metadata"]["name"])
    left = (left_to(entry, changes) for entry in others)
    if mine is None or now != last:
        mine = writer.entry(kind, "Apply", paths.write(now))
    return Applied(
        _joined(live, after, wish), ordered([mine, *(entry for entry in left if entry is not None)])
    )


def conflict_error(conflicts: list[Conflict], kind: Kind, name: str) -> ConflictError:
    """Say who owns what is to be changed, in Kubernetes' words."""
    conflicts = sorted(conflicts, key=lambda conflict: (_named(conflict.entry), conflict.path))
    causes = tuple(
        Cause(
            field=paths.render(conflict.path),
            message=f"conflict with {_named(conflict.entry)}",
            reason="FieldManagerConflict",
        )
        for conflict in conflicts
    )
    return ConflictError(_said(conflicts), group=kind.group, kind=kind.resource, name=name, causes=causes)


def _said(conflicts: list[Conflict]) -> str:
    if len(conflicts) == 1:
        only = conflicts[0]
        return f"Apply failed with 1 conflict: conflict with {_named(only.entry)}: {paths.render(only.path)}"
    lines: list[str] = []
    for manager in dict.fromkeys(_named(conflict.entry) for conflict in conflicts):
        lines.append(f"conflicts with {manager}:")
        lines += [f"- {paths.render(found.path)}" for found in conflicts if _named(found.entry) == manager]
    return f"Apply failed with {len(conflicts)} conflicts: " + "\n".join(lines)


def _named(entry: Entry) -> str:
    name = f'"{entry["manager"]}"'
    if entry.get("subresource"):
        name += f' with subresource "{entry["subresource"]}"'
    return f"{name} using {entry.get('apiVersion', '')}" if entry.get("operation") == "Update" else name


def _both(entry: Entry, touched: set[Path]) -> Fields:
    return paths.read(entry.get("fieldsV1")) & touched


def _owned(entries: Entries) -> Fields:
    return frozenset().union(*(paths.read(entry.get("fieldsV1")) for entry in entries))


def _before(kind: Kind, live: Object, writer: Writer) -> Entries:
    """Note what is there as set by someone before; once more for the status, if that is written."""
    unknown = Writer(BEFORE, writer.subresource, writer.time)
    tree = tree_of(shape_of(kind), managed_part(kind, live, writer.subresource))
    return [unknown.entry(kind, "Update", tree)] if tree else []


def _joined(live: Object, after: Object, wish: Object) -> Object:
    """Give the managed part its identity back; the wish may name a version that it is meant for."""
    dropped = live["metadata"].keys() & ("labels", "annotations", "finalizers", "ownerReferences")
    identity = {key: value for key, value in live["metadata"].items() if key not in dropped}
    asked = {key: wish["metadata"][key] for key in ("resourceVersion", "uid") if wish["metadata"].get(key)}
    rest = {"apiVersion": live["apiVersion"], "kind": live["kind"]}
    status = {"status": live["status"]} if "status" in live else {}
    meta = identity | after.get("metadata", {}) | asked
    if "metadata" not in after and "status" in after:
        return {**live, "metadata": live["metadata"] | asked, **after}
    return rest | {"metadata": meta} | status | {key: v for key, v in after.items() if key != "metadata"}
