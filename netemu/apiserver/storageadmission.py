"""What admission adds to volumes and claims: the class that is the default, and protection. Pure.

Sources: kubernetes ``plugin/pkg/admission/storage/storageclass/setdefault`` and
``…/storageobjectinuseprotection``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from netemu.api.claims import DEFAULT_CLASS, OLD_CLASS
from netemu.api.client import Object
from netemu.api.kinds import PERSISTENT_VOLUME, PERSISTENT_VOLUME_CLAIM, Kind

PROTECTION = {
    PERSISTENT_VOLUME.key: "kubernetes.io/pv-protection",
    PERSISTENT_VOLUME_CLAIM.key: "kubernetes.io/pvc-protection",
}

Classes = Callable[[], Iterable[Object]]


class StorageAdmission:
    """Keeps what is in use, and gives claims that name no class the default one."""

    def __init__(self, classes: Classes) -> None:
        self._classes = classes

    def __call__(self, kind: Kind, obj: Object, _find: object) -> Object:
        """Give a new object as it is stored."""
        finalizer = PROTECTION.get(kind.key)
        if finalizer is None:
            return obj
        meta, spec = obj["metadata"], obj["spec"]
        finalizers = meta.get("finalizers") or []
        if finalizer not in finalizers:
            meta = {**meta, "finalizers": [*finalizers, finalizer]}
        names_one = spec.get("storageClassName") is not None or OLD_CLASS in (meta.get("annotations") or {})
        default = None if kind is PERSISTENT_VOLUME or names_one else self._default()
        if default is not None:
            spec = {**spec, "storageClassName": default}
        return {**obj, "metadata": meta, "spec": spec}

    def _default(self) -> str | None:
        marked = [each["metadata"] for each in self._classes() if _is_default(each)]
        newest = max((str(meta["creationTimestamp"]) for meta in marked), default="")
        names = [str(meta["name"]) for meta in marked if str(meta["creationTimestamp"]) == newest]
        return min(names, default=None)


def _is_default(storage_class: Object) -> bool:
    return (storage_class["metadata"].get("annotations") or {}).get(DEFAULT_CLASS) == "true"
