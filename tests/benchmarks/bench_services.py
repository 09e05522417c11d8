"""Connections a second through a ClusterIP, against the pod's own IP."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median
from typing import Any

import cluster
from loads import PORT, ROUNDS, serving
from loads import measure as measure_load
from results import Result

SERVICE: dict[str, Any] = {
    "apiVersion": "v1",
    "kind": "Service",
    "metadata": {"name": "server"},
    "spec": {"selector": {"app": "server"}, "ports": [{"port": 80, "targetPort": PORT}]},
}


def measure() -> Sequence[Result]:
    """Connect from one pod to another on the same node, both ways in turns."""
    with cluster.running("--nodes", "1"):
        cluster.apply(cluster.deployment("server", 1), cluster.deployment("client", 1), SERVICE)
        cluster.wait_ready("server", 1)
        cluster.wait_ready("client", 1)
        (server,), (client,) = cluster.pods("server"), cluster.pods("client")
        cluster_ip = cluster.get("service", "server")["spec"]["clusterIP"]
        with serving(cluster.pod_netns(server)):
            return [_ratio(cluster.pod_netns(client), server["status"]["podIP"], cluster_ip)]


def _ratio(client: str, pod_ip: str, cluster_ip: str) -> Result:
    pairs = [
        (measure_load(client, "connections", cluster_ip, 80), measure_load(client, "connections", pod_ip))
        for _ in range(ROUNDS)
    ]
    through, direct = (median(values) for values in zip(*pairs, strict=True))
    return Result(
        name="connections through a ClusterIP",
        measured=median(a / b for a, b in pairs),
        unit="× the pod's IP",
        aim=0.9,
        better="higher",
        detail={"cluster_ip_per_s": through, "pod_ip_per_s": direct},
    )
