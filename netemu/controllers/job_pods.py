"""The pods that a Job makes. Pure."""

from __future__ import annotations

from typing import Any

from netemu.api.client import Object
from netemu.api.kinds import JOB, POD
from netemu.api.views.batch import Job
from netemu.api.views.core import Pod
from netemu.controllers.job_failures import next_failures
from netemu.controllers.job_indexes import INDEX
from netemu.controllers.pods import pod_from_template
from netemu.controllers.writes import Create, Patch, Write
from netemu.informer.cache import Key

FINALIZER = "batch.kubernetes.io/job-tracking"
"""Keeps a pod that ended until it is counted."""

ENVIRONMENT = "JOB_COMPLETION_INDEX"
MAX_PREFIX = 58
"""The longest name that the API completes with five characters of its own."""


def new_pod(obj: Object, job: Job, index: int | None, last: Pod | None) -> Write:
    """Create a pod, for a completion if the Job is Indexed; ``last`` is the one that failed there."""
    template = job.spec.template
    if index is None:
        pod = pod_from_template(template, JOB, obj)
        pod["metadata"]["finalizers"] = [FINALIZER]
        return Create(POD, pod, told_on=obj)
    number = str(index)
    name = job.metadata.name
    spec = {"hostname": f"{name}-{number}", **_with_environment(template.get("spec") or {})}
    pod = pod_from_template(template, JOB, obj, labels={INDEX: number}, spec=spec)
    suffix = f"-{number}-"
    metadata = pod["metadata"]
    metadata["generateName"] = name[: MAX_PREFIX - len(suffix)] + suffix
    metadata["annotations"] = {
        **metadata.get("annotations", {}),
        INDEX: number,
        **(next_failures(job, last) if job.spec.backoff_limit_per_index is not None else {}),
    }
    metadata["finalizers"] = [FINALIZER]
    return Create(POD, pod, told_on=obj)


def release(pod: Pod) -> Patch:
    """Let go of a pod that is counted."""
    meta = pod.metadata
    left = [name for name in meta.finalizers if name != FINALIZER]
    patch = {"metadata": {"uid": meta.uid, "finalizers": left or None}}
    return Patch(POD, Key(meta.namespace, meta.name), patch)


def track(pod: Pod) -> Patch:
    """Hold a pod until it is counted: one that was adopted comes without."""
    meta = pod.metadata
    patch = {"metadata": {"uid": meta.uid, "finalizers": [*meta.finalizers, FINALIZER]}}
    return Patch(POD, Key(meta.namespace, meta.name), patch)


def is_tracked(pod: Pod) -> bool:
    """Tell whether a pod waits to be counted, or will."""
    return FINALIZER in pod.metadata.finalizers


def _with_environment(spec: dict[str, Any]) -> dict[str, Any]:
    source = {"fieldRef": {"apiVersion": "v1", "fieldPath": f"metadata.labels['{INDEX}']"}}
    variable = {"name": ENVIRONMENT, "valueFrom": source}

    def told(container: dict[str, Any]) -> dict[str, Any]:
        env = container.get("env") or []
        if any(known["name"] == ENVIRONMENT for known in env):
            return container
        return {**container, "env": [*env, variable]}

    return {
        field: [told(container) for container in spec[field]]
        for field in ("containers", "initContainers")
        if spec.get(field)
    }
