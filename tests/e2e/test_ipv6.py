"""Clusters of both families, and of IPv6 alone."""

from __future__ import annotations

import ipaddress
from uuid import uuid4

import pytest

from tests.e2e.conftest import Client, Netemu

DUAL = (
    *("--host-cidr", "172.30.0.0/16,fd00:172:30::/64"),
    *("--pod-cidr", "10.244.0.0/16,fd00:10:244::/56"),
    *("--service-cidr", "10.96.0.0/16,fd00:10:96::/112"),
)
ALONE = (
    *("--host-cidr", "fd00:172:30::/64"),
    *("--pod-cidr", "fd00:10:244::/56"),
    *("--service-cidr", "fd00:10:96::/112"),
)
# One server on each node, and the client on the first.
WORLD = """
apiVersion: v1
kind: Service
metadata: {name: web}
spec:
  type: NodePort
  ipFamilyPolicy: POLICY
  selector: {app: web}
  ports: [{port: 80, targetPort: 8080, nodePort: 30080}]
---
apiVersion: v1
kind: Service
metadata: {name: endpoints}
spec:
  clusterIP: None
  ipFamilyPolicy: PreferDualStack
  selector: {app: web}
  ports: [{port: 8080}]
---
apiVersion: apps/v1
kind: DaemonSet
metadata: {name: web}
spec:
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      containers:
      - name: web
        image: registry.k8s.io/e2e-test-images/agnhost:2.53
        args: [netexec, --http-port=8080]
        readinessProbe: {httpGet: {path: /healthz, port: 8080}}
        ports: [{containerPort: 8080, hostPort: 8888}]
---
apiVersion: v1
kind: Pod
metadata: {name: client}
spec:
  nodeName: node-1
  containers: [{name: c, image: busybox, command: [sleep, "3600"]}]
"""


def _up(eventually, policy: str, *options: str):
    handle = Netemu(f"e2e-{uuid4().hex[:6]}")
    try:
        handle.ok("up", "--nodes", "2", *options)
        handle.apply(WORLD.replace("POLICY", policy))
        handle.ok("rollout", "status", "daemonset/web", "--timeout=120s")
        handle.wait("condition=Ready", "pod/client")
        eventually(lambda: _reaches_all(handle))
        yield handle
    finally:
        handle.ok("down")


@pytest.fixture(scope="module")
def dual(eventually):
    """Make a cluster of both families."""
    yield from _up(eventually, "RequireDualStack", *DUAL)


@pytest.fixture(scope="module")
def alone(eventually):
    """Make a cluster that has IPv6 only."""
    yield from _up(eventually, "SingleStack", *ALONE)


def _reaches_all(cluster):
    """Tell whether both nodes know the Services, in every family, and DNS all of their endpoints."""
    ips = cluster.get("service", "web")["spec"]["clusterIPs"]
    names = cluster.inside("client", "dig", "+short", "endpoints.default.svc.cluster.local", "AAAA").stdout
    asked = [
        cluster.on(node, "curl", "-sfg", "--fail-early", "-m", "5", *(_url(ip, 80, "hostname") for ip in ips))
        for node in ("node-1", "node-2")
    ]
    return len(names.split()) == 2 and not any(done.returncode for done in asked)


def _addresses(cluster, pod):
    return [each["ip"] for each in cluster.get("pod", pod)["status"]["podIPs"]]


def _servers(cluster):
    pods = cluster.get("pods", "-l", "app=web")
    return {pod["spec"]["nodeName"]: [each["ip"] for each in pod["status"]["podIPs"]] for pod in pods}


def _url(address, port, path):
    host = f"[{address}]" if ":" in address else address
    return f"http://{host}:{port}/{path}"


def _client_seen(answer):
    """Give the address that a server saw."""
    assert answer.returncode == 0, answer.stderr
    return answer.stdout.strip().rpartition(":")[0].strip("[]")


def _kubectl(cluster, home):
    return Client("kubectl-new", cluster.kubeconfig, home)


def _patch(policy):
    return ("patch", "service", "web", "-p", f'{{"spec": {{"ipFamilyPolicy": "{policy}"}}}}')


def _curl(url):
    return ("curl", "-sSg", "-m", "20", url)


@pytest.mark.parametrize("family", [0, 1], ids=["IPv4", "IPv6"])
@pytest.mark.parametrize("node", ["node-1", "node-2"])
def test_pods_of_both_families_reach_each_other_as_themselves(dual, node, family):
    target = _servers(dual)[node][family]

    answer = dual.inside("client", *_curl(_url(target, 8080, "clientip")))

    assert _client_seen(answer) == _addresses(dual, "client")[family]


