"""Which PersistentVolume a claim gets. Pure.

Source: component-helpers ``storage/volume`` (``FindMatchingVolume``) and kube-controller-manager
``pkg/controller/volume/persistentvolume``.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from netemu.api import quantity
from netemu.api.client import Object
from netemu.api.placement import matches_terms
from netemu.api.selectors import matches
from netemu.api.views import view
from netemu.api.views.meta import LabelSelector

BOUND = "pv.kubernetes.io/bind-completed"
BY_CONTROLLER = "pv.kubernetes.io/bound-by-controller"
PROVISIONED_BY = "pv.kubernetes.io/provisioned-by"
SELECTED_NODE = "volume.kubernetes.io/selected-node"
STORAGE_PROVISIONER = "volume.kubernetes.io/storage-provisioner"
OLD_STORAGE_PROVISIONER = "volume.beta.kubernetes.io/storage-provisioner"
DEFAULT_CLASS = "storageclass.kubernetes.io/is-default-class"
OLD_CLASS = "volume.beta.kubernetes.io/storage-class"
NO_PROVISIONER = "kubernetes.io/no-provisioner"

LOCAL_PROVISIONER = "netemu.io/local-path"
"""The one provisioner there is: a volume is a directory of the node that its first pod is on."""

DIRECTORY = "/var/local-path-provisioner"
"""Where on a node these directories are."""


def claims_of(pod: Object) -> Iterator[tuple[str, bool]]:
    """Name the claims that a pod mounts, and whether a pod's own volume asks for it (``ephemeral``)."""
    for volume in pod["spec"].get("volumes") or ():
        name = claim_of(pod, volume)
        if name:
            yield name, "ephemeral" in volume


def claim_of(pod: Object, volume: Mapping[str, Any]) -> str:
    """Name the claim that a pod's volume stands for; empty for other volumes."""
    if "ephemeral" in volume:
        return f"{pod['metadata']['name']}-{volume['name']}"
    source = volume.get("persistentVolumeClaim") or {}
    return str(source.get("claimName", ""))


def is_bound(claim: Mapping[str, Any]) -> bool:
    """Tell whether a claim has its volume for good."""
    return bool(claim["spec"].get("volumeName")) and BOUND in marks_of(claim)


def marks_of(obj: Mapping[str, Any]) -> Mapping[str, str]:
    """Give an object's annotations."""
    return obj["metadata"].get("annotations") or {}


def class_of(obj: Object) -> str:
    """Name the storage class of a volume or a claim; empty for none."""
    old = marks_of(obj).get(OLD_CLASS)
    return str(obj["spec"].get("storageClassName") or "") if old is None else old


def waits_for_consumer(storage_class: Object | None) -> bool:
    """Tell whether claims of a class get their volume only when a pod has a place."""
    return storage_class is not None and storage_class.get("volumeBindingMode") == "WaitForFirstConsumer"


def is_reserved(volume: Object, claim: Object) -> bool:
    """Tell whether a volume names a claim, by its uid or (as people write it) without."""
    ref = volume["spec"].get("claimRef") or {}
    meta = claim["metadata"]
    return (ref.get("namespace"), ref.get("name")) == (meta["namespace"], meta["name"]) and (
        ref.get("uid") or meta["uid"]
    ) == meta["uid"]


def reference(claim: Object) -> dict[str, str]:
    """Give what a volume says of the claim that has it."""
    meta = claim["metadata"]
    return {
        "kind": "PersistentVolumeClaim",
        "apiVersion": "v1",
        **{field: meta[field] for field in ("namespace", "name", "uid", "resourceVersion")},
    }


def find_mismatch(volume: Object, claim: Object) -> str:
    """Say why a volume that a claim names cannot serve it; empty if it can."""
    if size_of(volume) < size_asked(claim):
        return "requested PV is too small"
    if class_of(volume) != class_of(claim):
        return "storageClassName does not match"
    if _mode(volume) != _mode(claim):
        return "incompatible volumeMode"
    if not _has_access(volume, claim):
        return "incompatible accessMode"
    return ""


def is_on(volume: Object, node: str, labels: Mapping[str, str]) -> bool:
    """Tell whether a volume can be had on a node."""
    required = (volume["spec"].get("nodeAffinity") or {}).get("required")
    return required is None or matches_terms(required.get("nodeSelectorTerms") or (), node, labels)


def find_reserved(volumes: Iterable[Object], claim: Object) -> Object | None:
    """Find the volume that names a claim, and serves it."""
    fitting = (
        volume
        for volume in volumes
        if is_reserved(volume, claim)
        and not volume["metadata"].get("deletionTimestamp")
        and size_of(volume) >= size_asked(claim)
        and _mode(volume) == _mode(claim)
    )
    return min(fitting, key=_order, default=None)


def find_match(volumes: Iterable[Object], claim: Object) -> Object | None:
    """Find the smallest volume that nobody has, and that serves a claim."""
    selector = claim["spec"].get("selector")
    wanted = view(LabelSelector, selector) if selector else None
    fitting = (
        volume
        for volume in volumes
        if (volume.get("status") or {}).get("phase") == "Available"
        and not volume["spec"].get("claimRef")
        and not volume["metadata"].get("deletionTimestamp")
        and not find_mismatch(volume, claim)
        and (wanted is None or matches(wanted, volume["metadata"].get("labels") or {}))
    )
    return min(fitting, key=_order, default=None)


def size_of(volume: Object) -> int:
    """Give the bytes of a volume."""
    return int(quantity.parse((volume["spec"].get("capacity") or {}).get("storage", "0")))


def size_asked(claim: Object) -> int:
    """Give the bytes that a claim asks for."""
    asked = (claim["spec"].get("resources") or {}).get("requests") or {}
    return int(quantity.parse(asked.get("storage", "0")))


def _has_access(volume: Object, claim: Object) -> bool:
    return set(claim["spec"].get("accessModes") or ()) <= set(volume["spec"].get("accessModes") or ())


def _mode(obj: Object) -> str:
    return str(obj["spec"].get("volumeMode") or "Filesystem")


def _order(volume: Object) -> tuple[int, str]:
    return size_of(volume), volume["metadata"]["name"]
