"""Services on real packets: from pods, nodes and from outside."""

import json
from pathlib import Path

import pytest

NODES = {"node-1": "172.30.0.11", "node-2": "172.30.0.12", "node-3": "172.30.0.13"}


@pytest.fixture(scope="module")
def web(cluster):
    service = cluster.get("service", "web")
    return {
        "ip": service["spec"]["clusterIP"],
        "node_port": service["spec"]["ports"][0]["nodePort"],
        "pods": {
            pod["metadata"]["name"]: pod["status"]["podIP"] for pod in cluster.get("pods", "-l", "app=web")
        },
    }


def _asked(done):
    """Read the stand-in's answer."""
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def _curl(url):
    return ("curl", "-s", "--max-time", "20", "-H", "Accept: application/json", url)


@pytest.mark.parametrize("shell", ["shell-1", "shell-2", "shell-3", "host-shell"])
def test_every_pod_of_every_node_reaches_the_cluster_ip(cluster, web, shell):
    assert _asked(cluster.inside(shell, *_curl(f"http://{web['ip']}/")))["pod"] in web["pods"]


@pytest.mark.parametrize("node", NODES)
def test_every_node_reaches_the_cluster_ip(cluster, web, node):
    assert _asked(cluster.on(node, *_curl(f"http://{web['ip']}/")))["pod"] in web["pods"]


def test_all_endpoints_are_chosen_sooner_or_later(cluster, web):
    loop = f"for i in $(seq 60); do curl -s http://{web['ip']}/ | grep ^Pod:; done"

    chosen = set(cluster.inside("shell-1", "sh", "-c", loop).stdout.split("\n")) - {""}

    assert chosen == {f"Pod: {name}" for name in web["pods"]}


def test_the_client_s_own_address_reaches_the_pod(cluster, web):
    address = cluster.field(".status.podIP", "pod", "shell-1")

    assert _asked(cluster.inside("shell-1", *_curl(f"http://{web['ip']}/")))["remoteAddr"].startswith(
        f"{address}:"
    )


def test_several_ports_and_numbers_and_names_of_targets(cluster, web):
    assert _asked(cluster.inside("shell-1", *_curl(f"http://{web['ip']}:8000/")))["pod"] in web["pods"]


def test_udp_is_echoed(cluster, web, eventually):
    command = f"echo over-udp | nc -u -w 1 {web['ip']} 7"

    eventually(lambda: "over-udp" in cluster.inside("shell-1", "sh", "-c", command).stdout)


@pytest.mark.parametrize("node", NODES.values())
@pytest.mark.parametrize("place", ["outside", "node-1"])
def test_the_node_port_answers_everywhere(cluster, web, node, place):
    assert _asked(cluster.on(place, *_curl(f"http://{node}:{web['node_port']}/")))["pod"] in web["pods"]


@pytest.mark.parametrize("node", NODES.values())
def test_pods_reach_node_ports_too(cluster, web, node):
    assert (
        _asked(cluster.inside("shell-1", *_curl(f"http://{node}:{web['node_port']}/")))["pod"] in web["pods"]
    )


def test_a_node_port_opens_no_port_of_the_machine(web):
    sockets = [Path(f"/proc/net/{kind}").read_text() for kind in ("tcp", "tcp6", "udp", "udp6")]

    assert [table for table in sockets if f":{web['node_port']:04X} " in table] == []


def test_a_pod_reaches_itself_through_its_own_service(cluster, namespace, eventually):
    cluster.ok("create", "deployment", "self", "--image", "whoami", "--port", "80", "-n", namespace)
    cluster.ok("expose", "deployment", "self", "--port", "80", "-n", namespace)
    cluster.ok("rollout", "status", "deployment/self", "-n", namespace)
    address = cluster.field(".spec.clusterIP", "service", "self", "-n", namespace)

    answer = eventually(
        lambda: cluster.run("exec", "-n", namespace, "deploy/self", "--", *_curl(f"http://{address}/")),
        lambda done: done.returncode == 0,
    )

    assert json.loads(answer.stdout)["pod"].startswith("self-")