def test_a_service_of_both_families_has_two_cluster_ips_that_work(dual):
    spec = dual.get("service", "web")["spec"]

    assert spec["ipFamilies"] == ["IPv4", "IPv6"]
    assert [ipaddress.ip_address(ip).version for ip in spec["clusterIPs"]] == [4, 6]
    for ip, own in zip(spec["clusterIPs"], _addresses(dual, "client"), strict=True):
        assert _client_seen(dual.inside("client", *_curl(_url(ip, 80, "clientip")))) == own


@pytest.mark.parametrize("port", [30080, 8888], ids=["NodePort", "hostPort"])
@pytest.mark.parametrize("family", [0, 1], ids=["IPv4", "IPv6"])
def test_a_node_is_reached_from_outside_by_both_families(dual, port, family):
    for node in dual.get("nodes"):
        addresses = [each["address"] for each in node["status"]["addresses"] if each["type"] == "InternalIP"]
        answer = dual.on("outside", *_curl(_url(addresses[family], port, "hostname")))
        assert answer.stdout.startswith("web-"), answer.stderr


def test_a_host_port_is_on_the_node_s_loopback_for_who_comes_from_another_address(dual):
    (own,) = [
        each["address"]
        for each in dual.get("node", "node-1")["status"]["addresses"]
        if ":" in each["address"]
    ]
    answer = dual.on("node-1", *_curl(_url("::1", 8888, "hostname")), "--interface", own)

    assert answer.stdout.startswith("web-"), answer.stderr


def test_dns_knows_both_families(dual):
    ips = dual.get("service", "web")["spec"]["clusterIPs"]
    pods = {addresses[1] for addresses in _servers(dual).values()}

    def dig(*words):
        return dual.inside("client", "dig", "+short", *words).stdout.split()

    assert dig("web.default.svc.cluster.local", "A") == ips[:1]
    assert dig("web.default.svc.cluster.local", "AAAA") == ips[1:]
    assert set(dig("endpoints.default.svc.cluster.local", "AAAA")) == pods
    assert dig("-x", ips[1]) == ["web.default.svc.cluster.local."]
    assert dig("@fd00:10:96::a", "web.default.svc.cluster.local", "AAAA") == ips[1:]


def test_nodes_and_pods_tell_of_both_families(dual):
    node = dual.get("node", "node-2")
    status = dual.get("pod", "client")["status"]

    assert node["spec"]["podCIDRs"] == ["10.244.1.0/24", "fd00:10:244:1::/64"]
    assert status["hostIPs"] == [{"ip": "172.30.0.11"}, {"ip": "fd00:172:30::b"}]
    hosts = dual.inside("client", "cat", "/etc/hosts").stdout
    assert all(f"{ip}\tclient\n" in hosts for ip in _addresses(dual, "client"))


def test_a_service_gives_up_and_gets_back_its_second_family(dual, home):
    before = dual.get("service", "web")["spec"]["clusterIPs"]
    _kubectl(dual, home).ok(*_patch("SingleStack"))
    assert dual.get("service", "web")["spec"]["clusterIPs"] == before[:1]

    _kubectl(dual, home).ok(*_patch("PreferDualStack"))
    first, second = dual.get("service", "web")["spec"]["clusterIPs"]
    assert first == before[0]
    answer = dual.inside(
        "client", "curl", "-sSg", "--retry", "20", "--retry-all-errors", f"http://[{second}]/hostname"
    )
    assert answer.stdout.startswith("web-"), answer.stderr


def test_a_cluster_of_ipv6_alone_works_by_names(alone):
    spec = alone.get("service", "web")["spec"]
    answer = alone.inside("client", *_curl("http://web/clientip"))

    assert (spec["ipFamilies"], spec["ipFamilyPolicy"]) == (["IPv6"], "SingleStack")
    assert [_client_seen(answer)] == _addresses(alone, "client")
    assert "fd00:10:96::a" in alone.inside("client", "cat", "/etc/resolv.conf").stdout
    assert alone.on("outside", *_curl("http://[fd00:172:30::b]:30080/hostname")).stdout.startswith("web-")


def test_pods_of_ipv6_alone_reach_the_api_and_other_nodes(alone):
    version = alone.inside("client", "curl", "-sSk", "https://kubernetes.default/version")
    remote = _servers(alone)["node-2"][0]

    assert '"gitVersion"' in version.stdout, version.stderr
    answer = alone.inside("client", *_curl(_url(remote, 8080, "clientip")))
    assert [_client_seen(answer)] == _addresses(alone, "client")


def test_what_only_clusters_of_both_families_have_is_refused(alone, home):
    said = _kubectl(alone, home).run(*_patch("RequireDualStack")).stderr

    assert "this cluster is not configured for dual-stack services" in said
