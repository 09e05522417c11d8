"""Where pods go, what those that go nowhere say, and what becomes of those on a node that is lost."""

from __future__ import annotations

import json
from uuid import uuid4

import pytest

from tests.e2e.conftest import Client, Netemu

GRACE = ("--node-monitor-grace-period", "3s", "--default-unreachable-toleration-seconds", "1")
SPREAD = """
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  replicas: 4
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      topologySpreadConstraints:
      - maxSkew: 1
        topologyKey: topology.kubernetes.io/zone
        whenUnsatisfiable: DoNotSchedule
        labelSelector: {matchLabels: {app: web}}
      containers:
      - {name: web, image: nginx, ports: [{containerPort: 80}]}
---
apiVersion: v1
kind: Service
metadata: {name: web}
spec:
  selector: {app: web}
  ports: [{port: 80}]
---
apiVersion: apps/v1
kind: DaemonSet
metadata: {name: holder}
spec:
  selector: {matchLabels: {app: holder}}
  template:
    metadata: {labels: {app: holder}}
    spec:
      containers:
      - {name: c, image: nginx, ports: [{containerPort: 80, hostPort: 8080}]}
---
apiVersion: v1
kind: Pod
metadata: {name: shell}
spec:
  nodeSelector: {kubernetes.io/hostname: node-1}
  containers:
  - {name: c, image: busybox, command: [sleep, "3600"]}
---
apiVersion: v1
kind: Pod
metadata: {name: stays}
spec:
  nodeSelector: {kubernetes.io/hostname: node-2}
  tolerations: [{operator: Exists}]
  containers:
  - {name: c, image: busybox, command: [sleep, "3600"]}
"""


@pytest.fixture(scope="module")
def small():
    """Make a cluster of two zones whose nodes are missed soon."""
    handle = Netemu(f"e2e-{uuid4().hex[:6]}")
    try:
        handle.ok("up", "--nodes", "2", "--zones", "east,west", *GRACE)
        yield handle
    finally:
        handle.ok("down")


@pytest.fixture(scope="module")
def kubectl(small, home):
    made = Client("kubectl-new", small.kubeconfig, home)
    made.ok("apply", "-f", "-", stdin=SPREAD)
    made.ok("rollout", "status", "deployment/web", "--timeout=120s")
    made.ok("rollout", "status", "daemonset/holder", "--timeout=120s")
    made.ok("wait", "--for=condition=Ready", "pod/shell", "pod/stays", "--timeout=120s")
    return made


def _pods(kubectl, labels="app=web"):
    found = json.loads(kubectl.ok("get", "pods", "-l", labels, "-o", "json"))["items"]
    return [pod for pod in found if "deletionTimestamp" not in pod["metadata"]]


def _nodes_of(kubectl):
    return sorted(pod["spec"].get("nodeName", "") for pod in _pods(kubectl))


def _endpoints(kubectl):
    """Give the nodes of the ready endpoints of the Service."""
    found = json.loads(
        kubectl.ok("get", "endpointslices", "-l", "kubernetes.io/service-name=web", "-o", "json")
    )
    endpoints = [each for part in found["items"] for each in part["endpoints"]]
    return sorted(each["nodeName"] for each in endpoints if each["conditions"]["ready"])


def _ready(kubectl, node):
    return kubectl.read('.status.conditions[?(@.type=="Ready")].status', "node", node)


def test_pods_are_spread_over_the_zones_of_the_settings(small, kubectl):
    zones = kubectl.ok("get", "nodes", "-L", "topology.kubernetes.io/zone", "--no-headers").splitlines()

    assert [line.split()[-1] for line in zones] == ["east", "west"]
    assert _nodes_of(kubectl) == ["node-1", "node-1", "node-2", "node-2"]
    assert [row["zone"] for row in small.status()["nodes"]][:2] == ["east", "west"]


