"""The columns of PersistentVolumes, their claims and StorageClasses. Pure."""

from __future__ import annotations

from netemu.api.client import Object
from netemu.apiserver.columns.column import AGE, NAME, UNSET, Column, column, field

DEFAULT_CLASS = (
    "storageclass.kubernetes.io/is-default-class",
    "storageclass.beta.kubernetes.io/is-default-class",
)
_MODES = {
    "ReadWriteOnce": "RWO",
    "ReadOnlyMany": "ROX",
    "ReadWriteMany": "RWX",
    "ReadWriteOncePod": "RWOP",
}


def _modes(obj: Object, *path: str) -> str:
    given = field(obj, *path, "accessModes") or ()
    return ",".join(short for mode, short in _MODES.items() if mode in given)


def _capacity(obj: Object, *path: str) -> str:
    return field(obj, *path, "capacity", "storage") or ""


def _phase(obj: Object) -> str:
    return "Terminating" if "deletionTimestamp" in obj["metadata"] else field(obj, "status", "phase") or ""


def _claim(volume: Object) -> str:
    claim = field(volume, "spec", "claimRef")
    return f"{claim.get('namespace', '')}/{claim.get('name', '')}" if claim else ""


def _text(name: str, *path: str, empty: str = "", wide: bool = False) -> Column:
    return column(name, lambda obj: str(field(obj, *path) or empty), wide=wide)


_ATTRIBUTES = _text("VolumeAttributesClass", "spec", "volumeAttributesClassName", empty=UNSET)
_MODE = _text("VolumeMode", "spec", "volumeMode", empty=UNSET, wide=True)
PERSISTENT_VOLUMES: tuple[Column, ...] = (
    NAME,
    column("Capacity", lambda obj: _capacity(obj, "spec")),
    column("Access Modes", lambda obj: _modes(obj, "spec")),
    _text("Reclaim Policy", "spec", "persistentVolumeReclaimPolicy"),
    column("Status", _phase),
    column("Claim", _claim),
    _text("StorageClass", "spec", "storageClassName"),
    _ATTRIBUTES,
    _text("Reason", "status", "reason"),
    AGE,
    _MODE,
)
PERSISTENT_VOLUME_CLAIMS: tuple[Column, ...] = (
    NAME,
    column("Status", _phase),
    _text("Volume", "spec", "volumeName"),
    column("Capacity", lambda obj: _capacity(obj, "status") if field(obj, "spec", "volumeName") else ""),
    column("Access Modes", lambda obj: _modes(obj, "status")),
    _text("StorageClass", "spec", "storageClassName"),
    _ATTRIBUTES,
    AGE,
    _MODE,
)


def _class_name(storage_class: Object) -> str:
    name: str = storage_class["metadata"]["name"]
    annotations = storage_class["metadata"].get("annotations") or {}
    return f"{name} (default)" if any(annotations.get(key) == "true" for key in DEFAULT_CLASS) else name


STORAGE_CLASSES: tuple[Column, ...] = (
    Column("Name", lambda obj, _: _class_name(obj), format="name"),
    column("Provisioner", lambda obj: obj.get("provisioner", "")),
    column("ReclaimPolicy", lambda obj: obj.get("reclaimPolicy") or "Delete"),
    column("VolumeBindingMode", lambda obj: obj.get("volumeBindingMode") or UNSET),
    column("AllowVolumeExpansion", lambda obj: bool(obj.get("allowVolumeExpansion"))),
    AGE,
)
