"""Make volumes for claims of the local-path class: a directory of the node that the pod goes to. Pure.

Source: rancher/local-path-provisioner (which kind and k3s have) and sig-storage-lib-external-provisioner.
"""

from __future__ import annotations

from collections.abc import Iterable

from netemu.api.claims import (
    DIRECTORY,
    LOCAL_PROVISIONER,
    PROVISIONED_BY,
    SELECTED_NODE,
    class_of,
    is_bound,
    marks_of,
    reference,
)
from netemu.api.client import Object
from netemu.api.kinds import NODE, PERSISTENT_VOLUME, PERSISTENT_VOLUME_CLAIM, STORAGE_CLASS
from netemu.controllers.reconciler import Reconciler
from netemu.controllers.writes import Create, EmitEvent, Writes
from netemu.informer.cache import Cache, Change, Key, key_of

HOSTNAME = "kubernetes.io/hostname"
FAILED = 'failed to provision volume with StorageClass "{}": {}'
NO_NODE = "configuration error, no node was specified"
ONE_WRITER = "Only support ReadWriteOnce and ReadWriteOncePod access modes"


def plan(cache: Cache, key: Key, _now_s: float) -> Writes:
    """Decide whether a claim gets a new volume."""
    claim = cache.get(PERSISTENT_VOLUME_CLAIM, key)
    if claim is None or claim["metadata"].get("deletionTimestamp") or claim["spec"].get("volumeName"):
        return []
    storage_class = cache.get(STORAGE_CLASS, Key("", class_of(claim)))
    if storage_class is None or storage_class["provisioner"] != LOCAL_PROVISIONER:
        return []
    node = cache.get(NODE, Key("", marks_of(claim).get(SELECTED_NODE, "")))
    if node is None:
        immediate = storage_class.get("volumeBindingMode") != "WaitForFirstConsumer"
        return [_failed(claim, NO_NODE)] if immediate else []
    if set(claim["spec"]["accessModes"]) & {"ReadWriteMany", "ReadOnlyMany"}:
        return [_failed(claim, ONE_WRITER)]
    volume = volume_for(claim, storage_class, node)
    if cache.get(PERSISTENT_VOLUME, key_of(volume)) is not None:
        return []
    meta = claim["metadata"]
    begun = f'External provisioner is provisioning volume for claim "{meta["namespace"]}/{meta["name"]}"'
    name = volume["metadata"]["name"]
    return [
        EmitEvent(claim, "Normal", "Provisioning", begun),
        Create(PERSISTENT_VOLUME, volume),
        EmitEvent(claim, "Normal", "ProvisioningSucceeded", f"Successfully provisioned volume {name}"),
    ]


def volume_for(claim: Object, storage_class: Object, node: Object) -> Object:
    """Give the volume of a claim on a node."""
    meta, spec = claim["metadata"], claim["spec"]
    name = f"pvc-{meta['uid']}"
    hostname = (node["metadata"].get("labels") or {}).get(HOSTNAME, node["metadata"]["name"])
    here = {"key": HOSTNAME, "operator": "In", "values": [hostname]}
    made = {
        "capacity": {"storage": spec["resources"]["requests"]["storage"]},
        "accessModes": spec["accessModes"],
        "claimRef": reference(claim),
        "hostPath": {
            "path": f"{DIRECTORY}/{name}_{meta['namespace']}_{meta['name']}",
            "type": "DirectoryOrCreate",
        },
        "nodeAffinity": {"required": {"nodeSelectorTerms": [{"matchExpressions": [here]}]}},
        "persistentVolumeReclaimPolicy": storage_class.get("reclaimPolicy", "Delete"),
        "storageClassName": storage_class["metadata"]["name"],
        "volumeMode": spec.get("volumeMode", "Filesystem"),
    }
    marks = {PROVISIONED_BY: LOCAL_PROVISIONER, "local.path.provisioner/selected-node": hostname}
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolume",
        "metadata": {"name": name, "annotations": marks},
        "spec": made,
    }


def _failed(claim: Object, why: str) -> EmitEvent:
    return EmitEvent(claim, "Warning", "ProvisioningFailed", FAILED.format(class_of(claim), why))


def _claim_changed(_cache: Cache, change: Change) -> Iterable[Key]:
    return () if change.new is None or is_bound(change.new) else (change.key,)


RECONCILER = Reconciler(name=LOCAL_PROVISIONER, plan=plan, triggers={PERSISTENT_VOLUME_CLAIM: _claim_changed})
