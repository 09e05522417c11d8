"""The rules of PersistentVolume, its claims, StorageClass and APIService.

Source: kubernetes ``pkg/apis/core/validation``, ``pkg/apis/storage/validation``.
"""

from __future__ import annotations

from collections.abc import Iterator

from netemu.api.causes import bad_value, forbidden, one_of, required
from netemu.api.client import Object
from netemu.api.errors import Cause

ACCESS_MODES = ("ReadOnlyMany", "ReadWriteMany", "ReadWriteOnce", "ReadWriteOncePod")
_NOT_SOURCES = (
    "accessModes",
    "capacity",
    "claimRef",
    "mountOptions",
    "nodeAffinity",
    "persistentVolumeReclaimPolicy",
    "storageClassName",
    "volumeAttributesClassName",
    "volumeMode",
)


def check_volume(new: Object, old: Object | None) -> Iterator[Cause]:  # noqa: ARG001 - one of the checks
    """Check a PersistentVolume."""
    spec = new.get("spec") or {}
    yield from _check_access_modes(spec.get("accessModes") or ())
    if not spec.get("capacity"):
        yield required("spec.capacity")
    sources = [key for key in spec if key not in _NOT_SOURCES]
    if not sources:
        yield required("spec", "must specify a volume type")
    for extra in sources[1:]:
        yield forbidden(f"spec.{extra}", "may not specify more than 1 volume type")
    policies = ("Delete", "Recycle", "Retain")
    yield from one_of(
        "spec.persistentVolumeReclaimPolicy", spec.get("persistentVolumeReclaimPolicy"), policies
    )


def check_claim(new: Object, old: Object | None) -> Iterator[Cause]:
    """Check a PersistentVolumeClaim."""
    spec = new.get("spec") or {}
    yield from _check_access_modes(spec.get("accessModes") or ())
    if "storage" not in ((spec.get("resources") or {}).get("requests") or {}):
        yield required("spec.resources[storage]")
    if old is not None and _fixed(new) != _fixed(old):
        yield forbidden(
            "spec",
            "spec is immutable after creation except resources.requests and volumeAttributesClassName for"
            " bound claims",
        )


def check_storage_class(new: Object, old: Object | None) -> Iterator[Cause]:
    """Check a StorageClass."""
    if not new.get("provisioner"):
        yield required("provisioner")
    yield from one_of("reclaimPolicy", new.get("reclaimPolicy"), ("Delete", "Retain"))
    yield from one_of(
        "volumeBindingMode", new.get("volumeBindingMode"), ("Immediate", "WaitForFirstConsumer")
    )
    if old is not None:
        for key in ("parameters", "provisioner", "reclaimPolicy"):
            if new.get(key) != old.get(key):
                yield forbidden(key, f"updates to {key} are forbidden.")
        if new.get("volumeBindingMode") != old.get("volumeBindingMode"):
            yield bad_value("volumeBindingMode", new.get("volumeBindingMode"), "field is immutable")


def check_api_service(new: Object, old: Object | None) -> Iterator[Cause]:  # noqa: ARG001 - one of the checks
    """Check an APIService."""
    spec = new.get("spec") or {}
    wanted = f"{spec.get('version', '')}.{spec.get('group', '')}"
    if new["metadata"].get("name") != wanted:
        why = f'must be `spec.version+"."+spec.group`: "{wanted}"'
        yield bad_value("metadata.name", new["metadata"].get("name"), why)


def _check_access_modes(modes: tuple[str, ...]) -> Iterator[Cause]:
    if not modes:
        yield required("spec.accessModes", "at least 1 access mode is required")
    for mode in modes:
        yield from one_of("spec.accessModes", mode, ACCESS_MODES)


def _fixed(claim: Object) -> Object:
    free = ("resources", "volumeAttributesClassName", "volumeName")
    return {key: value for key, value in (claim.get("spec") or {}).items() if key not in free}
