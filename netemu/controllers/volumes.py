"""The phases of PersistentVolumes: who is free, who is bound, and what becomes of what is released. Pure.

Source: kube-controller-manager ``pkg/controller/volume/persistentvolume`` (``syncVolume``).
"""

from __future__ import annotations

from collections.abc import Iterable

from netemu.api.claims import BY_CONTROLLER, PROVISIONED_BY, marks_of
from netemu.api.client import Object
from netemu.api.kinds import PERSISTENT_VOLUME, PERSISTENT_VOLUME_CLAIM
from netemu.clock import format_rfc3339
from netemu.controllers.reconciler import Reconciler, own_key
from netemu.controllers.writes import Delete, EmitEvent, Update, Writes, write_status
from netemu.informer.cache import Cache, Change, Key, key_of

NO_RECYCLER = "No recycler plugin found for the volume!"
NO_DELETER = 'error getting deleter volume plugin for volume "{}": no deletable volume plugin matched'
ONLY_TMP = "host_path deleter only supports /tmp/.+ but received provided {}"


def plan(cache: Cache, key: Key, now_s: float) -> Writes:
    """Decide a volume's phase, and whether it goes."""
    volume = cache.get(PERSISTENT_VOLUME, key)
    if volume is None:
        return []
    is_going = bool(volume["metadata"].get("deletionTimestamp"))
    ref = volume["spec"].get("claimRef") or {}
    if not ref.get("uid"):
        return [] if is_going else _become(volume, "Available", now_s)
    claim = cache.get(PERSISTENT_VOLUME_CLAIM, Key(ref.get("namespace", ""), ref.get("name", "")))
    if claim is None or claim["metadata"]["uid"] != ref["uid"]:
        # One that is to go has waited for this: its protection ends.
        return _become(volume, "Released", now_s) if is_going else _reclaim(volume, now_s)
    if is_going:
        return []
    named = claim["spec"].get("volumeName", "")
    if named == key.name:
        return _become(volume, "Bound", now_s)
    if not named:
        return []  # the claim's own plan ties them
    if PROVISIONED_BY in marks_of(volume) and _policy(volume) == "Delete":
        return _reclaim(volume, now_s)
    return _unbind(volume, now_s)


def _become(volume: Object, phase: str, now_s: float, message: str = "", reason: str = "") -> Writes:
    before = volume.get("status") or {}
    if before.get("phase") == phase and before.get("message", "") == message:
        return []
    said = {"message": message, "reason": reason} if message else {}
    status = {"phase": phase, "lastPhaseTransitionTime": format_rfc3339(now_s), **said}
    return write_status(PERSISTENT_VOLUME, volume, status)


def _reclaim(volume: Object, now_s: float) -> Writes:
    """Do with a volume whose claim is gone what its policy says."""
    before = (volume.get("status") or {}).get("phase")
    released = [] if before == "Failed" else _become(volume, "Released", now_s)
    match _policy(volume):
        case "Delete":
            return [*released, *_delete(volume, now_s)]
        case "Recycle":
            return _fail(volume, "VolumeFailedRecycle", NO_RECYCLER, now_s)
    return released


def _delete(volume: Object, now_s: float) -> Writes:
    """Delete a volume, if nobody outside has to: the provisioner of its own, or the node that has it."""
    meta, spec = volume["metadata"], volume["spec"]
    provisioner = marks_of(volume).get(PROVISIONED_BY, "")
    if "/" in provisioner:
        return []
    path = (spec.get("hostPath") or {}).get("path")
    if path is None:
        return _fail(volume, "VolumeFailedDelete", NO_DELETER.format(meta["name"]), now_s)
    if not path.startswith("/tmp/"):
        return _fail(volume, "VolumeFailedDelete", ONLY_TMP.format(path), now_s)
    return [Delete(PERSISTENT_VOLUME, key_of(volume), meta["uid"])]


def _fail(volume: Object, reason: str, message: str, now_s: float) -> Writes:
    status = _become(volume, "Failed", now_s, message, reason)
    return [*status, EmitEvent(volume, "Warning", reason, message)] if status else []


def _unbind(volume: Object, now_s: float) -> Writes:
    """Let go of a claim that found another volume; one that people reserved stays reserved."""
    spec, marks = dict(volume["spec"]), dict(marks_of(volume))
    if marks.pop(BY_CONTROLLER, None) is not None:
        del spec["claimRef"]
    else:
        gone = ("uid", "resourceVersion")
        spec["claimRef"] = {key: value for key, value in spec["claimRef"].items() if key not in gone}
    freed = {**volume, "metadata": {**volume["metadata"], "annotations": marks}, "spec": spec}
    return [Update(PERSISTENT_VOLUME, freed), *_become(volume, "Available", now_s)]


def _policy(volume: Object) -> str:
    return str(volume["spec"].get("persistentVolumeReclaimPolicy") or "Retain")


def _claim_changed(cache: Cache, change: Change) -> Iterable[Key]:
    """Plan the volumes that a claim has, had, or is named by."""
    objs = [obj for obj in (change.old, change.new) if obj is not None]
    named = {Key("", obj["spec"]["volumeName"]) for obj in objs if obj["spec"].get("volumeName")}
    for volume in cache.list(PERSISTENT_VOLUME):
        ref = volume["spec"].get("claimRef") or {}
        if (ref.get("namespace"), ref.get("name")) == change.key:
            named.add(key_of(volume))
    return sorted(named)


RECONCILER = Reconciler(
    name="persistentvolume-controller",
    plan=plan,
    triggers={PERSISTENT_VOLUME: own_key, PERSISTENT_VOLUME_CLAIM: _claim_changed},
)
