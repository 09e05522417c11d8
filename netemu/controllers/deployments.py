"""The Deployment controller: ReplicaSets by template, and how one takes over from another. Pure.

Source: https://kubernetes.io/docs/concepts/workloads/controllers/deployment/ and
kube-controller-manager ``pkg/controller/deployment``.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

from netemu.api.client import Object
from netemu.api.kinds import DEPLOYMENT, POD, REPLICA_SET
from netemu.api.views.apps import Workload
from netemu.controllers import rollouts
from netemu.controllers.deployment_status import plan_status
from netemu.controllers.indexes import controlled_by, orphans
from netemu.controllers.ownership import claim, controller_of, controller_reference, keys_of_controllers
from netemu.controllers.pods import find_pods, hash_template, is_over
from netemu.controllers.reconciler import Reconciler, own_key
from netemu.controllers.rollouts import Size
from netemu.controllers.writes import Create, Delete, EmitEvent, Patch, Writes
from netemu.informer.cache import Cache, Change, Key, key_of

HASH_LABEL = "pod-template-hash"
REVISION = "deployment.kubernetes.io/revision"
NOT_COPIED = (REVISION, "kubectl.kubernetes.io/last-applied-configuration")


@dataclass(frozen=True, slots=True)
class ReplicaSet:
    """A ReplicaSet of a Deployment: the object, and its view."""

    obj: Object
    view: Workload

    @property
    def name(self) -> str:
        """Its name."""
        return self.view.metadata.name

    @property
    def revision(self) -> int:
        """Which rollout it was made for; 0 if it does not say."""
        return int(self.view.metadata.annotations.get(REVISION, 0))

    @property
    def size(self) -> Size:
        """Its pods, in numbers."""
        replicas, status = self.view.spec.replicas, self.view.status
        available = min(replicas, status.available_replicas)
        return Size(self.name, replicas, available, max(replicas, status.replicas))


def plan(cache: Cache, key: Key, now_s: float) -> Writes:
    """Decide the ReplicaSets of a Deployment, how many pods each has now, and the status."""
    obj = cache.get(DEPLOYMENT, key)
    deployment = cache.find(DEPLOYMENT, key, Workload)
    if obj is None or deployment is None or deployment.metadata.deletion_timestamp:
        return []
    adoptions, sets = _claim(cache, obj, deployment)
    template_hash = hash_template(deployment.spec.template)
    new = next((rs for rs in sets if rs.view.metadata.labels.get(HASH_LABEL) == template_hash), None)
    old = [rs for rs in sets if rs is not new]
    if deployment.spec.paused:
        rollout = _scale_paused(obj, deployment, sets)
    else:
        rollout = _roll_out(cache, obj, deployment, template_hash, new, old)
    status = plan_status(
        obj,
        deployment,
        new.view if new else None,
        [rs.view for rs in old],
        new_name=_name(deployment, template_hash),
        created=any(isinstance(write, Create) for write in rollout),
        now_s=now_s,
    )
    return [*adoptions, *rollout, *status]


def _claim(cache: Cache, obj: Object, deployment: Workload) -> tuple[Writes, list[ReplicaSet]]:
    claimed = claim(
        cache,
        DEPLOYMENT,
        obj,
        deployment.spec.selector,
        kind=REPLICA_SET,
        owned=controlled_by(cache, REPLICA_SET, deployment.metadata.uid),
        orphaned=orphans(cache, REPLICA_SET, deployment.metadata.namespace, deployment.spec.selector),
    )
    sets = []
    for key in claimed.keys:
        raw, typed = cache.get(REPLICA_SET, key), cache.find(REPLICA_SET, key, Workload)
        if raw is not None and typed is not None and not typed.metadata.deletion_timestamp:
            sets.append(ReplicaSet(raw, typed))
    return claimed.writes, sorted(sets, key=lambda rs: (rs.view.metadata.creation_timestamp or "", rs.name))


def _roll_out(
    cache: Cache,
    obj: Object,
    deployment: Workload,
    template_hash: str,
    new: ReplicaSet | None,
    old: list[ReplicaSet],
) -> Writes:
    """Take one step: the new ReplicaSet first, the old ones when it needs nothing."""
    revision = max((rs.revision for rs in old), default=0) + 1
    if new is not None and new.revision > revision:
        revision = new.revision
    size = new.size if new else Size(_name(deployment, template_hash), 0, 0, 0)
    wanted, shrunk = _sizes(cache, deployment, size, old)
    writes = _annotate(obj, new, revision)
    if new is None and wanted is not None:
        writes += _create(obj, deployment, template_hash, wanted, revision)
    elif new is not None and wanted is not None and wanted != size.replicas:
        writes += _resize(obj, new, wanted)
    else:
        changed = [(rs, s) for rs, s in zip(old, shrunk, strict=True) if s.replicas != rs.view.spec.replicas]
        writes += [write for rs, s in changed for write in _resize(obj, rs, s.replicas)]
        writes += _forget_oldest(deployment, old) if new is not None else []
    return writes


def _sizes(
    cache: Cache, deployment: Workload, new: Size, old: list[ReplicaSet]
) -> tuple[int | None, list[Size]]:
    """Decide the sizes of the new ReplicaSet (``None``: not yet) and of the old ones."""
    sizes = [rs.size for rs in old]
    if deployment.spec.strategy.type == "Recreate":
        stopped = [replace(size, replicas=0) for size in sizes]
        return (None if _any_pod(cache, old) else deployment.spec.replicas), stopped
    limit = rollouts.bounds(deployment.spec.replicas, deployment.spec.strategy.rolling_update)
    return rollouts.new_size(new, sizes, limit), rollouts.old_sizes(new, sizes, limit)


def _any_pod(cache: Cache, old: list[ReplicaSet]) -> bool:
    keys = (key for rs in old for key in controlled_by(cache, POD, rs.view.metadata.uid))
    return any(rs.size.replicas for rs in old) or not all(is_over(pod) for pod in find_pods(cache, keys))


def _create(obj: Object, deployment: Workload, template_hash: str, replicas: int, revision: int) -> Writes:
    template = deployment.spec.template
    meta = template.get("metadata") or {}
    labels = {**(meta.get("labels") or {}), HASH_LABEL: template_hash}
    selector = obj["spec"]["selector"]
    name = _name(deployment, template_hash)
    kept = {k: v for k, v in deployment.metadata.annotations.items() if k not in NOT_COPIED}
    replica_set = {
        "apiVersion": "apps/v1",
        "kind": "ReplicaSet",
        "metadata": {
            "name": name,
            "namespace": deployment.metadata.namespace,
            "labels": labels,
            "annotations": {**kept, REVISION: str(revision)},
            "ownerReferences": [controller_reference(DEPLOYMENT, obj)],
        },
        "spec": {
            "replicas": replicas,
            "minReadySeconds": deployment.spec.min_ready_seconds,
            "selector": {
                **selector,
                "matchLabels": {**(selector.get("matchLabels") or {}), HASH_LABEL: template_hash},
            },
            "template": {**template, "metadata": {**meta, "labels": labels}},
        },
    }
    return [Create(REPLICA_SET, replica_set), _scaled(obj, name, 0, replicas)]


def _annotate(obj: Object, new: ReplicaSet | None, revision: int) -> Writes:
    """Keep the revision on the Deployment and on its new ReplicaSet, as kubectl rollout reads it."""
    patch = {"metadata": {"annotations": {REVISION: str(revision)}}}
    writes: Writes = []
    if new is not None and new.revision != revision:
        writes.append(Patch(REPLICA_SET, key_of(new.obj), patch))
    if (obj["metadata"].get("annotations") or {}).get(REVISION) != str(revision):
        writes.append(Patch(DEPLOYMENT, key_of(obj), patch))
    return writes


def _scale_paused(obj: Object, deployment: Workload, sets: list[ReplicaSet]) -> Writes:
    """Scale a paused Deployment only while no rollout is half done."""
    active = [rs for rs in sets if rs.view.spec.replicas]
    if len(active) != 1 or active[0].view.spec.replicas == deployment.spec.replicas:
        return []
    return _resize(obj, active[0], deployment.spec.replicas)


def _resize(obj: Object, rs: ReplicaSet, replicas: int) -> Writes:
    scaled = _scaled(obj, rs.name, rs.view.spec.replicas, replicas)
    return [Patch(REPLICA_SET, key_of(rs.obj), {"spec": {"replicas": replicas}}), scaled]


def _scaled(obj: Object, name: str, before: int, after: int) -> EmitEvent:
    way = "up" if after >= before else "down"
    message = f"Scaled {way} replica set {name} from {before} to {after}"
    return EmitEvent(obj, "Normal", "ScalingReplicaSet", message)


def _forget_oldest(deployment: Workload, old: list[ReplicaSet]) -> Writes:
    empty = [rs for rs in old if rs.view.spec.replicas == 0 and rs.view.status.replicas == 0]
    surplus = max(0, len(empty) - deployment.spec.revision_history_limit)
    oldest = sorted(empty, key=lambda rs: rs.revision)[:surplus]
    return [Delete(REPLICA_SET, key_of(rs.obj), rs.view.metadata.uid) for rs in oldest]


def _name(deployment: Workload, template_hash: str) -> str:
    return f"{deployment.metadata.name}-{template_hash}"


def _replica_set_changed(cache: Cache, change: Change) -> Iterable[Key]:
    owners = keys_of_controllers(change, DEPLOYMENT)
    if change.new is not None and controller_of(change.new) is None:
        return cache.keys(DEPLOYMENT, change.key.namespace)
    return owners


def _pod_gone(cache: Cache, change: Change) -> Iterable[Key]:
    """A Recreate rollout goes on when the last old pod is gone."""
    if change.new is not None:
        return ()
    keys = (key for key in keys_of_controllers(change, REPLICA_SET))
    sets = (cache.get(REPLICA_SET, key) for key in keys)
    owners = (controller_of(rs) for rs in sets if rs is not None)
    return [Key(change.key.namespace, ref["name"]) for ref in owners if ref is not None and _is_ours(ref)]


def _is_ours(ref: dict[str, Any]) -> bool:
    return bool(ref["kind"] == DEPLOYMENT.kind)


RECONCILER = Reconciler(
    name="deployment-controller",
    plan=plan,
    triggers={DEPLOYMENT: own_key, REPLICA_SET: _replica_set_changed, POD: _pod_gone},
)
