"""Rollouts of StatefulSets and DaemonSets, back and forth, by kubectl; and by our own words."""

from __future__ import annotations

import pytest

TEMPLATE = """
  selector: {matchLabels: {app: NAME}}
  template:
    metadata: {labels: {app: NAME}}
    spec: {terminationGracePeriodSeconds: 1, containers: [{name: c, image: nginx}]}
"""
WORKLOADS = f"""
apiVersion: apps/v1
kind: StatefulSet
metadata: {{name: db}}
spec:
  replicas: 2
  serviceName: db
{TEMPLATE.replace("NAME", "db")}
---
apiVersion: apps/v1
kind: DaemonSet
metadata: {{name: each}}
spec:
{TEMPLATE.replace("NAME", "each")}
---
apiVersion: v1
kind: ReplicationController
metadata: {{name: few}}
spec:
  replicas: 1
{TEMPLATE.replace("{matchLabels: {app: NAME}}", "{app: few}").replace("NAME", "few")}
"""


@pytest.fixture
def kubectl(any_kubectl):
    any_kubectl.ok("apply", "-f", "-", stdin=WORKLOADS)
    for name in ("statefulset/db", "daemonset/each"):
        any_kubectl.ok("rollout", "status", name, "--timeout=120s")
    yield any_kubectl
    any_kubectl.ok("delete", "-f", "-", stdin=WORKLOADS)


def numbers(history):
    return [line.split()[0] for line in history.splitlines()[2:] if line]


def test_what_was_rolled_out_is_remembered_and_gone_back_to(kubectl, eventually):
    names = ("statefulset/db", "daemonset/each")
    for name in names:
        kubectl.ok("set", "image", name, "c=httpd")
    for name in names:
        kubectl.ok("rollout", "status", name, "--timeout=120s")
        assert numbers(kubectl.ok("rollout", "history", name)) == ["1", "2"]
        assert "nginx" in kubectl.ok("rollout", "history", name, "--revision=1")
        kubectl.ok("rollout", "undo", name)
    for name in names:
        kubectl.ok("rollout", "status", name, "--timeout=120s")
        assert kubectl.read(".spec.template.spec.containers[0].image", name) == "nginx"
        assert numbers(kubectl.ok("rollout", "history", name)) == ["2", "3"]
    images = kubectl.read(".items[*].spec.containers[*].image", "pods", "-l", "app in (db,each)")
    assert set(images.split()) == {"nginx"}

    kubectl.ok("scale", "rc/few", "--replicas=2")
    eventually(lambda: kubectl.read(".status.readyReplicas", "rc/few") == "2")


def test_a_rollout_is_steered_by_our_own_words(cluster, namespace):
    cluster.ok("create", "deployment", "web", "--image", "nginx", "-n", namespace)
    where = ("deployment/web", "-n", namespace)
    cluster.ok("rollout", "status", *where)
    cluster.ok("rollout", "pause", *where)
    cluster.ok("rollout", "resume", *where)
    cluster.ok("rollout", "restart", *where)
    cluster.ok("rollout", "status", *where)
    assert numbers(cluster.ok("rollout", "history", *where)) == ["1", "2"]

    assert "rolled back" in cluster.ok("rollout", "undo", *where)
    assert "successfully rolled out" in cluster.ok("rollout", "status", *where)
    assert numbers(cluster.ok("rollout", "history", *where)) == ["2", "3"]
