"""Objects that ``create deployment``, ``create namespace``, ``run`` and ``expose`` make. Pure.

Source: https://kubernetes.io/docs/reference/kubectl/generated/ (the generators of those commands).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from netemu.api.kinds import DEPLOYMENT, POD, REPLICA_SET, SERVICE, Kind
from netemu.cli.resources import UsageError

Object = dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class ServiceOptions:
    """What ``expose`` was told; empty values are taken from the object that is exposed."""

    name: str = ""
    port: int | None = None
    target_port: str = ""
    protocol: str = "TCP"
    type: str = ""
    cluster_ip: str = ""
    selector: Mapping[str, str] | None = None


def deployment(
    name: str, namespace: str, image: str, *, replicas: int, port: int | None, command: Sequence[str]
) -> Object:
    """Make a Deployment whose pods carry the label ``app``."""
    labels = {"app": name}
    container: Object = {"name": container_name(image), "image": image}
    if port is not None:
        container["ports"] = [{"containerPort": port}]
    if command:
        container["command"] = list(command)
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name, "namespace": namespace, "labels": labels},
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": {"containers": [container]}},
        },
    }


def namespace(name: str) -> Object:
    """Make a Namespace."""
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}


def pod(
    name: str,
    namespace: str,
    image: str,
    *,
    port: int | None = None,
    labels: Mapping[str, str] | None = None,
    env: Mapping[str, str] | None = None,
    restart: str = "Always",
    words: Sequence[str] = (),
    is_command: bool = False,
) -> Object:
    """Make a Pod; ``words`` are its arguments, or with ``is_command`` its command."""
    container: Object = {"name": name, "image": image}
    if port is not None:
        container["ports"] = [{"containerPort": port}]
    if env:
        container["env"] = [{"name": key, "value": value} for key, value in env.items()]
    if words:
        container["command" if is_command else "args"] = list(words)
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "namespace": namespace, "labels": dict(labels or {"run": name})},
        "spec": {"containers": [container], "restartPolicy": restart},
    }


def service(kind: Kind, obj: Mapping[str, Any], options: ServiceOptions) -> Object:
    """Make the Service that exposes an object.

    Raises:
        UsageError: the object has no labels to select by, or no port is known.

    """
    ports = [options.port] if options.port is not None else _ports(kind, obj)
    if not ports:
        raise UsageError("couldn't find port via --port flag or introspection")
    spec: Object = {
        "selector": dict(options.selector or _selector(kind, obj)),
        "ports": [_service_port(port, options, named=len(ports) > 1) for port in ports],
    }
    if options.type:
        spec["type"] = options.type
    if options.cluster_ip:
        spec["clusterIP"] = options.cluster_ip
    meta = obj["metadata"]
    metadata: Object = {"name": options.name or meta["name"], "namespace": meta["namespace"]}
    if meta.get("labels"):
        metadata["labels"] = dict(meta["labels"])
    return {"apiVersion": "v1", "kind": "Service", "metadata": metadata, "spec": spec}


def service_of_pod(pod_: Mapping[str, Any]) -> Object:
    """Make the Service that ``run --expose`` adds to its Pod.

    Raises:
        UsageError: the Pod has no port.

    """
    if not _ports(POD, pod_):
        raise UsageError("--port must be set when exposing a service")
    return service(POD, pod_, ServiceOptions())


def parse_pairs(words: Sequence[str]) -> dict[str, str]:
    """Read ``a=b,c=d`` words.

    Raises:
        UsageError: a word has no ``=``.

    """
    pairs: dict[str, str] = {}
    for word in (part for words_ in words for part in words_.split(",")):
        key, equals, value = word.partition("=")
        if not equals:
            raise UsageError(f"unexpected label or variable spec: {word}", hint="Write KEY=VALUE.")
        pairs[key] = value
    return pairs


def container_name(image: str) -> str:
    """Name a container after its image, without registry, tag and digest."""
    return image.rpartition("/")[2].partition("@")[0].partition(":")[0].replace("_", "-").lower()


def _selector(kind: Kind, obj: Mapping[str, Any]) -> dict[str, str]:
    if kind is POD:
        labels = obj["metadata"].get("labels")
    elif kind is SERVICE:
        labels = obj["spec"].get("selector")
    elif kind in (DEPLOYMENT, REPLICA_SET):
        labels = (obj["spec"].get("selector") or {}).get("matchLabels")
    else:
        raise UsageError(f"cannot expose a {kind.kind}")
    if not labels:
        raise UsageError(f"couldn't retrieve selectors: the {kind.singular} has no labels to select by")
    return dict(labels)


def _ports(kind: Kind, obj: Mapping[str, Any]) -> list[int]:
    if kind is SERVICE:
        return [port["port"] for port in obj["spec"].get("ports") or ()]
    spec = obj["spec"] if kind is POD else obj["spec"]["template"]["spec"]
    return [
        port["containerPort"] for container in spec["containers"] for port in container.get("ports") or ()
    ]


def _service_port(port: int, options: ServiceOptions, *, named: bool) -> Object:
    target = options.target_port or str(port)
    made: Object = {
        "port": port,
        "protocol": options.protocol,
        "targetPort": int(target) if target.isdigit() else target,
    }
    return {"name": f"port-{port}", **made} if named else made
