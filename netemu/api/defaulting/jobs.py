"""Defaults of Job, CronJob, ReplicationController and PodTemplate."""

from __future__ import annotations

from typing import Any

from netemu.api.client import Object
from netemu.api.defaulting.pods import fill_pod_spec, fill_volumes
from netemu.api.defaulting.zero import fill_zero

CONTROLLER_UID = "batch.kubernetes.io/controller-uid"
JOB_NAME = "batch.kubernetes.io/job-name"
MAX_BACKOFF = 2**31 - 1
_FORMER = {CONTROLLER_UID: "controller-uid", JOB_NAME: "job-name"}


def fill_job(obj: Object) -> None:
    """Run once, six times at most; select the pods by labels of the Job's own."""
    spec = obj.setdefault("spec", {})
    _fill_job_spec(spec)
    if spec.get("completions") is None and spec.get("parallelism") is None:
        spec["completions"] = spec["parallelism"] = 1
    spec.setdefault("parallelism", 1)
    spec.setdefault("backoffLimit", MAX_BACKOFF if "backoffLimitPerIndex" in spec else 6)
    spec.setdefault("completionMode", "NonIndexed")
    spec.setdefault("suspend", False)
    spec.setdefault("manualSelector", False)
    spec.setdefault("podReplacementPolicy", "Failed" if "podFailurePolicy" in spec else "TerminatingOrFailed")
    if not spec["manualSelector"]:
        del spec["manualSelector"]
        _label_pods(obj, spec)


def fill_cron_job(obj: Object) -> None:
    """Let runs overlap, and keep the last three that ended well and one that did not."""
    spec = obj.setdefault("spec", {})
    fill_zero(spec, "concurrencyPolicy", "Allow")
    spec.setdefault("suspend", False)
    spec.setdefault("successfulJobsHistoryLimit", 3)
    spec.setdefault("failedJobsHistoryLimit", 1)
    _fill_job_spec(spec.get("jobTemplate", {}).get("spec", {}))


def fill_replication_controller(obj: Object) -> None:
    """Ask for one pod; select by the template's labels."""
    spec = obj.setdefault("spec", {})
    spec.setdefault("replicas", 1)
    _fill_template(spec.get("template"))
    labels = (spec.get("template") or {}).get("metadata", {}).get("labels")
    if labels:
        spec.setdefault("selector", dict(labels))
        obj["metadata"].setdefault("labels", dict(labels))
    obj.setdefault("status", {}).setdefault("replicas", 0)


def fill_pod_template(obj: Object) -> None:
    """Fill in the template."""
    _fill_template(obj.get("template"))


def _fill_job_spec(spec: dict[str, Any]) -> None:
    _fill_template(spec.get("template"))


def _fill_template(template: dict[str, Any] | None) -> None:
    if template is not None:
        fill_pod_spec(template.setdefault("spec", {}))
        fill_volumes(template["spec"])


def _label_pods(obj: Object, spec: dict[str, Any]) -> None:
    uid, name = obj["metadata"].get("uid"), obj["metadata"].get("name")
    if not uid or "template" not in spec:
        return
    labels = spec["template"].setdefault("metadata", {}).setdefault("labels", {})
    for key, value in ((CONTROLLER_UID, uid), (JOB_NAME, name)):
        labels.setdefault(key, value)
        labels.setdefault(_FORMER[key], value)
    spec.setdefault("selector", {"matchLabels": {CONTROLLER_UID: uid}})
