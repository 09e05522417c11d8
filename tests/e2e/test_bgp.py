"""Load balancers by BGP: a router outside that knows every node that announces, and forgets who stops."""

import json
import os
import signal
from pathlib import Path

import pytest

POD = """
apiVersion: v1
kind: Pod
metadata: {name: on-%(node)s, labels: {app: website}}
spec: {nodeName: %(node)s, containers: [{name: web, image: nginx, ports: [{containerPort: 80}]}]}
"""
SERVICES = """
apiVersion: v1
kind: Service
metadata: {name: everywhere}
spec: {type: LoadBalancer, ipFamilyPolicy: RequireDualStack, ports: [{port: 80}], selector: {app: website}}
---
apiVersion: v1
kind: Service
metadata: {name: local}
spec: {type: LoadBalancer, externalTrafficPolicy: Local, ports: [{port: 80}], selector: {app: website}}
---
apiVersion: v1
kind: Service
metadata: {name: nobody}
spec: {type: LoadBalancer, ports: [{port: 80}], selector: {app: nobody}}
"""
ADVERTISEMENT = """
apiVersion: loadbalancer.netemu.io/v1
kind: BGPAdvertisement
metadata: {name: few}
spec:
  aggregationLength: 24
  communities: ["64512:100"]
  nodeSelectors: [{matchLabels: {kubernetes.io/hostname: node-3}}]
"""
RANGES = (
    *("--host-cidr", "172.30.0.0/16,fd00:30::/64", "--pod-cidr", "10.244.0.0/16,fd00:244::/56"),
    *("--service-cidr", "10.96.0.0/16,fd00:96::/112"),
)
NODES = {
    4: {f"172.30.0.1{n}": f"node-{n}" for n in (1, 2, 3)},
    6: {f"fd00:30::{n:x}": f"node-{n - 10}" for n in (11, 12, 13)},
}
MENDED = {"bgpd-outside", "zebra-outside", "bgpd-node-1"}
ALL = {"node-1", "node-2", "node-3"}
PLACES = ("outside", *sorted(ALL))


@pytest.fixture
def routed(netemu):
    """A cluster of three nodes with BGP, in both families; whatever ran for it is gone with it."""
    handle = netemu()
    handle.ok("up", "--load-balancer", "bgp", *RANGES)
    yield handle
    pids = handle.processes()
    handle.ok("down")
    assert {name for name, pid in pids.items() if _runs(pid)} == set()


def _ways(cluster, version=4):
    """Give the nodes that the kernel outside has ways to each network over."""
    routes = json.loads(
        cluster.on("outside", "ip", "-j", f"-{version}", "route", "show", "proto", "bgp").stdout
    )
    hops = {route["dst"]: route.get("nexthops") or [route] for route in routes}
    return {to: {NODES[version][hop["gateway"]] for hop in each} for to, each in hops.items()}


def _asked(cluster, address, times=1):
    """Ask some times, by a connection each, and give the answers that came."""
    url = f"http://[{address}]/" if ":" in address else f"http://{address}/"
    accept = ("-H", "Accept: application/json", "-H", "Connection: close")
    said = cluster.on("outside", "curl", "-s", "-m", "5", *accept, "-w", "\n\n", *[url] * times).stdout
    return [json.loads(answer) for answer in said.split("\n\n") if answer.strip()]


def _routers(cluster):
    return {name: pid for name, pid in cluster.processes().items() if name.startswith(("bgpd", "zebra"))}


def _namespaces(pid):
    lines = Path(f"/proc/{pid}/mountinfo").read_text().splitlines()
    return {line.split()[4] for line in lines if "/run/netns/" in line}


def _runs(pid):
    """Tell whether a process runs; one that ended and waits for its parent to look has no command line."""
    path = Path(f"/proc/{pid}/cmdline")
    return path.exists() and path.read_bytes() != b""


def _passwords(cluster, place):
    return cluster.ok("node", "router", place, "--", "show", "running-config").count(" password pst!")


def _addresses(cluster, service):
    return cluster.field(".status.loadBalancer.ingress[*].ip", "service", service).split()


def test_every_node_that_may_announces_and_who_stops_is_forgotten(routed, eventually):
    for node in ("node-1", "node-2"):
        routed.apply(POD % {"node": node})
    routed.apply(SERVICES)
    routed.wait("condition=Ready", "pod", "--all")
    four, six = eventually(lambda: _addresses(routed, "everywhere"), lambda found: len(found) == 2)
    (local,) = eventually(lambda: _addresses(routed, "local"))

    eventually(lambda: _ways(routed), {four: ALL, local: {"node-1", "node-2"}}.__eq__)
    eventually(lambda: _ways(routed, 6), {six: ALL}.__eq__)
    assert len(eventually(lambda: _asked(routed, six))) == 1
    # Connections are spread over both nodes, and each pod sees who asks.
    both = {"node-1", "node-2"}
    answers = eventually(
        lambda: _asked(routed, local, times=24), lambda seen: {each["node"] for each in seen} == both
    )
    assert {answer["remoteAddr"].rpartition(":")[0] for answer in answers} == {"172.30.0.1"}
    words = 'announcing from node "node-3" with protocol "bgp"'
    eventually(lambda: words in routed.ok("describe", "service", "everywhere"))

    routed.ok("node", "stop", "node-1")
    eventually(lambda: _ways(routed), {four: ALL - {"node-1"}, local: {"node-2"}}.__eq__)
    eventually(lambda: [each["node"] for each in _asked(routed, local)], ["node-2"].__eq__)

    routed.apply(ADVERTISEMENT)
    network = four.rpartition(".")[0] + ".0/24"
    eventually(lambda: _ways(routed), {network: {"node-3"}}.__eq__)
    told = routed.ok("node", "router", "outside", "--", "show", "bgp", "ipv4", "unicast", network)
    assert "Community: 64512:100" in told


def test_routers_that_die_are_started_again_and_need_no_daemon(routed, eventually):
    routed.apply(POD % {"node": "node-1"})
    routed.apply(SERVICES)
    (local,) = eventually(lambda: _addresses(routed, "local"))
    for peer in ("outside", "outside-v6"):
        routed.ok("patch", "bgppeer", peer, "--type", "merge", "-p", '{"spec": {"password": "pst!"}}')
    eventually(
        lambda: {place: _passwords(routed, place) for place in PLACES}, dict.fromkeys(PLACES, 2).__eq__
    )
    established = ("bgppeers", "-o", "jsonpath={.items[*].status.established}")
    eventually(lambda: routed.ok("get", *established).split(), ["3/3", "3/3"].__eq__)
    eventually(lambda: _ways(routed).get(local) == {"node-1"})
    before = _routers(routed)

    os.kill(before["bgpd-outside"], signal.SIGKILL)
    os.kill(before["bgpd-node-1"], signal.SIGKILL)
    after = eventually(
        lambda: _routers(routed),
        lambda now: {name for name in before if now.get(name, before[name]) != before[name]} == MENDED,
    )
    eventually(lambda: _ways(routed).get(local) == {"node-1"})

    os.kill(routed.processes()["daemon"], signal.SIGKILL)
    eventually(lambda: [each["node"] for each in _asked(routed, local)], ["node-1"].__eq__)
    routed.ok("up")
    assert _routers(routed) == after

    # A router that began while the pod was there does not keep the pod's namespace.
    routed.ok("delete", "pod", "on-node-1", "--now")
    eventually(lambda: _namespaces(after["bgpd-node-1"]) <= _namespaces("self"))
