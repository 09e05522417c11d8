"""The rest of kubectl's words, and what kubectl and netemu tell of use."""

from __future__ import annotations

import os

import pytest

from tests.e2e.conftest import CLIENTS

BUSY = "while :; do :; done"


@pytest.fixture
def busy(cluster, namespace):
    """A pod that computes for as long as it is there, beside one that is played."""
    cluster.ok("run", "busy", "-n", namespace, "--image", "busybox", "--command", "--", "sh", "-c", BUSY)
    cluster.ok("run", "played", "-n", namespace, "--image", "nginx")
    cluster.wait("condition=Ready", "pod", "--all", "-n", namespace)
    return namespace


def _rows(text):
    return {words[0]: words[1:] for line in text.splitlines() if (words := line.split())}


def _millis(rows, name):
    return int(rows.get(name, ["0m"])[0].removesuffix("m"))


def test_what_pods_and_nodes_use_is_measured(cluster, busy, new_kubectl, eventually):
    def used():
        return _rows(cluster.run("top", "pod", "-n", busy).stdout)

    rows = eventually(used, lambda seen: _millis(seen, "busy") > 50)
    assert rows["played"] == ["0m", "0Mi"]
    by_kubectl = new_kubectl.ok("top", "pod", "-n", busy, "--containers", "--sort-by=cpu", "--no-headers")
    assert by_kubectl.split()[:2] == ["busy", "busy"]
    assert {"node-1", "node-2", "node-3"} <= set(_rows(new_kubectl.ok("top", "node")))
    assert "%" in cluster.ok("top", "node", "node-1")
    assert "True" in new_kubectl.ok("get", "apiservice", "v1beta1.metrics.k8s.io")


def test_objects_are_changed_word_by_word(cluster, namespace, eventually):
    def ok(*words):
        return cluster.ok(*words, "-n", namespace)

    ok("create", "deployment", "web", "--image", "nginx")
    assert ok("label", "deploy/web", "tier=front", "app-") == "deployment.apps/web labeled\n"
    assert ok("annotate", "deploy", "web", "a.test/b=c") == "deployment.apps/web annotated\n"
    assert ok("patch", "deploy", "web", "-p", "spec: {replicas: 2}") == "deployment.apps/web patched\n"
    assert ok("set", "image", "deploy/web", "nginx=nginx:2") == "deployment.apps/web image updated\n"
    columns = "custom-columns=N:.metadata.name,R:.spec.replicas,I:.spec.template.spec.containers[*].image"
    shown = ok(
        "get", "deploy", "-l", "tier=front", "-o", columns, "--no-headers", "--sort-by", ".metadata.name"
    )
    assert shown.split() == ["web", "2", "nginx:2"]
    ok("rollout", "status", "deploy/web")
    eventually(lambda: "ScalingReplicaSet" in ok("events", "--for", "deploy/web"))


def test_a_pod_is_there_for_one_command_and_a_debugger_beside_another(cluster, namespace):
    run = (
        "run",
        "tmp",
        "-n",
        namespace,
        "--rm",
        "-i",
        "--restart",
        "Never",
        "--image",
        "busybox",
        "--",
        "sh",
    )
    said = cluster.ok(*run, stdin="echo from $(hostname)\n")
    assert said.splitlines() == ["from tmp", f'pod "tmp" deleted from {namespace} namespace']

    cluster.ok("run", "web", "-n", namespace, "--image", "nginx")
    cluster.wait("condition=Ready", "pod/web", "-n", namespace)
    debug = ("debug", "web", "-n", namespace, "--attach", "--image", "busybox", "--", "sh", "-c")
    done = cluster.run(*debug, "hostname; exit 7")
    assert (done.returncode, done.stdout) == (7, "web\n")


def test_access_is_given_and_asked_about(cluster, namespace):
    def ok(*words):
        return cluster.ok(*words, "-n", namespace)

    ok("create", "serviceaccount", "bot")
    ok("create", "role", "reader", "--verb", "get,list", "--resource", "pods")
    ok("create", "rolebinding", "bot", "--role", "reader", "--serviceaccount", f"{namespace}:bot")
    account = f"system:serviceaccount:{namespace}:bot"
    assert ok("auth", "can-i", "list", "pods", "--as", account) == "yes\n"
    assert account in ok("auth", "whoami", "--as", account)
    assert len(ok("create", "token", "bot").split(".")) == 3
    assert "deployments.apps" in cluster.ok("api-resources", "-o", "name").split()
    assert cluster.ok("get", "--raw", "/livez") == "ok"


def test_a_node_is_drained_and_comes_back(cluster, namespace, eventually):
    cluster.ok("create", "deployment", "moving", "--image", "nginx", "--replicas", "3", "-n", namespace)
    cluster.ok("rollout", "status", "deployment/moving", "-n", namespace)
    node = cluster.field(".items[0].spec.nodeName", "pods", "-l", "app=moving", "-n", namespace)
    try:
        done = cluster.ok("drain", node, "--pod-selector", "app=moving", "--timeout", "60s")
        assert done.startswith(f"node/{node} cordoned\n")
        assert done.endswith(f"node/{node} drained\n")
        there = cluster.field(".items[*].spec.nodeName", "pods", "-l", "app=moving", "-n", namespace)
        assert node not in there.split()
    finally:
        cluster.ok("uncordon", node)
    assert cluster.ok("taint", "node", node, "e2e=x:PreferNoSchedule") == f"node/{node} tainted\n"
    assert cluster.ok("taint", "node", node, "e2e-") == f"node/{node} untainted\n"


def test_what_netemu_has_no_word_for_kubectl_does(cluster, new_kubectl, tmp_path):
    (tmp_path / "kubectl").symlink_to(CLIENTS / "kubectl-new")
    elsewhere = {"PATH": f"{tmp_path}:{os.environ['PATH']}", "KUBECONFIG": "/none"}
    handle = type(cluster)(cluster.name, **elsewhere)

    assert "FIELD: hostname" in handle.ok("explain", "pod.spec.hostname")
    assert "coredns" in handle.ok("-n", "kube-system", "kubectl", "get", "deployments")
