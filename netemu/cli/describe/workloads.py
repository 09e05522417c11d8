"""Deployments, ReplicaSets, ReplicationControllers, StatefulSets and DaemonSets."""

from __future__ import annotations

from collections.abc import Sequence

from netemu.api.kinds import DAEMON_SET, DEPLOYMENT, REPLICATION_CONTROLLER, Kind
from netemu.cli.describe.head import Object, render_selector, write_controller, write_labels, write_name
from netemu.cli.describe.sheet import Sheet, render_time
from netemu.cli.describe.template import write_template

_REVISION = "deployment.kubernetes.io/revision"


def write_workload(sheet: Sheet, kind: Kind, obj: Object, replica_sets: Sequence[Object]) -> None:
    """Write everything about a workload but its events; ``replica_sets`` matter to Deployments."""
    write_name(sheet, obj)
    sheet.write(0, "CreationTimestamp:", render_time(obj["metadata"].get("creationTimestamp")))
    write_labels(sheet, obj)
    selector = obj["spec"].get("selector") or {}
    if kind is REPLICATION_CONTROLLER:
        selector = {"matchLabels": selector}
    sheet.write(0, "Selector:", render_selector(selector))
    write_controller(sheet, obj)
    _write_counts(sheet, kind, obj)
    write_template(sheet, obj["spec"]["template"])
    conditions = (obj.get("status") or {}).get("conditions") or ()
    if conditions:
        sheet.write(0, "Conditions:")
        sheet.table(
            1,
            ("Type", "Status", "Reason"),
            [(c["type"], c["status"], c.get("reason", "")) for c in conditions],
        )
    if kind is DEPLOYMENT:
        _write_replica_sets(sheet, obj, replica_sets)


def _write_counts(sheet: Sheet, kind: Kind, obj: Object) -> None:
    spec, status = obj["spec"], obj.get("status") or {}
    if kind is DAEMON_SET:
        for title, key in (
            ("Desired Number of Nodes Scheduled:", "desiredNumberScheduled"),
            ("Current Number of Nodes Scheduled:", "currentNumberScheduled"),
            ("Number of Nodes Misscheduled:", "numberMisscheduled"),
            ("Number of Nodes with Available Pods:", "numberAvailable"),
        ):
            sheet.write(0, title, status.get(key, 0))
        return
    desired = spec.get("replicas", 1)
    if kind is not DEPLOYMENT:
        sheet.write(0, "Replicas:", f"{status.get('replicas', 0)} current / {desired} desired")
        return
    available = status.get("availableReplicas", 0)
    sheet.write(
        0,
        "Replicas:",
        f"{desired} desired | {status.get('updatedReplicas', 0)} updated | {status.get('replicas', 0)} total"
        f" | {available} available | {status.get('unavailableReplicas', 0)} unavailable",
    )
    _write_strategy(sheet, spec)


def _write_strategy(sheet: Sheet, spec: Object) -> None:
    strategy = spec.get("strategy") or {}
    sheet.write(0, "StrategyType:", strategy.get("type", "RollingUpdate"))
    sheet.write(0, "MinReadySeconds:", spec.get("minReadySeconds", 0))
    rolling = strategy.get("rollingUpdate")
    if rolling:
        sheet.write(
            0,
            "RollingUpdateStrategy:",
            f"{rolling.get('maxUnavailable')} max unavailable, {rolling.get('maxSurge')} max surge",
        )


def _write_replica_sets(sheet: Sheet, deployment: Object, replica_sets: Sequence[Object]) -> None:
    revision = (deployment["metadata"].get("annotations") or {}).get(_REVISION)
    owned = [rs for rs in replica_sets if _is_owned(rs, deployment["metadata"].get("uid"))]
    new = [rs for rs in owned if (rs["metadata"].get("annotations") or {}).get(_REVISION) == revision]
    old = [rs for rs in owned if rs not in new]
    sheet.write(0, "OldReplicaSets:", ", ".join(_render_set(rs) for rs in old) or "<none>")
    sheet.write(0, "NewReplicaSet:", ", ".join(_render_set(rs) for rs in new) or "<none>")


def _is_owned(obj: Object, uid: object) -> bool:
    return any(owner["uid"] == uid for owner in obj["metadata"].get("ownerReferences") or ())


def _render_set(replica_set: Object) -> str:
    made = (replica_set.get("status") or {}).get("replicas", 0)
    wanted = replica_set["spec"].get("replicas", 1)
    return f"{replica_set['metadata']['name']} ({made}/{wanted} replicas created)"
