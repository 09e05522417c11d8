"""Controllers keep what was asked for."""

import pytest


@pytest.fixture
def web(cluster, namespace):
    cluster.ok("create", "deployment", "w", "--image", "nginx", "--replicas", "2", "-n", namespace)
    cluster.ok("rollout", "status", "deployment/w", "-n", namespace)
    return namespace


def _names(cluster, namespace):
    return {pod["metadata"]["name"] for pod in cluster.get("pods", "-l", "app=w", "-n", namespace)}


def test_scaling_makes_and_ends_pods(cluster, web, eventually):
    cluster.ok("scale", "deployment/w", "--replicas", "5", "-n", web)
    cluster.ok("rollout", "status", "deployment/w", "-n", web)
    assert len(_names(cluster, web)) == 5

    cluster.ok("scale", "deployment/w", "--replicas", "1", "-n", web)
    eventually(lambda: len(_names(cluster, web)) == 1)


def test_a_deleted_pod_is_replaced(cluster, web, eventually):
    before = _names(cluster, web)
    victim = min(before)

    cluster.ok("delete", "pod", victim, "-n", web)

    after = eventually(lambda: _names(cluster, web), lambda names: len(names) == 2 and victim not in names)
    assert len(after & before) == 1


def test_a_new_image_is_rolled_out_without_an_answer_missing(cluster, web, eventually):
    cluster.ok("expose", "deployment", "w", "--port", "80", "-n", web)
    address = cluster.field(".spec.clusterIP", "service", "w", "-n", web)
    eventually(lambda: cluster.inside("shell-1", "curl", "-sf", f"http://{address}/").returncode == 0)
    before = _names(cluster, web)

    cluster.ok("set", "image", "deployment/w", "nginx=httpd", "-n", web)
    cluster.ok("rollout", "status", "deployment/w", "-n", web)

    eventually(lambda: not _names(cluster, web) & before)
    assert cluster.inside("shell-1", "curl", "-sf", f"http://{address}/").returncode == 0


def test_a_daemon_set_has_a_pod_on_every_node(cluster, namespace):
    cluster.apply(
        """
apiVersion: apps/v1
kind: DaemonSet
metadata: {name: d}
spec:
  selector: {matchLabels: {app: d}}
  template:
    metadata: {labels: {app: d}}
    spec: {containers: [{name: c, image: pause}]}
""",
        namespace,
    )
    cluster.ok("rollout", "status", "daemonset/d", "-n", namespace)

    assert {pod["spec"]["nodeName"] for pod in cluster.get("pods", "-l", "app=d", "-n", namespace)} == {
        "node-1",
        "node-2",
        "node-3",
    }


def test_deleting_a_deployment_deletes_its_pods(cluster, web, eventually):
    cluster.ok("delete", "deployment", "w", "-n", web)

    eventually(lambda: not _names(cluster, web))


def test_deleting_a_namespace_empties_it(cluster, web):
    cluster.ok("create", "namespace", f"{web}-x")
    cluster.ok("run", "p", "--image", "pause", "-n", f"{web}-x")
    cluster.ok("delete", "namespace", f"{web}-x")

    assert "No resources found" in cluster.run("get", "all", "-n", f"{web}-x").stderr


def test_a_pod_that_ends_is_restarted_by_its_policy(cluster, namespace, eventually):
    cluster.ok("run", "ends", "--image", "busybox", "-n", namespace, "--command", "--", "sh", "-c", "exit 1")

    eventually(
        lambda: cluster.field(".status.containerStatuses[0].restartCount", "pod", "ends", "-n", namespace),
        lambda count: count not in {"", "0"},
    )


def test_a_watch_tells_what_happens(cluster, namespace, eventually):
    done = cluster.run("wait", "--for=create", "pod/later", "--timeout", "1s", "-n", namespace)
    assert done.returncode == 1
    cluster.ok("run", "later", "--image", "pause", "-n", namespace)
    cluster.wait("create", "pod/later", "-n", namespace)
    cluster.ok("delete", "pod", "later", "-n", namespace)
    cluster.wait("delete", "pod/later", "-n", namespace)
