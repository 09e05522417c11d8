"""Where the pods of Services are, in all three forms, and where ClusterIPs come from."""

import pytest

RANGE = """
apiVersion: networking.k8s.io/v1
kind: ServiceCIDR
metadata: {name: e2e-more}
spec: {cidrs: [10.211.0.0/28]}
"""
SERVICES = """
apiVersion: v1
kind: Service
metadata: {name: near, labels: {team: blue}}
spec:
  selector: {app: w}
  clusterIP: 10.211.0.5
  trafficDistribution: PreferSameNode
  ports: [{port: 80}]
---
apiVersion: v1
kind: Service
metadata: {name: manual}
spec: {ports: [{port: 80}]}
---
apiVersion: v1
kind: Endpoints
metadata: {name: manual}
subsets: [{addresses: [{ip: 1.2.3.4}, {ip: 'fd00::9'}], ports: [{port: 80}]}]
"""


@pytest.fixture
def more_addresses(cluster, namespace):
    cluster.apply(RANGE)
    cluster.wait("condition=Ready", "servicecidr/e2e-more")
    cluster.ok("create", "deployment", "w", "--image", "whoami", "--replicas", "2", "-n", namespace)
    cluster.ok("rollout", "status", "deployment/w", "-n", namespace)
    cluster.apply(SERVICES, namespace)
    yield
    cluster.run("delete", "service", "near", "-n", namespace)
    cluster.run("delete", "servicecidr", "e2e-more", "--timeout=120s")


def _slices(cluster, namespace, service):
    return cluster.get("endpointslices", "-l", f"kubernetes.io/service-name={service}", "-n", namespace)


def _endpoints(slices):
    return [endpoint for slice_ in slices for endpoint in slice_["endpoints"]]


def test_slices_endpoints_and_addresses_follow_services(cluster, namespace, more_addresses, eventually):
    slices = eventually(
        lambda: _slices(cluster, namespace, "near"), lambda found: len(_endpoints(found)) == 2
    )
    assert [slice_["metadata"]["labels"]["team"] for slice_ in slices] == ["blue"]
    for endpoint in _endpoints(slices):
        assert endpoint["hints"]["forNodes"] == [{"name": endpoint["nodeName"]}]
    mirrored = eventually(lambda: _slices(cluster, namespace, "manual"), lambda found: len(found) == 2)
    assert {slice_["addressType"] for slice_ in mirrored} == {"IPv4", "IPv6"}

    parent = cluster.get("ipaddress", "10.211.0.5")["spec"]["parentRef"]
    assert (parent["namespace"], parent["name"]) == (namespace, "near")
    reach = ("curl", "-sf", "--max-time", "1")
    reached = eventually(
        lambda: cluster.inside("shell-1", *reach, "http://10.211.0.5/").stdout,
        lambda seen: "Pod: w-" in seen,
    )
    # The proxies know the range: the client is not hidden, and an address that nobody has is not refused.
    assert f"RemoteAddr: {cluster.field('.status.podIP', 'pod', 'shell-1')}:" in reached
    assert cluster.inside("shell-1", *reach, "http://10.211.0.9/").returncode == 28

    cluster.ok("delete", "servicecidr", "e2e-more", "--wait=false")
    cluster.wait("condition=Ready=false", "servicecidr/e2e-more")
    cluster.ok("delete", "service", "near", "-n", namespace)
    gone = "servicecidr.networking.k8s.io/e2e-more"
    eventually(lambda: gone not in cluster.ok("get", "servicecidrs", "-o", "name"))
    assert cluster.run("get", "ipaddress", "10.211.0.5").returncode == 1
