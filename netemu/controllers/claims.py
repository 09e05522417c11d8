"""Bind PersistentVolumeClaims to volumes, or say why they wait. Pure.

Source: kube-controller-manager ``pkg/controller/volume/persistentvolume`` (phases, reasons and messages).
"""

from __future__ import annotations

from collections.abc import Iterable

from netemu.api.claims import (
    BOUND,
    BY_CONTROLLER,
    NO_PROVISIONER,
    OLD_STORAGE_PROVISIONER,
    SELECTED_NODE,
    STORAGE_PROVISIONER,
    class_of,
    find_match,
    find_mismatch,
    find_reserved,
    is_bound,
    is_reserved,
    marks_of,
    reference,
    waits_for_consumer,
)
from netemu.api.client import Object
from netemu.api.kinds import PERSISTENT_VOLUME, PERSISTENT_VOLUME_CLAIM, STORAGE_CLASS
from netemu.controllers.reconciler import Reconciler
from netemu.controllers.writes import EmitEvent, Patch, Update, Writes, write_status
from netemu.informer.cache import Cache, Change, Key, key_of

NOTHING = "no persistent volumes available for this claim and no storage class is set"
CONSUMER = "waiting for first consumer to be created before binding"
LOST = "Bound claim has lost its PersistentVolume. Data on the volume is lost!"
LOST_REFERENCE = "Bound claim has lost reference to PersistentVolume. Data on the volume is lost!"
MISBOUND = "Two claims are bound to the same volume, this one is bound incorrectly"
EXTERNAL = (
    "Waiting for a volume to be created either by the external provisioner '{}' or manually by the system"
    " administrator. If volume creation is delayed, please verify that the provisioner is running and"
    " correctly registered."
)


def plan(cache: Cache, key: Key, _now_s: float) -> Writes:
    """Decide what becomes of a claim."""
    claim = cache.get(PERSISTENT_VOLUME_CLAIM, key)
    if claim is None or claim["metadata"].get("deletionTimestamp"):
        return []
    name = claim["spec"].get("volumeName", "")
    volume = cache.get(PERSISTENT_VOLUME, Key("", name)) if name else None
    if BOUND in marks_of(claim):
        return _keep(claim, volume)
    if not name:
        return _choose(cache, claim)
    if volume is None:
        return _pending(claim)
    return _take_named(claim, volume)


def _keep(claim: Object, volume: Object | None) -> Writes:
    """Look after a claim that had a volume."""
    if volume is None:
        named = bool(claim["spec"].get("volumeName"))
        return _lost(claim, "ClaimLost", LOST if named else LOST_REFERENCE)
    ref = volume["spec"].get("claimRef") or {}
    if ref and ref.get("uid") != claim["metadata"]["uid"]:
        return _lost(claim, "ClaimMisbound", MISBOUND)
    return _bind(claim, volume)


def _choose(cache: Cache, claim: Object) -> Writes:
    """Find a volume for a claim that names none, or say what it waits for."""
    volumes = cache.list(PERSISTENT_VOLUME)
    name = class_of(claim)
    storage_class = cache.get(STORAGE_CLASS, Key("", name)) if name else None
    waits = waits_for_consumer(storage_class) and not marks_of(claim).get(SELECTED_NODE)
    volume = find_reserved(volumes, claim)
    if volume is None and not waits_for_consumer(storage_class):
        volume = find_match(volumes, claim)
    if volume is not None:
        return _bind(claim, volume)
    if waits:
        return [*_pending(claim), EmitEvent(claim, "Normal", "WaitForFirstConsumer", CONSUMER)]
    if not name:
        return [*_pending(claim), EmitEvent(claim, "Normal", "FailedBinding", NOTHING)]
    return [*_pending(claim), *_provisioning(claim, name, storage_class)]


def _provisioning(claim: Object, name: str, storage_class: Object | None) -> Writes:
    if storage_class is None:
        message = f'storageclass.storage.k8s.io "{name}" not found'
        return [EmitEvent(claim, "Warning", "ProvisioningFailed", message)]
    provisioner = storage_class["provisioner"]
    if provisioner == NO_PROVISIONER:
        return [EmitEvent(claim, "Normal", "FailedBinding", NOTHING)]
    waiting = EmitEvent(claim, "Normal", "ExternalProvisioning", EXTERNAL.format(provisioner))
    if marks_of(claim).get(STORAGE_PROVISIONER) == provisioner:
        return [waiting]
    marks = {STORAGE_PROVISIONER: provisioner, OLD_STORAGE_PROVISIONER: provisioner}
    patch = {"metadata": {"uid": claim["metadata"]["uid"], "annotations": marks}}
    return [waiting, Patch(PERSISTENT_VOLUME_CLAIM, key_of(claim), patch)]


