"""The FlowSchemas and priority levels that every cluster begins with. Pure.

Source: apiserver ``pkg/apis/flowcontrol/bootstrap``.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from netemu.api.client import Object

_VERSION = "flowcontrol.apiserver.k8s.io/v1"
_EVERYWHERE = {
    "verbs": ["*"],
    "apiGroups": ["*"],
    "resources": ["*"],
    "namespaces": ["*"],
    "clusterScope": True,
}
_EVERY_PATH = {"verbs": ["*"], "nonResourceURLs": ["*"]}
_LEADING = ["get", "create", "update"]

Json = dict[str, Any]


def first_flows() -> list[Object]:
    """Give the levels, then the schemas."""
    return [*_levels(), *_schemas()]


def _levels() -> Iterable[Object]:
    yield _level(
        "exempt", {"type": "Exempt", "exempt": {"nominalConcurrencyShares": 0, "lendablePercent": 0}}
    )
    yield _level("catch-all", _limited(5, 0, {"type": "Reject"}))
    for name, shares, lendable, queues, hand, length in (
        ("node-high", 40, 25, 64, 6, 50),
        ("system", 30, 33, 64, 6, 50),
        ("leader-election", 10, 0, 16, 4, 50),
        ("workload-high", 40, 50, 128, 6, 50),
        ("workload-low", 100, 90, 128, 6, 50),
        ("global-default", 20, 50, 128, 6, 50),
    ):
        queuing = {"queues": queues, "handSize": hand, "queueLengthLimit": length}
        yield _level(name, _limited(shares, lendable, {"type": "Queue", "queuing": queuing}))


def _schemas() -> Iterable[Object]:
    system = [_account("kube-system", "*")]
    leases = _resources(_LEADING, "coordination.k8s.io", ["leases"], "*")
    locks = _resources(_LEADING, "", ["endpoints", "configmaps"], "kube-system")
    controller, scheduler = _user("system:kube-controller-manager"), _user("system:kube-scheduler")
    healths = [f"/{probe}{rest}" for probe in ("healthz", "readyz", "livez") for rest in ("", "/*")]
    nodes = [
        _resources(["*"], "", ["nodes", "nodes/status"], "*", cluster=True),
        _resources(["*"], "coordination.k8s.io", ["leases"], "*"),
    ]
    controllers = [
        _account("kube-system", "endpoint-controller"),
        _account("kube-system", "endpointslice-controller"),
    ]
    endpoints = [_resources(["get", "create", "update"], "", ["endpoints"], "*")]
    yield _schema("exempt", "exempt", 1, "", [_group("system:masters")])
    yield _schema(
        "probes",
        "exempt",
        2,
        "",
        [_group("system:unauthenticated"), _group("system:authenticated")],
        paths=[{"verbs": ["get"], "nonResourceURLs": sorted(healths)}],
    )
    leading = [controller, scheduler, *system]
    yield _schema(
        "system-leader-election", "leader-election", 100, "ByUser", leading, resources=[locks, leases]
    )
    yield _schema(
        "endpoint-controller", "workload-high", 150, "ByUser", [controller, *controllers], resources=endpoints
    )
    yield _schema(
        "workload-leader-election", "leader-election", 200, "ByUser", system, resources=[locks, leases]
    )
    yield _schema("system-node-high", "node-high", 400, "ByUser", [_group("system:nodes")], resources=nodes)
    yield _schema("system-nodes", "system", 500, "ByUser", [_group("system:nodes")])
    yield _schema("kube-controller-manager", "workload-high", 800, "ByNamespace", [controller])
    yield _schema("kube-scheduler", "workload-high", 800, "ByNamespace", [scheduler])
    yield _schema("kube-system-service-accounts", "workload-high", 900, "ByNamespace", system)
    yield _schema("service-accounts", "workload-low", 9000, "ByUser", [_group("system:serviceaccounts")])
    everyone = [_group("system:unauthenticated"), _group("system:authenticated")]
    yield _schema("global-default", "global-default", 9900, "ByUser", everyone)
    yield _schema("catch-all", "catch-all", 10000, "ByUser", everyone)


def _level(name: str, spec: Json) -> Object:
    return _object("PriorityLevelConfiguration", name, spec)


def _limited(shares: int, lendable: int, response: Json) -> Json:
    limited = {"nominalConcurrencyShares": shares, "lendablePercent": lendable, "limitResponse": response}
    return {"type": "Limited", "limited": limited}


def _schema(
    name: str,
    level: str,
    precedence: int,
    method: str,
    subjects: list[Json],
    *,
    resources: list[Json] | None = None,
    paths: list[Json] | None = None,
) -> Object:
    if resources is None and paths is None:
        resources, paths = [_EVERYWHERE], [_EVERY_PATH]
    rule: Json = {"subjects": subjects}
    if resources:
        rule["resourceRules"] = resources
    if paths:
        rule["nonResourceRules"] = paths
    spec: Json = {
        "priorityLevelConfiguration": {"name": level},
        "matchingPrecedence": precedence,
        "rules": [rule],
    }
    return _object("FlowSchema", name, {**spec, "distinguisherMethod": {"type": method}} if method else spec)


def _object(kind: str, name: str, spec: Json) -> Object:
    marked = {"apf.kubernetes.io/autoupdate-spec": "true"}
    return {
        "apiVersion": _VERSION,
        "kind": kind,
        "metadata": {"name": name, "annotations": marked},
        "spec": spec,
    }


def _resources(
    verbs: list[str], group: str, resources: list[str], namespace: str, *, cluster: bool = False
) -> Json:
    rule = {"verbs": verbs, "apiGroups": [group], "resources": resources, "namespaces": [namespace]}
    return {**rule, "clusterScope": True} if cluster else rule


def _user(name: str) -> Json:
    return {"kind": "User", "user": {"name": name}}


def _group(name: str) -> Json:
    return {"kind": "Group", "group": {"name": name}}


def _account(namespace: str, name: str) -> Json:
    return {"kind": "ServiceAccount", "serviceAccount": {"namespace": namespace, "name": name}}
