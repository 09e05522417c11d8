"""What ``rollout`` says and asks for, in kubectl's words. Pure.

Sources: kubectl ``pkg/polymorphichelpers/{rollout_status,history,rollback}.go``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from netemu.api.kinds import CONTROLLER_REVISION, DAEMON_SET, DEPLOYMENT, REPLICA_SET, STATEFUL_SET, Kind
from netemu.cli.describe.containers import write_containers
from netemu.cli.describe.sheet import Sheet, align
from netemu.cli.resources import UsageError, display_name
from netemu.errors import NetemuError

Json = dict[str, Any]

KINDS = (DEPLOYMENT, DAEMON_SET, STATEFUL_SET)
REVISION = "deployment.kubernetes.io/revision"
CHANGE_CAUSE = "kubernetes.io/change-cause"
RESTARTED_AT = "kubectl.kubernetes.io/restartedAt"
HASH_LABEL = "pod-template-hash"
KEPT_ANNOTATIONS = frozenset(
    {
        "kubectl.kubernetes.io/last-applied-configuration",
        REVISION,
        "deployment.kubernetes.io/revision-history",
        "deployment.kubernetes.io/desired-replicas",
        "deployment.kubernetes.io/max-replicas",
    }
)
"""What is the Deployment's, or a ReplicaSet's, own: going back takes over all other annotations."""


class Progress(NamedTuple):
    """Whether a rollout is at its end, and how it is told."""

    done: bool
    text: str


@dataclass(frozen=True, kw_only=True)
class Past:
    """A revision that can be gone back to."""

    number: int
    template: Json
    annotations: dict[str, str]


def store_of(kind: Kind) -> Kind:
    """Tell which kind keeps the revisions of a workload.

    Raises:
        UsageError: the kind has no rollouts.

    """
    if kind not in KINDS:
        raise UsageError(f"no history viewer has been implemented for {kind.kind!r}".replace("'", '"'))
    return REPLICA_SET if kind is DEPLOYMENT else CONTROLLER_REVISION


def revisions(obj: Json, stored: Sequence[Json]) -> list[Past]:
    """Find the revisions that a workload owns, oldest first."""
    uid = obj["metadata"]["uid"]
    owned = (each for each in stored if _controller_uid(each) == uid)
    return sorted((_past(each) for each in owned), key=lambda past: past.number)


def choose(past: Sequence[Past], number: int, name: str) -> Past:
    """Find what to go back to: a revision by its number, or (0) the last but one.

    Raises:
        NetemuError: there is none.

    """
    if not past:
        raise NetemuError(f"no rollout history found for {name}")
    if not number and len(past) < 2:
        raise NetemuError("no last revision to roll back to")
    found = past[-2] if not number else next((each for each in past if each.number == number), None)
    if found is None:
        raise NetemuError(f"unable to find specified revision {number} in history")
    return found


def patch_back(kind: Kind, obj: Json, past: Past) -> Json:
    """Make the strategic merge patch that restores a revision's template."""
    patch: Json = {"spec": {"template": {**past.template, "$patch": "replace"}}}
    if kind is DEPLOYMENT:
        present = obj["metadata"].get("annotations") or {}
        gone = {name: None for name in present if name not in KEPT_ANNOTATIONS}
        back = {k: v for k, v in past.annotations.items() if k not in KEPT_ANNOTATIONS}
        patch["metadata"] = {"annotations": {**gone, **back}}
    return patch


def render_history(kind: Kind, name: str, past: Sequence[Past]) -> str:
    """Render the table of revisions."""
    rows = [("REVISION", "CHANGE-CAUSE")]
    rows += [(str(each.number), each.annotations.get(CHANGE_CAUSE) or "<none>") for each in past]
    lines = [f"{display_name(kind, name)} ", *align(rows)]
    return "\n".join(lines) + "\n"


def render_revision(kind: Kind, name: str, past: Past) -> str:
    """Render the template of one revision."""
    sheet = Sheet()
    meta, spec = past.template.get("metadata") or {}, past.template.get("spec") or {}
    sheet.write(0, "Pod Template:")
    sheet.mapping("Labels:", meta.get("labels") or {}, indent=1)
    if meta.get("annotations"):
        sheet.mapping("Annotations:", meta["annotations"], separator=": ", indent=1)
    write_containers(sheet, "Init Containers:", spec.get("initContainers") or (), (), 1)
    write_containers(sheet, "Containers:", spec.get("containers") or (), (), 1)
    return f"{display_name(kind, name)} with revision #{past.number}\n{sheet.render()}"


