"""The real kubectl, oldest and newest: what the cluster is, who may do what, and its nodes."""

from __future__ import annotations

import base64
import json

import pytest


@pytest.fixture
def kubectl(any_kubectl):
    return any_kubectl


def test_the_cluster_tells_its_version_and_its_health(kubectl):
    assert json.loads(kubectl.ok("version", "-o", "json"))["serverVersion"]["minor"] == "37"
    assert kubectl.ok("get", "--raw", "/readyz") == "ok"
    assert "https://127.0.0.1:" in kubectl.ok("cluster-info")


def test_what_components_and_kubelets_say_is_passed_on(kubectl):
    assert kubectl.ok("get", "componentstatuses").count("Healthy") == 3
    assert "apiserver_request_total{" in kubectl.ok("get", "--raw", "/metrics")
    assert kubectl.ok("get", "--raw", "/api/v1/nodes/node-1/proxy/healthz") == "ok"
    assert '"kind":"PodList"' in kubectl.ok("get", "--raw", "/api/v1/nodes/node-1/proxy/pods")


def test_kinds_and_their_versions_are_listed(kubectl):
    kinds = kubectl.ok("api-resources", "--no-headers")
    assert "deploy" in kinds
    assert "customresourcedefinitions" in kinds
    short = kubectl.ok(
        "api-resources", "--namespaced=false", "--api-group=rbac.authorization.k8s.io", "-o", "name"
    )
    assert sorted(short.split()) == [
        "clusterrolebindings.rbac.authorization.k8s.io",
        "clusterroles.rbac.authorization.k8s.io",
    ]
    assert {"v1", "apps/v1", "networking.k8s.io/v1"} <= set(kubectl.ok("api-versions").split())


@pytest.mark.parametrize(
    ("field", "expected"),
    [
        pytest.param("pod.spec.containers", "List of containers belonging to the pod", id="field"),
        pytest.param("deployments", "Deployment enables declarative updates", id="kind"),
        pytest.param("service.spec.ports.nodePort", "<integer>", id="type"),
        pytest.param("networkpolicy", "NetworkPolicy describes what network traffic", id="other-group"),
    ],
)
def test_explain_has_the_words_of_kubernetes(kubectl, field, expected):
    assert expected in " ".join(kubectl.ok("explain", field).split())


def test_explain_lists_all_fields(kubectl):
    assert "sessionAffinity" in kubectl.ok("explain", "service", "--recursive")


def test_who_may_do_what_is_answered(kubectl):
    assert kubectl.ok("auth", "can-i", "create", "deployments.apps") == "yes\n"
    assert "[*]" in kubectl.ok("auth", "can-i", "--list")


def test_a_node_is_cordoned_drained_of_a_pod_and_given_back(kubectl):
    kubectl.ok(
        "run",
        "leaving",
        "--image=pause",
        "--labels=app=leaving",
        "--overrides",
        json.dumps({"apiVersion": "v1", "spec": {"nodeName": "node-3", "terminationGracePeriodSeconds": 0}}),
    )
    kubectl.ok("wait", "--for=condition=Ready", "pod/leaving", "--timeout=120s")
    try:
        kubectl.ok("cordon", "node-3")
        assert "SchedulingDisabled" in kubectl.ok("get", "node", "node-3")
        kubectl.ok("drain", "node-3", "--pod-selector=app=leaving", "--force", "--timeout=120s")
        assert "NotFound" in kubectl.fails("get", "pod", "leaving")
    finally:
        kubectl.ok("uncordon", "node-3")
    assert "SchedulingDisabled" not in kubectl.ok("get", "node", "node-3")


def test_a_node_is_tainted_and_untainted(kubectl):
    kubectl.ok("taint", "node", "node-3", "dirty=yes:PreferNoSchedule")
    assert "dirty=yes:PreferNoSchedule" in kubectl.ok("describe", "node", "node-3")

    kubectl.ok("taint", "node", "node-3", "dirty-")

    assert "Taints:             <none>" in kubectl.ok("describe", "node", "node-3")


def test_nodes_are_shown_wide(kubectl):
    wide = kubectl.ok("get", "nodes", "-o", "wide")

    assert "INTERNAL-IP" in wide
    assert "172.30.0.11" in wide


def test_the_newest_knows_who_it_is_and_makes_tokens_that_open_the_api(new_kubectl, tmp_path):
    assert "kubernetes-admin" in new_kubectl.ok("auth", "whoami")
    cluster = json.loads(new_kubectl.ok("config", "view", "--raw", "--minify", "-o", "json"))["clusters"][0][
        "cluster"
    ]
    authority = tmp_path / "ca.crt"
    authority.write_bytes(base64.b64decode(cluster["certificate-authority-data"]))
    token = new_kubectl.ok("create", "token", "default", "--duration=1h").strip()
    only_that = (
        "--kubeconfig=/dev/null",
        f"--server={cluster['server']}",
        f"--certificate-authority={authority}",
    )

    said = new_kubectl.ok("auth", "whoami", *only_that, "--token", token)

    assert f"system:serviceaccount:{new_kubectl.namespace}:default" in said
    assert "nauthorized" in new_kubectl.fails("auth", "whoami", *only_that, "--token", "made-up")
