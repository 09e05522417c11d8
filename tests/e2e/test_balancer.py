"""Load balancers: addresses that the machine outside reaches, wherever they are announced."""

import json

import pytest

POOL = """
apiVersion: loadbalancer.netemu.io/v1
kind: AddressPool
metadata: {name: e2e-single}
spec: {addresses: [172.30.200.7/32], autoAssign: false}
"""
SERVICE = """
apiVersion: v1
kind: Service
metadata: {name: %s, annotations: {loadbalancer.netemu.io/address-pool: e2e-single}}
spec: {type: LoadBalancer, ports: [{port: 80}], selector: {app: website}}
"""
LOCAL = """
apiVersion: v1
kind: Service
metadata: {name: local}
spec: {type: LoadBalancer, externalTrafficPolicy: Local, ports: [{port: 80}], selector: {app: website}}
"""
POD = """
apiVersion: v1
kind: Pod
metadata: {name: single, labels: {app: website}}
spec: {nodeName: %s, containers: [{name: web, image: nginx, ports: [{containerPort: 80}]}]}
"""


def _address(cluster, service, *place):
    return cluster.field(".status.loadBalancer.ingress[0].ip", "service", service, *place)


def _announcers(cluster, address):
    nodes = [node["metadata"]["name"] for node in cluster.get("nodes")]
    return [node for node in nodes if address in cluster.on(node, "ip", "neigh", "show", "proxy").stdout]


def _asked(cluster, address):
    answer = cluster.on(
        *("outside", "curl", "-s", "-m", "1", "-H", "Accept: application/json", f"http://{address}/")
    ).stdout
    return json.loads(answer) if answer else {}


@pytest.fixture
def small(netemu):
    """A cluster of two nodes that may be switched off."""
    handle = netemu()
    handle.ok("up", "--nodes", "2")
    return handle


def test_an_address_moves_to_another_node_when_its_node_stops_and_back(small, manifests, eventually):
    small.apply(manifests / "talk/service-loadbalancer.yaml")
    address = eventually(lambda: _address(small, "website"))
    assert _announcers(small, address) == []  # for nothing serves it
    for node in ("node-1", "node-2"):
        small.apply((POD % node).replace("single", f"on-{node}"))
    (first,) = eventually(lambda: _announcers(small, address))
    (other,) = {"node-1", "node-2"} - {first}
    small.wait("condition=Ready", "pod", "--all")
    assert eventually(lambda: _asked(small, address))

    small.ok("node", "stop", first)
    eventually(lambda: _asked(small, address).get("node"), lambda node: node == other)
    words = f'announcing from node "{other}" with protocol "layer2"'
    eventually(lambda: words in small.ok("describe", "service", "website"))

    small.ok("node", "start", first)
    eventually(lambda: _announcers(small, address), lambda found: found == [first])
    assert eventually(lambda: _asked(small, address))


def test_a_local_service_is_announced_where_its_pod_is_which_sees_the_client(cluster, namespace, eventually):
    cluster.apply(POD % "node-2", namespace)
    cluster.apply(LOCAL, namespace)
    address = eventually(lambda: _address(cluster, "local", "-n", namespace))
    cluster.wait("condition=Ready", "pod/single", "-n", namespace)

    seen = eventually(lambda: _asked(cluster, address))

    assert _announcers(cluster, address) == ["node-2"]
    assert seen["remoteAddr"].startswith("172.30.0.1:")


def test_pods_and_nodes_reach_the_address_too(cluster, namespace, manifests, eventually):
    cluster.ok("create", "deployment", "website", "--image", "nginx", "-n", namespace)
    cluster.apply(manifests / "talk/service-loadbalancer.yaml", namespace)
    address = eventually(lambda: _address(cluster, "website", "-n", namespace))

    eventually(lambda: cluster.inside("shell-1", "curl", "-s", "-m", "1", f"http://{address}/").stdout)
    eventually(lambda: cluster.on("node-3", "curl", "-s", "-m", "1", f"http://{address}/").stdout)
    assert cluster.on("outside", "curl", "-s", "-m", "20", f"http://{address}:81/").returncode == 7


def test_an_exhausted_pool_is_told_and_the_next_one_gets_what_is_given_back(cluster, namespace, eventually):
    cluster.apply(POOL)
    cluster.apply(SERVICE % "has", namespace)
    eventually(lambda: _address(cluster, "has", "-n", namespace))
    status = {"assignedIPv4": 1, "availableIPv4": 0, "assignedIPv6": 0, "availableIPv6": 0}
    eventually(lambda: cluster.get("addresspool", "e2e-single")["status"], status.__eq__)
    cluster.apply(SERVICE % "waits", namespace)

    words = 'no available IPs in pool "e2e-single"'
    eventually(lambda: words in cluster.ok("describe", "service", "waits", "-n", namespace))
    assert "<pending>" in cluster.ok("get", "service", "waits", "-n", namespace)
    cluster.ok("delete", "service", "has", "-n", namespace)
    assert eventually(lambda: _address(cluster, "waits", "-n", namespace)) == "172.30.200.7"
    cluster.ok("delete", "addresspool", "e2e-single")
    eventually(lambda: _address(cluster, "waits", "-n", namespace) == "")
