"""What a ClusterIP costs a connection: against the pod's own IP, and with how many Services there are.

Beside it, what the least costs that any proxy could do with nftables: one rule that translates one address.
"""

from __future__ import annotations

import subprocess
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import cluster
from loads import PORT, compare, serving
from progress import say
from results import MeasurementError, Result
from worlds import SERVICE as WORLD_SERVICE
from worlds import world

FEW, MANY = 10, 50_000
AIMS = {"connections": 0.95, "trips": 0.99, "bytes": 0.99}
NAMES = {"connections": "new connections", "trips": "round trips", "bytes": "throughput"}
BY_HAND = "172.29.255.1"  # an address that nobody has, translated by one rule
SERVICE: dict[str, Any] = {
    "apiVersion": "v1",
    "kind": "Service",
    "metadata": {"name": "server"},
    "spec": {
        "selector": {"app": "server"},
        "ports": [{"name": f"p{port}", "port": port, "targetPort": port} for port in (PORT, PORT + 1)],
    },
}


def measure() -> Sequence[Result]:
    """Compare in a cluster, on one node and over two, and then in worlds by hand."""
    return [*_through_cluster_ip(), _with_many()]


def _through_cluster_ip() -> Iterator[Result]:
    with cluster.running("--nodes", "2"):
        cluster.apply(
            cluster.deployment("server", 1, nodeName="node-1"),
            cluster.deployment("near", 1, nodeName="node-1"),
            cluster.deployment("far", 1, nodeName="node-2"),
            SERVICE,
        )
        for name in ("server", "near", "far"):
            cluster.wait_ready(name, 1)
        (server,) = cluster.pods("server")
        ips = (cluster.get("service", "server")["spec"]["clusterIP"], server["status"]["podIP"])
        with serving(Path("/run/netns") / cluster.pod_netns(server)):
            for client, where in (("near", "one node"), ("far", "two nodes")):
                (pod,) = cluster.pods(client)
                place = Path("/run/netns") / cluster.pod_netns(pod)
                with _translated(f"ne-{cluster.NAME}-{pod['spec']['nodeName']}", ips[1]):
                    yield from (_ratio(what, where, place, ips) for what in AIMS)


def _ratio(what: str, where: str, client: Path, ips: tuple[str, str]) -> Result:
    say(f"{NAMES[what]}, {where} …")
    seen = compare(what, *((client, ip) for ip in ips))
    least = compare(what, (client, BY_HAND), (client, ips[1]))
    return Result(
        name=f"{NAMES[what]} through a ClusterIP, {where}",
        measured=seen["ratio"],
        unit="× the pod's IP",
        aim=AIMS[what],
        better="higher",
        detail={
            "one_rule_by_hand": least["ratio"],
            "cluster_ip_per_s": seen["first"],
            "pod_ip_per_s": seen["second"],
            "client": seen["own"],
        },
    )


def _with_many() -> Result:
    say(f"connections with {FEW:,} and with {MANY:,} Services …")
    with ExitStack() as stack:
        many, few = (stack.enter_context(world(count, PORT)) for count in (MANY, FEW))
        for each in (many, few):
            stack.enter_context(serving(each.server))
        seen = compare("latency", *((each.client, WORLD_SERVICE) for each in (many, few)))
    return Result(
        name=f"latency of a connection, {MANY:,} Services",
        measured=seen["ratio"],
        unit=f"× with {FEW:,}",
        aim=1.05,
        better="lower",
        detail={"many_us": seen["first"], "few_us": seen["second"]},
    )


@contextmanager
def _translated(node: str, pod_ip: str) -> Iterator[None]:
    """Have one rule that translates `BY_HAND` in a node's kernel, for the length of a block."""
    chain = f"type nat hook prerouting priority -105; ip daddr {BY_HAND} dnat to {pod_ip}"
    _nft(node, f"table ip by-hand {{\nchain prerouting {{\n{chain}\n}}\n}}\n")
    yield
    _nft(node, "delete table ip by-hand")


def _nft(node: str, text: str) -> None:
    argv = [*cluster.in_netns(node, "nft", "-f", "-")]
    done = subprocess.run(argv, input=text, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise MeasurementError(f"nft in {node}: {done.stderr.strip()}")
