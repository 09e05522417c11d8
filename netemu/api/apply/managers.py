"""``metadata.managedFields``: who set which fields, and when."""

from __future__ import annotations

from typing import Any, NamedTuple

from netemu.api import schema
from netemu.api.apply import paths
from netemu.api.apply.compare import Difference, compare
from netemu.api.apply.paths import Fields, Tree
from netemu.api.apply.structure import tree_of
from netemu.api.apply.zero import without_zero, zero_paths
from netemu.api.client import Object
from netemu.api.kinds import Kind
from netemu.api.schema import Shape

Entry = dict[str, Any]
Entries = list[Entry]

MAX_UPDATERS = 10
"""How many managers that only updated are told apart; older ones become one (as in Kubernetes)."""
ANCIENT = "ancient-changes"

_UNMANAGED = (
    "name",
    "namespace",
    "uid",
    "selfLink",
    "generation",
    "resourceVersion",
    "creationTimestamp",
    "deletionTimestamp",
    "deletionGracePeriodSeconds",
    "managedFields",
)


class Writer(NamedTuple):
    """Who writes, through which subresource, and when (RFC 3339)."""

    manager: str
    subresource: str
    time: str

    def entry(self, kind: Kind, operation: str, tree: Tree) -> Entry:
        """Make this writer's entry."""
        entry: Entry = {
            "manager": self.manager,
            "operation": operation,
            "apiVersion": kind.api_version,
            "time": self.time,
            "fieldsType": "FieldsV1",
            "fieldsV1": paths.shared(tree),
        }
        return entry | {"subresource": self.subresource} if self.subresource else entry

    def wrote(self, entry: Entry, operation: str) -> bool:
        """Tell whether an entry is this writer's."""
        said = (entry.get("manager"), entry.get("operation"), entry.get("subresource", ""))
        return said == (self.manager, operation, self.subresource)


def entries_of(obj: Object) -> Entries:
    """Read the entries of an object; what cannot be read is left out."""
    entries = obj["metadata"].get("managedFields")
    if not isinstance(entries, list):
        return []
    return [entry for entry in entries if _is_entry(entry)]


def created_fields(kind: Kind, obj: Object, writer: Writer) -> Entries:
    """Give the entries of an object that one writer makes."""
    tree = tree_of(shape_of(kind), managed_part(kind, obj, writer.subresource), is_new=True)
    return [writer.entry(kind, "Update", without_zero(kind, tree))] if tree else []


def updated_fields(kind: Kind, old: Object, new: Object, writer: Writer) -> Entries:
    """Give the entries after a writer changed an object: what it set is its own, and nobody else's."""
    entries = entries_of(new)
    parts = (managed_part(kind, obj, writer.subresource) for obj in (old, new))
    changes = compare(shape_of(kind), *parts)
    if not changes:
        return entries
    mine = next((entry for entry in entries if writer.wrote(entry, "Update")), None)
    others = [left_to(entry, changes) for entry in entries if entry is not mine]
    had = paths.read(mine["fieldsV1"]) if mine is not None else frozenset()
    set_now = changes.touched - zero_paths(kind)
    now = frozenset(path for path in had if not paths.is_under(path, changes.gone)) | set_now
    if now and (mine is None or now != had):
        mine = writer.entry(kind, "Update", paths.write(now))
    return ordered([*(entry for entry in others if entry is not None), *([mine] if now and mine else [])])


def left_to(entry: Entry, changes: Difference) -> Entry | None:
    """Give the entry of someone else after changes; ``None`` when nothing is left to it."""
    had = paths.read(entry.get("fieldsV1"))
    left = frozenset(
        path for path in had if path not in changes.touched and not paths.is_under(path, changes.gone)
    )
    if len(left) == len(had):
        return entry
    return {**entry, "fieldsV1": paths.write(left)} if left else None


def ordered(entries: Entries) -> Entries:
    """Sort entries as Kubernetes does, and join the oldest when they are many."""
    ordered = sorted(entries, key=_rank)
    updates = [entry for entry in ordered if entry["operation"] == "Update"]
    surplus = updates[: max(0, len(updates) - MAX_UPDATERS)]
    if not surplus:
        return ordered
    surplus = updates[: len(surplus) + 1]
    fields: Fields = frozenset().union(*(paths.read(entry.get("fieldsV1")) for entry in surplus))
    joined = {**surplus[-1], "manager": ANCIENT, "fieldsV1": paths.write(fields)}
    joined.pop("subresource", None)
    return [joined if entry is surplus[-1] else entry for entry in ordered if entry not in surplus[:-1]]


def managed_part(kind: Kind, obj: Object, subresource: str) -> Object:
    """Give what of an object can have owners: through ``status`` that alone, else all but it."""
    if subresource == "status":
        return {"status": obj["status"]} if "status" in obj else {}
    meta = {name: value for name, value in obj["metadata"].items() if name not in _UNMANAGED}
    dropped = ("apiVersion", "kind", "metadata", *(("status",) if "status" in kind.subresources else ()))
    part = {name: value for name, value in obj.items() if name not in dropped}
    return {"metadata": meta, **part} if meta else part


def shape_of(kind: Kind) -> Shape | None:
    """Give the published shape of a kind, if there is one."""
    try:
        return schema.shape_of(kind)
    except KeyError:
        return None


def _is_entry(entry: Any) -> bool:
    """Tell whether clients, who may write entries themselves, wrote one that can be read."""
    return (
        isinstance(entry, dict)
        and isinstance(entry.get("manager"), str)
        and entry.get("operation") in ("Apply", "Update")
        and isinstance(entry.get("time") or "", str)
        and isinstance(entry.get("fieldsV1"), dict)
    )


def _rank(entry: Entry) -> tuple[str, str, str]:
    return (entry.get("operation", ""), entry.get("time") or "", entry.get("manager", ""))
