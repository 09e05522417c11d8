"""Say why a PersistentVolumeClaim stays Pending: nobody here makes volumes. Pure.

Source: kube-controller-manager ``pkg/controller/volume/persistentvolume`` (reasons and messages).
"""

from __future__ import annotations

from netemu.api.kinds import PERSISTENT_VOLUME_CLAIM
from netemu.controllers.reconciler import Reconciler, own_spec
from netemu.controllers.writes import EmitEvent, Writes
from netemu.informer.cache import Cache, Key


def plan(cache: Cache, key: Key, _now_s: float) -> Writes:
    """Decide what to tell about a claim."""
    claim = cache.get(PERSISTENT_VOLUME_CLAIM, key)
    if claim is None or claim["spec"].get("volumeName"):
        return []
    name = claim["spec"].get("storageClassName")
    if name:
        message = f'storageclass.storage.k8s.io "{name}" has no provisioner in this cluster'
        return [EmitEvent(claim, "Warning", "ProvisioningFailed", message)]
    message = "no persistent volumes available for this claim and no storage class is set"
    return [EmitEvent(claim, "Normal", "FailedBinding", message)]


RECONCILER = Reconciler(
    name="persistentvolume-controller", plan=plan, triggers={PERSISTENT_VOLUME_CLAIM: own_spec}
)