def _take_named(claim: Object, volume: Object) -> Writes:
    """Give a claim the volume that it names, if nobody has that."""
    name = volume["metadata"]["name"]
    if is_reserved(volume, claim):
        return _bind(claim, volume)
    if volume["spec"].get("claimRef"):
        message = f'volume "{name}" already bound to a different claim.'
        return [*_pending(claim), EmitEvent(claim, "Warning", "FailedBinding", message)]
    mismatch = find_mismatch(volume, claim)
    if mismatch:
        message = f'Cannot bind to requested volume "{name}": {mismatch}'
        return [*_pending(claim), EmitEvent(claim, "Warning", "VolumeMismatch", message)]
    return _bind(claim, volume)


def _bind(claim: Object, volume: Object) -> Writes:
    """Tie both together: first the volume, whose reservation holds whatever comes next."""
    return [*_reserve(claim, volume), *_point(claim, volume)]


def _reserve(claim: Object, volume: Object) -> Writes:
    """Write the claim into its volume; refused if anybody else changed that meanwhile."""
    meta = claim["metadata"]
    before = volume["spec"].get("claimRef") or {}
    if before.get("uid") == meta["uid"]:
        return []
    marks = dict(marks_of(volume)) if before else {**marks_of(volume), BY_CONTROLLER: "yes"}
    reserved = {
        **volume,
        "metadata": {**volume["metadata"], "annotations": marks},
        "spec": {**volume["spec"], "claimRef": reference(claim)},
    }
    return [Update(PERSISTENT_VOLUME, reserved)]


def _point(claim: Object, volume: Object) -> Writes:
    writes: Writes = []
    if not is_bound(claim):
        marks = {BOUND: "yes"}
        if not claim["spec"].get("volumeName"):
            marks[BY_CONTROLLER] = "yes"
        patch = {
            "metadata": {"uid": claim["metadata"]["uid"], "annotations": marks},
            "spec": {"volumeName": volume["metadata"]["name"]},
        }
        writes.append(Patch(PERSISTENT_VOLUME_CLAIM, key_of(claim), patch))
    if (volume.get("status") or {}).get("phase") != "Bound":
        return writes  # a volume is protected before its claim may be used
    spec = volume["spec"]
    status = {
        **(claim.get("status") or {}),
        "phase": "Bound",
        "accessModes": spec["accessModes"],
        "capacity": spec["capacity"],
    }
    return [*writes, *write_status(PERSISTENT_VOLUME_CLAIM, claim, status)]


def _pending(claim: Object) -> Writes:
    return write_status(PERSISTENT_VOLUME_CLAIM, claim, {"phase": "Pending"})


def _lost(claim: Object, reason: str, message: str) -> Writes:
    if (claim.get("status") or {}).get("phase") == "Lost":
        return []
    status = write_status(PERSISTENT_VOLUME_CLAIM, claim, {"phase": "Lost"})
    return [*status, EmitEvent(claim, "Warning", reason, message)]


def _claim_changed(_cache: Cache, change: Change) -> Iterable[Key]:
    if change.new is None:
        return ()
    is_same = change.old is not None and all(
        change.old.get(part) == change.new.get(part) for part in ("spec", "status")
    )
    return () if is_same and marks_of(change.old or {}) == marks_of(change.new) else (change.key,)


def _volume_changed(cache: Cache, change: Change) -> Iterable[Key]:
    """Plan the claims that have a volume, name it, or may want it."""
    name = change.key.name
    refs = [(obj["spec"].get("claimRef") or {}) for obj in (change.old, change.new) if obj is not None]
    concerned = {Key(ref.get("namespace", ""), ref.get("name", "")) for ref in refs if ref}
    for claim in cache.list(PERSISTENT_VOLUME_CLAIM):
        if claim["spec"].get("volumeName", name) == name and not is_bound(claim):
            concerned.add(key_of(claim))
    return sorted(concerned)


def _class_changed(cache: Cache, change: Change) -> Iterable[Key]:
    waiting = (each for each in cache.list(PERSISTENT_VOLUME_CLAIM) if not is_bound(each))
    return [key_of(claim) for claim in waiting if class_of(claim) == change.key.name]


RECONCILER = Reconciler(
    name="persistentvolume-controller",
    plan=plan,
    triggers={
        PERSISTENT_VOLUME_CLAIM: _claim_changed,
        PERSISTENT_VOLUME: _volume_changed,
        STORAGE_CLASS: _class_changed,
    },
)
