"""Views of ``apps/v1`` kinds. Pod templates stay raw: they are copied, not read."""

from __future__ import annotations

from typing import Any, Literal

from msgspec import Struct, field

from netemu.api.views.meta import LabelSelector, ObjectMeta


class RollingUpdate(Struct, frozen=True, kw_only=True, rename="camel"):
    """How far a rolling update may go at once; numbers or percentages."""

    max_surge: int | str | None = None
    max_unavailable: int | str | None = None
    partition: int | None = None


class UpdateStrategy(Struct, frozen=True, kw_only=True, rename="camel"):
    """How pods are replaced when the template changes."""

    type: Literal["RollingUpdate", "Recreate", "OnDelete"] = "RollingUpdate"
    rolling_update: RollingUpdate | None = None


class Ordinals(Struct, frozen=True, kw_only=True):
    """Where a StatefulSet's numbers start."""

    start: int = 0


class ClaimRetention(Struct, frozen=True, kw_only=True, rename="camel"):
    """What becomes of a StatefulSet's claims when it, or the pod of a claim, is no longer wanted."""

    when_deleted: Literal["Retain", "Delete"] = "Retain"
    when_scaled: Literal["Retain", "Delete"] = "Retain"


class WorkloadSpec(Struct, frozen=True, kw_only=True, rename="camel"):
    """The fields that Deployment, ReplicaSet, DaemonSet and StatefulSet share, or own alone."""

    selector: LabelSelector = LabelSelector()
    template: dict[str, Any] = field(default_factory=dict)
    replicas: int = 1
    strategy: UpdateStrategy = UpdateStrategy()
    update_strategy: UpdateStrategy = UpdateStrategy()
    min_ready_seconds: int = 0
    revision_history_limit: int = 10
    progress_deadline_seconds: int = 600
    paused: bool = False
    service_name: str = ""
    pod_management_policy: Literal["OrderedReady", "Parallel"] = "OrderedReady"
    ordinals: Ordinals = Ordinals()
    volume_claim_templates: tuple[dict[str, Any], ...] = ()
    persistent_volume_claim_retention_policy: ClaimRetention = ClaimRetention()


class WorkloadStatus(Struct, frozen=True, kw_only=True, rename="camel"):
    """The counters of a workload's status."""

    observed_generation: int = 0
    replicas: int = 0
    ready_replicas: int = 0
    available_replicas: int = 0
    updated_replicas: int = 0
    current_replicas: int = 0
    terminating_replicas: int = 0
    collision_count: int = 0
    current_revision: str = ""
    update_revision: str = ""
    conditions: tuple[dict[str, Any], ...] = ()


class Workload(Struct, frozen=True, kw_only=True):
    """apps/v1 Deployment, ReplicaSet, DaemonSet or StatefulSet."""

    metadata: ObjectMeta
    spec: WorkloadSpec
    status: WorkloadStatus = WorkloadStatus()


class ReplicationControllerSpec(Struct, frozen=True, kw_only=True, rename="camel"):
    """What a ReplicationController asks for; its selector is bare labels."""

    selector: dict[str, str] = field(default_factory=dict)
    template: dict[str, Any] = field(default_factory=dict)
    replicas: int = 1
    min_ready_seconds: int = 0


class ReplicationController(Struct, frozen=True, kw_only=True):
    """core/v1 ReplicationController."""

    metadata: ObjectMeta
    spec: ReplicationControllerSpec
    status: WorkloadStatus = WorkloadStatus()


class ControllerRevision(Struct, frozen=True, kw_only=True):
    """apps/v1 ControllerRevision: what a StatefulSet or DaemonSet was asked for once."""

    metadata: ObjectMeta
    data: dict[str, Any] = field(default_factory=dict)
    revision: int = 0
