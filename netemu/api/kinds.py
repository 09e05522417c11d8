"""The kinds that netemu's API serves: one row each.

Sources: https://kubernetes.io/docs/reference/kubernetes-api/ (names, short names, categories).
"""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Kind:
    """One kind of object, under one group and version. There is one value for each: compare with ``is``.

    ``group`` is empty for the core group. ``subresources`` are the ones that can be
    addressed under ``/{resource}/{name}/``.
    """

    group: str
    version: str
    kind: str
    resource: str
    singular: str
    namespaced: bool = True
    short_names: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    subresources: tuple[str, ...] = field(default=())

    @property
    def api_version(self) -> str:
        """``v1`` or ``group/version``: what ``apiVersion`` says."""
        return f"{self.group}/{self.version}" if self.group else self.version

    @property
    def key(self) -> str:
        """``resource`` or ``resource.group``: how kubectl prints it; the first part of a store key."""
        return f"{self.resource}.{self.group}" if self.group else self.resource


def _core(kind: str, resource: str, *short: str, **more: object) -> Kind:
    return _kind("", "v1", kind, resource, *short, **more)


def _kind(group: str, version: str, kind: str, resource: str, *short: str, **more: object) -> Kind:
    return Kind(
        group=group,
        version=version,
        kind=kind,
        resource=resource,
        singular=kind.lower(),
        short_names=short,
        **more,  # type: ignore[arg-type]
    )


NAMESPACE = _core("Namespace", "namespaces", "ns", namespaced=False, subresources=("status", "finalize"))
NODE = _core("Node", "nodes", "no", namespaced=False, subresources=("status",))
POD = _core(
    "Pod",
    "pods",
    "po",
    categories=("all",),
    subresources=("status", "log", "exec", "binding"),
)
SERVICE = _core("Service", "services", "svc", categories=("all",), subresources=("status",))
ENDPOINTS = _core("Endpoints", "endpoints", "ep")
CONFIG_MAP = _core("ConfigMap", "configmaps", "cm")
SECRET = _core("Secret", "secrets")
SERVICE_ACCOUNT = _core("ServiceAccount", "serviceaccounts", "sa")
EVENT = _core("Event", "events", "ev")
DEPLOYMENT = _kind(
    "apps", "v1", "Deployment", "deployments", "deploy", categories=("all",), subresources=("status", "scale")
)
REPLICA_SET = _kind(
    "apps", "v1", "ReplicaSet", "replicasets", "rs", categories=("all",), subresources=("status", "scale")
)
DAEMON_SET = _kind(
    "apps", "v1", "DaemonSet", "daemonsets", "ds", categories=("all",), subresources=("status",)
)
STATEFUL_SET = _kind(
    "apps", "v1", "StatefulSet", "statefulsets", "sts", categories=("all",), subresources=("status", "scale")
)
ENDPOINT_SLICE = _kind("discovery.k8s.io", "v1", "EndpointSlice", "endpointslices")
INGRESS = _kind("networking.k8s.io", "v1", "Ingress", "ingresses", "ing", subresources=("status",))
INGRESS_CLASS = _kind("networking.k8s.io", "v1", "IngressClass", "ingressclasses", namespaced=False)

KINDS: tuple[Kind, ...] = (
    NAMESPACE,
    NODE,
    POD,
    SERVICE,
    ENDPOINTS,
    CONFIG_MAP,
    SECRET,
    SERVICE_ACCOUNT,
    EVENT,
    DEPLOYMENT,
    REPLICA_SET,
    DAEMON_SET,
    STATEFUL_SET,
    ENDPOINT_SLICE,
    INGRESS,
    INGRESS_CLASS,
)

BY_GVK = {(k.group, k.version, k.kind): k for k in KINDS}
BY_GVR = {(k.group, k.version, k.resource): k for k in KINDS}