def progress(kind: Kind, obj: Json) -> Progress:
    """Say how far a rollout is.

    Raises:
        UsageError: the kind has no rollouts, or they wait for pods to be deleted.
        NetemuError: it exceeded its deadline.

    """
    if kind not in KINDS:
        raise UsageError(f"no status viewer has been implemented for {kind.kind}")
    meta, status = obj["metadata"], obj.get("status") or {}
    if kind is not DEPLOYMENT and obj["spec"].get("updateStrategy", {}).get("type") == "OnDelete":
        raise UsageError("rollout status is only available for RollingUpdate strategy type")
    if status.get("observedGeneration", 0) < meta.get("generation", 0):
        return Progress(False, f"Waiting for {_spoken(kind)} spec update to be observed...")
    if kind is DEPLOYMENT:
        return _of_deployment(meta["name"], obj["spec"], status)
    if kind is DAEMON_SET:
        return _of_daemon_set(meta["name"], status)
    return _of_stateful_set(obj["spec"], status)


def _of_deployment(name: str, spec: Json, status: Json) -> Progress:
    if any(c.get("reason") == "ProgressDeadlineExceeded" for c in status.get("conditions") or ()):
        raise NetemuError(f'deployment "{name}" exceeded its progress deadline')
    wanted, updated = spec.get("replicas", 1), status.get("updatedReplicas", 0)
    total, available = status.get("replicas", 0), status.get("availableReplicas", 0)
    waiting = f'Waiting for deployment "{name}" rollout to finish: '
    if updated < wanted:
        return Progress(False, f"{waiting}{updated} out of {wanted} new replicas have been updated...")
    if total > updated:
        return Progress(False, f"{waiting}{total - updated} old replicas are pending termination...")
    if available < updated:
        return Progress(False, f"{waiting}{available} of {updated} updated replicas are available...")
    return Progress(True, f'deployment "{name}" successfully rolled out')


def _of_daemon_set(name: str, status: Json) -> Progress:
    wanted, updated = status.get("desiredNumberScheduled", 0), status.get("updatedNumberScheduled", 0)
    available = status.get("numberAvailable", 0)
    waiting = f'Waiting for daemon set "{name}" rollout to finish: '
    if updated < wanted:
        return Progress(False, f"{waiting}{updated} out of {wanted} new pods have been updated...")
    if available < wanted:
        return Progress(False, f"{waiting}{available} of {wanted} updated pods are available...")
    return Progress(True, f'daemon set "{name}" successfully rolled out')


def _of_stateful_set(spec: Json, status: Json) -> Progress:
    wanted, updated = spec.get("replicas", 1), status.get("updatedReplicas", 0)
    ready = status.get("readyReplicas", 0)
    if ready < wanted:
        return Progress(False, f"Waiting for {wanted - ready} pods to be ready...")
    partition = ((spec.get("updateStrategy") or {}).get("rollingUpdate") or {}).get("partition")
    if partition is not None:
        if updated < wanted - partition:
            new = f"{updated} out of {wanted - partition} new pods have been updated..."
            return Progress(False, f"Waiting for partitioned roll out to finish: {new}")
        return Progress(True, f"partitioned roll out complete: {updated} new pods have been updated...")
    if status.get("updateRevision") != status.get("currentRevision"):
        pods = f"{updated} pods at revision {status.get('updateRevision')}"
        return Progress(False, f"waiting for statefulset rolling update to complete {pods}...")
    pods = f"{status.get('currentReplicas', 0)} pods at revision {status.get('currentRevision')}"
    return Progress(True, f"statefulset rolling update complete {pods}...")


def _spoken(kind: Kind) -> str:
    return "daemon set" if kind is DAEMON_SET else kind.singular


def _controller_uid(obj: Json) -> str:
    owners = obj["metadata"].get("ownerReferences") or ()
    return next((owner["uid"] for owner in owners if owner.get("controller")), "")


def _past(stored: Json) -> Past:
    annotations = stored["metadata"].get("annotations") or {}
    if stored["kind"] != REPLICA_SET.kind:
        template = stored["data"]["spec"]["template"]
        template = {field: value for field, value in template.items() if field != "$patch"}
        return Past(number=stored.get("revision", 0), template=template, annotations=annotations)
    template = stored["spec"]["template"]
    meta = template.get("metadata") or {}
    labels = {label: value for label, value in (meta.get("labels") or {}).items() if label != HASH_LABEL}
    number = annotations.get(REVISION, "")
    return Past(
        number=int(number) if number.isdigit() else 0,
        template={**template, "metadata": {**meta, "labels": labels}},
        annotations=annotations,
    )
