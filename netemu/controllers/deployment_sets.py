"""The ReplicaSets of a Deployment: which is its newest, and how one is made, told and resized. Pure.

Source: kube-controller-manager ``pkg/controller/deployment/util``.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from msgspec import Struct

from netemu.api.client import Object
from netemu.api.kinds import DEPLOYMENT, REPLICA_SET
from netemu.api.views.apps import Workload
from netemu.controllers.ownership import controller_reference
from netemu.controllers.rollouts import Size, most_surge
from netemu.controllers.writes import Create, EmitEvent, Patch, Writes
from netemu.informer.cache import key_of

HASH_LABEL = "pod-template-hash"
REVISION = "deployment.kubernetes.io/revision"
REVISION_HISTORY = "deployment.kubernetes.io/revision-history"
DESIRED_REPLICAS = "deployment.kubernetes.io/desired-replicas"
MAX_REPLICAS = "deployment.kubernetes.io/max-replicas"
NOT_COPIED = frozenset(
    {
        "kubectl.kubernetes.io/last-applied-configuration",
        REVISION,
        REVISION_HISTORY,
        DESIRED_REPLICAS,
        MAX_REPLICAS,
        "deprecated.deployment.rollback.to",
    }
)
HISTORY_CHARACTERS = 2000


class ReplicaSet(Struct, frozen=True):
    """A ReplicaSet of a Deployment: the object, and its view."""

    obj: Object
    view: Workload

    @property
    def name(self) -> str:
        """Its name."""
        return self.view.metadata.name

    @property
    def replicas(self) -> int:
        """How many pods it should have."""
        return self.view.spec.replicas

    @property
    def revision(self) -> int:
        """Which rollout it was made for last; 0 if it does not say."""
        return self._number(REVISION) or 0

    @property
    def desired(self) -> int | None:
        """How many pods its Deployment wanted when it was resized last."""
        return self._number(DESIRED_REPLICAS)

    @property
    def size(self) -> Size:
        """Its pods, in numbers."""
        status = self.view.status
        available = min(self.replicas, status.available_replicas)
        pods = max(self.replicas, status.replicas)
        return Size(self.name, self.replicas, available, pods, self._number(MAX_REPLICAS) or 0)

    def _number(self, annotation: str) -> int | None:
        text = self.view.metadata.annotations.get(annotation, "")
        return int(text) if text.isdigit() else None


def pruned(template: Any) -> Any:
    """Leave out what a client may or may not write: fields that are null or empty."""
    if isinstance(template, dict):
        kept = {field: pruned(value) for field, value in template.items()}
        return {field: value for field, value in kept.items() if value not in (None, {}, [])}
    return [pruned(item) for item in template] if isinstance(template, list) else template


def find_new(sets: Iterable[ReplicaSet], template: Any, template_hash: str) -> ReplicaSet | None:
    """Find the oldest ReplicaSet that makes the pods of a template (as ``pruned`` gives it)."""
    sets = list(sets)
    named = [rs for rs in sets if rs.view.metadata.labels.get(HASH_LABEL) == template_hash]
    others = (rs for rs in sets if rs not in named)
    return next((rs for rs in (*named, *others) if _template_of(rs) == template), None)


def create(obj: Object, deployment: Workload, template_hash: str, replicas: int, revision: int) -> Writes:
    """Make the ReplicaSet of a new template."""
    template = deployment.spec.template
    meta = template.get("metadata") or {}
    labels = {**(meta.get("labels") or {}), HASH_LABEL: template_hash}
    selector = obj["spec"]["selector"]
    name = name_of(deployment, template_hash)
    annotations = {**_copied(deployment), **_wanted(deployment), REVISION: str(revision)}
    replica_set = {
        "apiVersion": "apps/v1",
        "kind": "ReplicaSet",
        "metadata": {
            "name": name,
            "namespace": deployment.metadata.namespace,
            "labels": labels,
            "annotations": annotations,
            "ownerReferences": [controller_reference(DEPLOYMENT, obj)],
        },
        "spec": {
            "replicas": replicas,
            **({"minReadySeconds": ready} if (ready := deployment.spec.min_ready_seconds) else {}),
            "selector": {
                **selector,
                "matchLabels": {**(selector.get("matchLabels") or {}), HASH_LABEL: template_hash},
            },
            "template": {**template, "metadata": {**meta, "labels": labels}},
        },
    }
    told = [scaled(obj, name, 0, replicas)] if replicas else []
    return [Create(REPLICA_SET, replica_set), *told]


def annotate(obj: Object, deployment: Workload, new: ReplicaSet, old: Iterable[ReplicaSet]) -> Writes:
    """Keep the newest ReplicaSet's annotations, and the revision on both, as kubectl rollout reads them."""
    revision = max(next_revision(old), new.revision)
    present = new.view.metadata.annotations
    wanted = {**_copied(deployment), REVISION: str(revision)}
    if 0 < new.revision < revision:
        wanted[REVISION_HISTORY] = _with_former(present.get(REVISION_HISTORY, ""), new.revision)
    patch: dict[str, Any] = {}
    if any(present.get(name) != value for name, value in wanted.items()):
        patch["metadata"] = {"annotations": wanted}
    if new.view.spec.min_ready_seconds != deployment.spec.min_ready_seconds:
        patch["spec"] = {"minReadySeconds": deployment.spec.min_ready_seconds or None}
    writes: Writes = [Patch(REPLICA_SET, key_of(new.obj), patch)] if patch else []
    return [*writes, *set_revision(obj, revision)]


