"""What programs written with client-go send: every built-in kind in protobuf, and options too."""

from __future__ import annotations

import msgspec
import pytest

from netemu.api.kinds import BY_GVR, POD, SERVICE_ACCOUNT
from netemu.api.protobuf import encode_object
from netemu.testing import builders

PROTOBUF = {
    "Content-Type": "application/vnd.kubernetes.protobuf",
    "Accept": "application/vnd.kubernetes.protobuf,application/json",
}
RULES = [{"apiGroups": [""], "resources": ["pods"], "verbs": ["get"]}]
SUBJECTS = [{"kind": "ServiceAccount", "name": "robot", "namespace": "default"}]
RBAC = "rbac.authorization.k8s.io"
REGARDING = {"kind": "Pod", "namespace": "default", "name": "p"}
SLICE = {
    "addressType": "IPv4",
    "endpoints": [{"addresses": ["10.0.0.1"], "conditions": {"ready": True}}],
    "ports": [{"name": "http", "port": 80, "protocol": "TCP"}],
}
PARENT = {"parentRef": {"resource": "services", "namespace": "default", "name": "web"}}


def spec(**fields):
    return {"spec": fields}


@pytest.mark.parametrize(
    ("group", "version", "resource", "obj"),
    [
        ("", "v1", "pods", builders.pod("x")),
        ("", "v1", "services", builders.service("x")),
        ("", "v1", "configmaps", {"data": {"a": "b"}, "binaryData": {"c": "AAE="}}),
        ("", "v1", "secrets", {"data": {"a": "YQ=="}, "stringData": {"b": "b"}, "type": "Opaque"}),
        ("", "v1", "namespaces", {"metadata": {"labels": {"e2e": "x"}}}),
        ("", "v1", "nodes", builders.node("x")),
        ("", "v1", "serviceaccounts", {"automountServiceAccountToken": False}),
        ("", "v1", "endpoints", {"subsets": [{"addresses": [{"ip": "10.0.0.1"}], "ports": [{"port": 80}]}]}),
        ("", "v1", "events", {"involvedObject": REGARDING, "reason": "R", "message": "m", "type": "Normal"}),
        ("", "v1", "replicationcontrollers", builders.replication_controller("x")),
        (
            "",
            "v1",
            "persistentvolumeclaims",
            spec(accessModes=["ReadWriteOnce"], resources={"requests": {"storage": "1Gi"}}),
        ),
        ("", "v1", "resourcequotas", spec(hard={"pods": "10"})),
        ("", "v1", "limitranges", spec(limits=[{"type": "Container", "max": {"cpu": "1"}}])),
        ("apps", "v1", "deployments", builders.deployment("x")),
        ("apps", "v1", "replicasets", builders.replica_set("x")),
        ("apps", "v1", "daemonsets", builders.daemon_set("x")),
        ("apps", "v1", "statefulsets", builders.stateful_set("x")),
        ("batch", "v1", "jobs", builders.job("x")),
        ("batch", "v1", "cronjobs", builders.cron_job("x")),
        ("discovery.k8s.io", "v1", "endpointslices", SLICE),
        ("networking.k8s.io", "v1", "ingresses", builders.ingress("x")),
        ("networking.k8s.io", "v1", "ingressclasses", spec(controller="example.com/c")),
        ("networking.k8s.io", "v1", "networkpolicies", spec(podSelector={}, policyTypes=["Ingress"])),
        ("networking.k8s.io", "v1", "servicecidrs", spec(cidrs=["10.196.0.0/24"])),
        ("networking.k8s.io", "v1", "ipaddresses", {"metadata": {"name": "10.0.0.9"}, **spec(**PARENT)}),
        (
            "coordination.k8s.io",
            "v1",
            "leases",
            spec(holderIdentity="me", renewTime="2024-01-02T03:04:05.000006Z"),
        ),
        (RBAC, "v1", "roles", {"rules": RULES}),
        (RBAC, "v1", "clusterroles", {"rules": RULES}),
        (
            RBAC,
            "v1",
            "rolebindings",
            {"roleRef": {"apiGroup": RBAC, "kind": "Role", "name": "r"}, "subjects": SUBJECTS},
        ),
        (
            RBAC,
            "v1",
            "clusterrolebindings",
            {"roleRef": {"apiGroup": RBAC, "kind": "ClusterRole", "name": "r"}},
        ),
        (
            "policy",
            "v1",
            "poddisruptionbudgets",
            spec(minAvailable="50%", selector={"matchLabels": {"a": "b"}}),
        ),
        ("scheduling.k8s.io", "v1", "priorityclasses", {"value": 1000}),
        ("node.k8s.io", "v1", "runtimeclasses", {"handler": "runc"}),
    ],
)
async def test_every_kind_can_be_created(http, group, version, resource, obj):
    kind = BY_GVR[group, version, resource]
    root = f"/apis/{group}/{version}" if group else f"/api/{version}"
    place = "/namespaces/default" if kind.namespaced else ""
    whole = {**obj, "apiVersion": kind.api_version, "kind": kind.kind}
    whole["metadata"] = {"name": "x", **obj.get("metadata", {})}
    answer = await http.request(
        "POST", f"{root}{place}/{resource}", body=encode_object(whole), headers=PROTOBUF
    )
    made = msgspec.json.decode(answer.body)

    assert answer.status == 201, made
    assert (made["kind"], made["metadata"]["name"]) == (kind.kind, whole["metadata"]["name"])


@pytest.mark.parametrize(
    ("method", "path", "obj", "status"),
    [
        ("DELETE", "pods/p", {"apiVersion": "v1", "kind": "DeleteOptions", "gracePeriodSeconds": 0}, 200),
        (
            "POST",
            "pods/p/eviction",
            {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": "p"}},
            201,
        ),
        (
            "POST",
            "pods/p/binding",
            {
                "apiVersion": "v1",
                "kind": "Binding",
                "metadata": {"name": "p"},
                "target": {"kind": "Node", "name": "n"},
            },
            201,
        ),
        (
            "DELETE",
            "configmaps",
            {
                "apiVersion": "v1",
                "kind": "DeleteOptions",
                "preconditions": {"uid": "x"},
                "propagationPolicy": "Orphan",
            },
            200,
        ),
    ],
)
async def test_what_is_only_sent_can_be_sent_so_too(http, registry, method, path, obj, status):
    await registry.create(POD, builders.pod("p"))
    await registry.create(SERVICE_ACCOUNT, {"metadata": {"name": "robot", "namespace": "default"}})
    url = f"/api/v1/namespaces/default/{path}"
    answer = await http.request(method, url, body=encode_object(obj), headers=PROTOBUF)

    assert answer.status == status, answer.body
