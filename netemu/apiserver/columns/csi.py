"""The columns of the kinds that storage drivers write. Pure."""

from __future__ import annotations

from netemu.api.client import Object
from netemu.apiserver.columns.column import AGE, NAME, UNSET, Column, column, count, field, joined


def _flag(name: str, key: str) -> Column:
    return Column(name, lambda obj, _: bool(field(obj, "spec", key)), type="boolean")


def _audiences(driver: Object) -> str:
    requests = field(driver, "spec", "tokenRequests") or ()
    return joined((request.get("audience", "") for request in requests), empty=UNSET)


CSI_DRIVERS: tuple[Column, ...] = (
    NAME,
    _flag("AttachRequired", "attachRequired"),
    _flag("PodInfoOnMount", "podInfoOnMount"),
    _flag("StorageCapacity", "storageCapacity"),
    column("TokenRequests", _audiences),
    _flag("RequiresRepublish", "requiresRepublish"),
    column("Modes", lambda obj: joined(field(obj, "spec", "volumeLifecycleModes") or ())),
    AGE,
)
CSI_NODES: tuple[Column, ...] = (
    NAME,
    count("Drivers", lambda obj: len(field(obj, "spec", "drivers") or ())),
    AGE,
)
CSI_CAPACITIES: tuple[Column, ...] = (
    NAME,
    column("StorageClassName", lambda obj: str(obj.get("storageClassName") or "")),
    column("Capacity", lambda obj: str(obj.get("capacity") or UNSET)),
)
VOLUME_ATTACHMENTS: tuple[Column, ...] = (
    NAME,
    column("Attacher", lambda obj: field(obj, "spec", "attacher") or ""),
    column("PV", lambda obj: field(obj, "spec", "source", "persistentVolumeName") or ""),
    column("Node", lambda obj: field(obj, "spec", "nodeName") or ""),
    Column("Attached", lambda obj, _: bool(field(obj, "status", "attached")), type="boolean"),
    AGE,
)
VOLUME_ATTRIBUTES_CLASSES: tuple[Column, ...] = (
    NAME,
    column("DriverName", lambda obj: str(obj.get("driverName") or "")),
    AGE,
)