def set_revision(obj: Object, revision: int) -> Writes:
    """Keep the revision on the Deployment."""
    if (obj["metadata"].get("annotations") or {}).get(REVISION) == str(revision):
        return []
    return [Patch(DEPLOYMENT, key_of(obj), {"metadata": {"annotations": {REVISION: str(revision)}}})]


def next_revision(old: Iterable[ReplicaSet]) -> int:
    """Give the revision of a rollout that comes after all of ``old``."""
    return max((rs.revision for rs in old), default=0) + 1


def resize(obj: Object, deployment: Workload, rs: ReplicaSet, replicas: int) -> Writes:
    """Give a ReplicaSet a number of pods, and note what its share was part of."""
    wanted = _wanted(deployment)
    noted = all(rs.view.metadata.annotations.get(name) == value for name, value in wanted.items())
    if replicas == rs.replicas:
        return [] if noted else [Patch(REPLICA_SET, key_of(rs.obj), {"metadata": {"annotations": wanted}})]
    patch = {"metadata": {"annotations": wanted}, "spec": {"replicas": replicas}}
    return [Patch(REPLICA_SET, key_of(rs.obj), patch), scaled(obj, rs.name, rs.replicas, replicas)]


def scaled(obj: Object, name: str, before: int, after: int) -> EmitEvent:
    """Tell how a ReplicaSet is resized."""
    way = "up" if after >= before else "down"
    message = f"Scaled {way} replica set {name} from {before} to {after}"
    return EmitEvent(obj, "Normal", "ScalingReplicaSet", message)


def name_of(deployment: Workload, template_hash: str) -> str:
    """Name the ReplicaSet of a template."""
    return f"{deployment.metadata.name}-{template_hash}"


def _template_of(rs: ReplicaSet) -> Any:
    template = rs.view.spec.template
    meta = template.get("metadata") or {}
    labels = {label: value for label, value in (meta.get("labels") or {}).items() if label != HASH_LABEL}
    return pruned({**template, "metadata": {**meta, "labels": labels}})


def _copied(deployment: Workload) -> dict[str, str]:
    return {k: v for k, v in deployment.metadata.annotations.items() if k not in NOT_COPIED}


def _wanted(deployment: Workload) -> dict[str, str]:
    replicas = deployment.spec.replicas
    return {DESIRED_REPLICAS: str(replicas), MAX_REPLICAS: str(replicas + most_surge(deployment.spec))}


def _with_former(history: str, revision: int) -> str:
    """Add a revision to those that a ReplicaSet had before; forget the oldest when there are too many."""
    revisions = [*(history.split(",") if history else []), str(revision)]
    while len(",".join(revisions)) > HISTORY_CHARACTERS:
        del revisions[0]
    return ",".join(revisions)
