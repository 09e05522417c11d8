"""Objects for tests: each as small as its kind allows, with what a test is about as arguments.

They are what a user would send: without uid, revision and status, unless a test asks for these.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from netemu.api.client import Object

Labels = dict[str, str]


def namespace(name: str) -> Object:
    """Make a Namespace."""
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}


def node(
    name: str = "node-1",
    *,
    ready: bool = True,
    labels: Labels | None = None,
    taints: tuple[dict[str, str], ...] = (),
    unschedulable: bool = False,
    max_pods: int = 110,
) -> Object:
    """Make a Node, Ready unless told otherwise."""
    spec = {"taints": list(taints), "unschedulable": unschedulable}
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": name, "labels": labels or {}},
        "spec": {field: value for field, value in spec.items() if value},
        "status": {
            "conditions": [{"type": "Ready", "status": "True" if ready else "False"}],
            "allocatable": {"pods": str(max_pods)},
        },
    }


def pod(
    name: str = "web",
    *,
    namespace: str = "default",
    labels: Labels | None = None,
    node: str = "",
    ports: tuple[dict[str, Any], ...] = (),
    owner: dict[str, Any] | None = None,
    **spec: Any,
) -> Object:
    """Make a Pod of one container ``c``; ``spec`` sets further fields of its spec."""
    container = {"name": "c", "image": "nginx", "ports": list(ports)}
    bound = {"nodeName": node} if node else {}
    owners = {"ownerReferences": [owner]} if owner else {}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "namespace": namespace, "labels": labels or {}, **owners},
        "spec": {"containers": [container], **bound, **spec},
    }


def stored(obj: Object, uid: str, *, revision: int = 1, **metadata: Any) -> Object:
    """Make of what a user sends what an API would hold."""
    known = {"uid": uid, "resourceVersion": str(revision), "creationTimestamp": "2026-01-01T00:00:00Z"}
    return {**obj, "metadata": {**obj["metadata"], **known, **metadata}}


def running(pod: Object, *, ip: str = "10.244.1.2", ready: bool = True, phase: str = "Running") -> Object:
    """Give a pod the status of one that runs."""
    return {**pod, "status": running_status(ip, ready=ready, phase=phase)}


def running_status(ip: str, *, ready: bool = True, phase: str = "Running") -> dict[str, Any]:
    """Make the status of a pod that runs."""
    since = "2026-01-01T00:00:00Z"
    condition = {"type": "Ready", "status": "True" if ready else "False", "lastTransitionTime": since}
    return {"phase": phase, "podIP": ip, "podIPs": [{"ip": ip}], "conditions": [condition]}


def service(
    name: str = "web",
    *,
    namespace: str = "default",
    selector: Labels | None = None,
    ports: tuple[dict[str, Any], ...] = ({"port": 80},),
    labels: Labels | None = None,
    **spec: Any,
) -> Object:
    """Make a Service; ``spec`` sets further fields of its spec."""
    selecting = {"selector": selector} if selector else {}
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": name, "namespace": namespace, "labels": labels or {}},
        "spec": {"ports": list(ports), **selecting, **spec},
    }


def endpoints(
    name: str = "web", *, namespace: str = "default", subsets: tuple[dict[str, Any], ...] = (), **meta: Any
) -> Object:
    """Make a hand-written Endpoints object."""
    metadata = {"name": name, "namespace": namespace, **meta}
    return {"apiVersion": "v1", "kind": "Endpoints", "metadata": metadata, "subsets": list(subsets)}


def deployment(name: str = "web", *, image: str = "nginx", **spec: Any) -> Object:
    """Make a Deployment of pods labelled ``app: NAME``; ``spec`` sets further fields."""
    return _workload("Deployment", name, image, spec)


def replica_set(name: str = "web", *, image: str = "nginx", **spec: Any) -> Object:
    """Make a ReplicaSet of pods labelled ``app: NAME``."""
    return _workload("ReplicaSet", name, image, spec)


def replication_controller(name: str = "web", *, image: str = "nginx", **spec: Any) -> Object:
    """Make a ReplicationController of pods labelled ``app: NAME``."""
    made = _workload("ReplicationController", name, image, spec)
    return {**made, "apiVersion": "v1", "spec": {**made["spec"], "selector": {"app": name}}}


def stateful_set(name: str = "web", *, image: str = "nginx", **spec: Any) -> Object:
    """Make a StatefulSet of pods labelled ``app: NAME`` with a Service of its name."""
    return _workload("StatefulSet", name, image, {"serviceName": name, **spec})


def daemon_set(name: str = "agent", *, image: str = "nginx", **spec: Any) -> Object:
    """Make a DaemonSet of pods labelled ``app: NAME``."""
    return _workload("DaemonSet", name, image, spec)


def ingress(name: str = "web", *, namespace: str = "default", class_name: str = "") -> Object:
    """Make an Ingress with one default backend."""
    backend = {"service": {"name": name, "port": {"number": 80}}}
    named = {"ingressClassName": class_name} if class_name else {}
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "Ingress",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {"defaultBackend": backend, **named},
    }


def _workload(kind: str, name: str, image: str, spec: dict[str, Any]) -> Object:
    labels = {"app": name}
    return {
        "apiVersion": "apps/v1",
        "kind": kind,
        "metadata": {"name": name, "namespace": "default"},
        "spec": {
            "selector": {"matchLabels": labels},
            "template": {
                "metadata": {"labels": labels},
                "spec": {"containers": [{"name": "c", "image": image}]},
            },
            **spec,
        },
    }


def custom_resource_definition(
    kind: str, *versions: Object, group: str = "toys.example", short_names: Sequence[str] = ()
) -> Object:
    """Make a namespaced CustomResourceDefinition (apiextensions.k8s.io/v1)."""
    plural = f"{kind.lower()}s"
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{plural}.{group}"},
        "spec": {
            "group": group,
            "scope": "Namespaced",
            "names": {"kind": kind, "plural": plural, "shortNames": list(short_names)},
            "versions": list(versions),
        },
    }


def job(name: str = "work", **spec: Any) -> Object:
    """Make a Job whose pods are not restarted; ``spec`` sets further fields."""
    template = {"spec": {"restartPolicy": "Never", "containers": [{"name": "c", "image": "busybox"}]}}
    metadata = {"name": name, "namespace": "default"}
    whole = {"template": template, **spec}
    return {"apiVersion": "batch/v1", "kind": "Job", "metadata": metadata, "spec": whole}


def cron_job(name: str = "nightly", schedule: str = "*/5 * * * *", **spec: Any) -> Object:
    """Make a CronJob; ``spec`` sets further fields."""
    template = {"spec": {"template": job()["spec"]["template"]}}
    metadata = {"name": name, "namespace": "default"}
    whole = {"schedule": schedule, "jobTemplate": template, **spec}
    return {"apiVersion": "batch/v1", "kind": "CronJob", "metadata": metadata, "spec": whole}
