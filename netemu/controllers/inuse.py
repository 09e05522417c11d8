"""Volumes and claims go only when nobody uses them; pods' own volumes get their claims. Pure.

Sources: kube-controller-manager ``pkg/controller/volume/pvcprotection``, ``pvprotection``, ``ephemeral``.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from netemu.api.claims import claim_of, claims_of
from netemu.api.client import Object
from netemu.api.kinds import PERSISTENT_VOLUME, PERSISTENT_VOLUME_CLAIM, POD, Kind
from netemu.controllers.reconciler import Reconciler, own_key
from netemu.controllers.writes import Create, EmitEvent, Patch, Writes
from netemu.informer.cache import Cache, Change, Key, key_of

CLAIM_FINALIZER = "kubernetes.io/pvc-protection"
VOLUME_FINALIZER = "kubernetes.io/pv-protection"


def plan_claim(cache: Cache, key: Key, _now_s: float) -> Writes:
    """Let a claim go that is to be deleted, when no pod on a node has it."""
    claim = cache.get(PERSISTENT_VOLUME_CLAIM, key)
    if claim is None or not _waits(claim, CLAIM_FINALIZER):
        return []
    users = (pod for pod in cache.list(POD, key.namespace) if pod["spec"].get("nodeName"))
    if any(key.name == name for pod in users for name, _ in claims_of(pod)):
        return []
    return [_let_go(PERSISTENT_VOLUME_CLAIM, claim, CLAIM_FINALIZER)]


def plan_volume(cache: Cache, key: Key, _now_s: float) -> Writes:
    """Let a volume go that is to be deleted, when no claim has it."""
    volume = cache.get(PERSISTENT_VOLUME, key)
    if volume is None or not _waits(volume, VOLUME_FINALIZER):
        return []
    if (volume.get("status") or {}).get("phase") == "Bound":
        return []
    return [_let_go(PERSISTENT_VOLUME, volume, VOLUME_FINALIZER)]


def plan_pod(cache: Cache, key: Key, _now_s: float) -> Writes:
    """Make the claims of a pod's own (ephemeral) volumes."""
    pod = cache.get(POD, key)
    if pod is None or pod["metadata"].get("deletionTimestamp"):
        return []
    volumes = [each for each in pod["spec"].get("volumes") or () if "ephemeral" in each]
    return [write for volume in volumes for write in _own_claim(cache, pod, volume)]


def _own_claim(cache: Cache, pod: Object, volume: dict[str, Any]) -> Writes:
    meta, name = pod["metadata"], claim_of(pod, volume)
    present = cache.get(PERSISTENT_VOLUME_CLAIM, Key(meta["namespace"], name))
    if present is not None:
        owners = present["metadata"].get("ownerReferences") or ()
        if any(owner["uid"] == meta["uid"] for owner in owners):
            return []
        claim_key, pod_key = f"{meta['namespace']}/{name}", f"{meta['namespace']}/{meta['name']}"
        message = f'PVC "{claim_key}" was not created for pod "{pod_key}" (pod is not owner)'
        return [EmitEvent(pod, "Warning", "FailedBinding", message)]
    template = volume["ephemeral"]["volumeClaimTemplate"]
    given = template.get("metadata") or {}
    owner = {
        "apiVersion": "v1",
        "kind": "Pod",
        "name": meta["name"],
        "uid": meta["uid"],
        "controller": True,
        "blockOwnerDeletion": True,
    }
    metadata = {
        "name": name,
        "namespace": meta["namespace"],
        **{field: given[field] for field in ("labels", "annotations") if given.get(field)},
        "ownerReferences": [owner],
    }
    claim = {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": metadata,
        "spec": template["spec"],
    }
    return [Create(PERSISTENT_VOLUME_CLAIM, claim)]


def _waits(obj: Object, finalizer: str) -> bool:
    meta = obj["metadata"]
    return bool(meta.get("deletionTimestamp")) and finalizer in (meta.get("finalizers") or ())


def _let_go(kind: Kind, obj: Object, finalizer: str) -> Patch:
    meta = obj["metadata"]
    kept = [each for each in meta["finalizers"] if each != finalizer]
    return Patch(kind, key_of(obj), {"metadata": {"uid": meta["uid"], "finalizers": kept}})


def _of_pod(_cache: Cache, change: Change) -> Iterable[Key]:
    """Plan the claims of a pod that went."""
    if change.new is not None or change.old is None:
        return ()
    return [Key(change.key.namespace, name) for name, _ in claims_of(change.old)]


def _has_own(cache: Cache, change: Change) -> Iterable[Key]:
    del cache
    volumes = (change.new["spec"].get("volumes") or ()) if change.new is not None else ()
    return (change.key,) if any("ephemeral" in volume for volume in volumes) else ()


CLAIMS = Reconciler(
    name="pvc-protection-controller",
    plan=plan_claim,
    triggers={PERSISTENT_VOLUME_CLAIM: own_key, POD: _of_pod},
)
VOLUMES = Reconciler(name="pv-protection-controller", plan=plan_volume, triggers={PERSISTENT_VOLUME: own_key})
EPHEMERAL = Reconciler(name="ephemeral-volume-controller", plan=plan_pod, triggers={POD: _has_own})