@pytest.mark.parametrize(
    ("name", "container", "reason"),
    [
        pytest.param(
            "porter",
            {"ports": [{"containerPort": 80, "hostPort": 8080}]},
            "0/2 nodes are available: 2 node(s) didn't have free ports for the requested pod ports.",
            id="host-port",
        ),
        pytest.param(
            "giant",
            {"resources": {"requests": {"cpu": "1000"}}},
            "0/2 nodes are available: 2 Insufficient cpu.",
            id="requests",
        ),
    ],
)
def test_a_pod_that_fits_nowhere_says_why_in_kubernetes_words(kubectl, eventually, name, container, reason):
    spec = {"containers": [{"name": "c", "image": "nginx", **container}]}
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name}, "spec": spec}
    kubectl.ok("apply", "-f", "-", stdin=json.dumps(pod))

    told = eventually(
        lambda: kubectl.read('.status.conditions[?(@.type=="PodScheduled")].message', "pod", name)
    )
    assert told.startswith(reason)
    eventually(lambda: reason in kubectl.ok("describe", "pod", name))
    kubectl.ok("delete", "pod", name)


def test_a_drain_minds_a_budget_and_leaves_the_node_empty(kubectl):
    kubectl.ok("create", "poddisruptionbudget", "web", "--selector=app=web", "--min-available=4")
    name = _pods(kubectl)[0]["metadata"]["name"]
    eviction = {
        "apiVersion": "policy/v1",
        "kind": "Eviction",
        "metadata": {"name": name, "namespace": "default"},
    }
    path = f"/api/v1/namespaces/default/pods/{name}/eviction"
    refused = kubectl.fails("create", "--raw", path, "-f", "-", stdin=json.dumps(eviction))
    assert "violate the pod's disruption budget" in refused

    kubectl.ok("delete", "poddisruptionbudget", "web")
    kubectl.ok("drain", "node-2", "--ignore-daemonsets", "--pod-selector=app=web", "--timeout=120s")
    assert "SchedulingDisabled" in kubectl.ok("get", "node", "node-2")
    assert kubectl.read(".spec.taints[0].key", "node", "node-2") == "node.kubernetes.io/unschedulable"
    kubectl.ok("uncordon", "node-2")
    kubectl.ok("rollout", "status", "deployment/web", "--timeout=120s")


def test_a_stopped_node_is_missed_left_and_taken_back(small, kubectl, eventually):
    kubectl.ok("rollout", "restart", "deployment/web")
    kubectl.ok("rollout", "status", "deployment/web", "--timeout=120s")
    address = kubectl.read(".status.podIP", "pod", "stays")
    assert small.ok("node", "stop", "node-2") == "node-2 stopped\n"

    assert "no route to host" in kubectl.fails("exec", "stays", "--", "true")
    assert small.on("outside", "ping", "-c1", "-W1", "172.30.0.12").returncode != 0
    eventually(lambda: _ready(kubectl, "node-2"), lambda status: status == "Unknown")
    eventually(lambda: "node-2" not in _endpoints(kubectl))
    eventually(lambda: "node-2" not in _nodes_of(kubectl))
    for words in ("Node node-2 status is now: NodeNotReady", "Marking for deletion Pod default/web-"):
        eventually(lambda: kubectl.ok("get", "events"), lambda seen, words=words: words in seen)
    ask = ("exec", "shell", "--", "curl", "-sS", "--max-time", "10", "http://web/")
    eventually(lambda: "Hostname: web-" in kubectl.run(*ask).stdout)

    small.ok("up")
    assert [row["state"] for row in small.status()["nodes"]][:2] == ["on", "stopped"]
    assert small.ok("node", "start", "node-2") == "node-2 started\n"

    kubectl.ok("wait", "--for=condition=Ready", "node/node-2", "pod/stays", "--timeout=120s")
    kubectl.ok("rollout", "status", "deployment/web", "--timeout=120s")
    kubectl.ok("rollout", "status", "daemonset/holder", "--timeout=120s")
    assert kubectl.read(".status.podIP", "pod", "stays") == address
    assert kubectl.read(".status.containerStatuses[0].restartCount", "pod", "stays") == "1"
    eventually(lambda: not kubectl.read(".spec.taints", "node", "node-2"))