def test_a_service_without_endpoints_refuses_at_once(cluster, namespace, eventually):
    cluster.apply(
        """
apiVersion: v1
kind: Service
metadata: {name: none}
spec: {selector: {app: none}, ports: [{port: 80}]}
""",
        namespace,
    )
    address = cluster.field(".spec.clusterIP", "service", "none", "-n", namespace)

    done = eventually(
        lambda: cluster.inside("shell-1", "curl", "-sS", "--max-time", "2", f"http://{address}/"),
        lambda done: done.returncode == 7,
    )

    assert "refused" in done.stderr or "connect" in done.stderr


def test_endpoints_can_be_written_by_hand(cluster, web, namespace, eventually):
    target = next(iter(web["pods"].values()))
    cluster.apply(
        f"""
apiVersion: v1
kind: Service
metadata: {{name: by-hand}}
spec: {{ports: [{{name: http, port: 80}}]}}
---
apiVersion: v1
kind: Endpoints
metadata: {{name: by-hand}}
subsets:
- addresses: [{{ip: {target}}}]
  ports: [{{name: http, port: 8080}}]
""",
        namespace,
    )
    address = cluster.field(".spec.clusterIP", "service", "by-hand", "-n", namespace)

    eventually(
        lambda: cluster.inside("shell-2", *_curl(f"http://{address}/")), lambda done: done.returncode == 0
    )


def test_slices_can_be_written_by_hand(cluster, web, namespace, eventually):
    target = next(iter(web["pods"].values()))
    cluster.apply(
        f"""
apiVersion: v1
kind: Service
metadata: {{name: by-hand}}
spec: {{ports: [{{name: http, port: 80}}]}}
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata:
  name: by-hand-1
  labels: {{kubernetes.io/service-name: by-hand}}
addressType: IPv4
ports: [{{name: http, port: 8080}}]
endpoints: [{{addresses: [{target}]}}]
""",
        namespace,
    )
    address = cluster.field(".spec.clusterIP", "service", "by-hand", "-n", namespace)

    eventually(
        lambda: cluster.inside("shell-3", *_curl(f"http://{address}/")), lambda done: done.returncode == 0
    )


def test_readiness_decides_about_endpoints(cluster, namespace, eventually):
    cluster.apply(
        """
apiVersion: v1
kind: Pod
metadata: {name: slow, labels: {app: slow}}
spec:
  terminationGracePeriodSeconds: 0
  containers:
  - name: c
    image: busybox
    command: [sleep, infinity]
    ports: [{containerPort: 80}]
    readinessProbe: {exec: {command: [test, -f, /tmp/ready]}, periodSeconds: 1}
---
apiVersion: v1
kind: Service
metadata: {name: slow}
spec: {selector: {app: slow}, ports: [{port: 80}]}
""",
        namespace,
    )
    cluster.wait("jsonpath={.status.phase}=Running", "pod/slow", "-n", namespace)

    def ready():
        slices = cluster.get("endpointslices", "-l", "kubernetes.io/service-name=slow", "-n", namespace)
        return [e["conditions"]["ready"] for each in slices for e in each.get("endpoints") or ()]

    assert eventually(ready) == [False]
    assert cluster.inside("slow", "touch", "/tmp/ready", namespace=namespace).returncode == 0
    eventually(ready, lambda found: found == [True])
    assert cluster.inside("slow", "rm", "/tmp/ready", namespace=namespace).returncode == 0
    eventually(ready, lambda found: found == [False])


def test_what_is_nowhere_is_refused_at_once(cluster):
    done = cluster.inside("shell-1", "curl", "-sS", "--max-time", "20", "http://192.0.2.1/")

    assert done.returncode == 7  # not 28: no time-out
