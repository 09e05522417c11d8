"""Clusters whose nodes serve Services in another way, or not at all."""

from __future__ import annotations

import json
import re
from uuid import uuid4

import pytest

from tests.e2e.conftest import Netemu

CLIENT, NODE_1, NODE_2 = "client", "172.30.0.11", "172.30.0.12"
# Two pods on node-1, beside the client; none on node-2.
WORLD = """
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  replicas: 2
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      nodeName: node-1
      containers: [{name: web, image: traefik/whoami}]
---
apiVersion: v1
kind: Service
metadata: {name: web}
spec: {type: LoadBalancer, selector: {app: web}, ports: [{port: 80, nodePort: 30080}]}
---
apiVersion: v1
kind: Service
metadata: {name: sticky}
spec: {selector: {app: web}, sessionAffinity: ClientIP, ports: [{port: 80}]}
---
apiVersion: v1
kind: Service
metadata: {name: local}
spec:
  type: NodePort
  externalTrafficPolicy: Local
  selector: {app: web}
  ports: [{port: 80, nodePort: 30081}]
---
apiVersion: v1
kind: Service
metadata: {name: nobody}
spec: {type: NodePort, selector: {app: nobody}, ports: [{port: 80, nodePort: 30082}]}
---
apiVersion: v1
kind: Pod
metadata: {name: client}
spec:
  nodeName: node-1
  containers: [{name: c, image: busybox, command: [sleep, "3600"]}]
"""


@pytest.fixture(scope="module")
def chains(eventually):
    """Make a cluster that serves with iptables."""
    handle = Netemu(f"e2e-{uuid4().hex[:6]}")
    try:
        handle.ok("up", "--nodes", "2", "--proxy-mode", "iptables", "--localhost-nodeports")
        handle.apply(WORLD)
        handle.ok("rollout", "status", "deploy/web", "--timeout=120s")
        handle.wait("condition=Ready", "pod/client")
        handle.wait("jsonpath={.status.loadBalancer.ingress}", "service/web")
        for place in (CLIENT, "node-1", "node-2"):
            eventually(lambda place=place: not {7, 28} & set(asked(handle, place, *_served(handle))))
        yield handle
    finally:
        handle.ok("down")


# Each answer ends with curl's exit status: 7 is refused, 28 nothing.
ASK = """for address in "$@"; do curl -s -m 5 "http://$address"; echo "Status: $?"; done"""


def asked(cluster, place, *addresses):
    """Ask from a place: for each address, whom it reached and who that saw, or curl's exit status."""
    script = ("sh", "-c", ASK, "sh", *addresses)
    inside = place in ("outside", "node-1", "node-2")
    said = (cluster.on if inside else cluster.inside)(place, *script).stdout
    found = re.findall(
        r"(?:Hostname: (\S+).*?RemoteAddr: ([^:\n]+).*?)?^Status: (\d+)", said, re.DOTALL | re.MULTILINE
    )
    return [(name, source) if name else int(status) for name, source, status in found]


def _served(cluster):
    """Give the ClusterIPs behind which there are pods."""
    services = {each["metadata"]["name"]: each["spec"]["clusterIP"] for each in cluster.get("services")}
    return [services[name] for name in ("web", "sticky", "local")]


@pytest.fixture(scope="module")
def addresses(chains):
    """Find the ClusterIPs, the balancer's address and the pods."""
    services = {each["metadata"]["name"]: each for each in chains.get("services")}
    found = {name: each["spec"]["clusterIP"] for name, each in services.items()}
    return found | {"balancer": services["web"]["status"]["loadBalancer"]["ingress"][0]["ip"]}


@pytest.fixture(scope="module")
def pods(chains):
    """Find where pods are, by name."""
    return {pod["metadata"]["name"]: pod["status"]["podIP"] for pod in chains.get("pods")}


def test_the_mode_is_told_where_kube_proxy_tells_it(chains):
    assert chains.on("node-1", "curl", "-s", "http://127.0.0.1:10249/proxyMode").stdout == "iptables"


def test_every_way_from_outside_leads_to_pods_and_hides_or_keeps_the_source(
    chains, addresses, pods, eventually
):
    def ask():
        return asked(chains, "outside", addresses["balancer"], f"{NODE_2}:30080", f"{NODE_1}:30081")

    balanced, elsewhere, local = eventually(ask, lambda found: not {7, 28} & set(found))

    assert {balanced[0], elsewhere[0], local[0]} <= pods.keys() - {CLIENT}
    assert "172.30.0.1" not in (balanced[1], elsewhere[1])
    assert local[1] == "172.30.0.1"


def test_every_way_from_inside_leads_to_pods_and_keeps_the_source(chains, addresses, pods):
    from_pod = asked(chains, CLIENT, addresses["web"], addresses["balancer"])
    from_node = asked(chains, "node-1", addresses["web"], f"{NODE_1}:30080", "127.0.0.1:30080")

    assert {name for name, _ in (*from_pod, *from_node)} <= pods.keys() - {CLIENT}
    assert from_pod[0][1] == pods[CLIENT]


def test_a_pod_reaches_itself_through_its_service(chains, addresses, pods):
    name = next(name for name in pods if name != CLIENT)
    # With two endpoints, sixty tries miss one of them once in 2^60.
    found = dict(asked(chains, name, *[addresses["web"]] * 60))

    assert found.keys() == pods.keys() - {CLIENT}
    assert found[name] in ("10.244.0.1", NODE_1)


def test_a_client_stays_where_it_was(chains, addresses):
    assert len(set(asked(chains, CLIENT, *[addresses["sticky"]] * 12))) == 1


def test_no_endpoint_is_refused_and_local_without_a_pod_is_lost(chains, addresses):
    assert asked(chains, CLIENT, addresses["nobody"]) == [7]
    assert asked(chains, "outside", f"{NODE_1}:30082", f"{NODE_2}:30081") == [7, 28]


def test_a_services_chains_are_shown_with_sentences(chains):
    shown = json.loads(chains.ok("proxy", "rules", "web", "-o", "json"))

    assert "chain KUBE-SVC-LOLE4ISW44XBNF3G chooses among all pods" in [part["frontend"] for part in shown]
    assert all(line["sentence"] for part in shown for line in part["lines"])


def test_a_running_cluster_refuses_another_mode(chains):
    assert "--proxy-mode is iptables, not none" in chains.fails("up", "--proxy-mode", "none")


def test_without_a_proxy_a_cluster_comes_up_and_leaves_services_to_others():
    handle = Netemu(f"e2e-{uuid4().hex[:6]}")
    try:
        handle.ok("up", "--nodes", "1", "--proxy-mode", "none")
        node = handle.on("node-1", "sh", "-c", "nft list tables; ss -Htln").stdout
        ready = handle.field(".status.readyReplicas", "-n", "kube-system", "deploy/coredns")
        refused = handle.fails("proxy", "rules", "kubernetes")
    finally:
        handle.ok("down")

    assert "netemu-overlay" in node
    assert not re.search("netemu-proxy|ip nat|:10249 |:10256 ", node)
    assert ready == "2"
    assert "leaves Services to somebody else" in refused
