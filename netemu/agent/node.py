"""The Node object of one node, and whether it is ready. Pure but for ``NodeReporter``."""

from __future__ import annotations

import os
import platform
from collections.abc import Callable

from netemu.api.client import Client, Object
from netemu.api.errors import AlreadyExistsError, ConflictError
from netemu.api.kinds import NODE
from netemu.clock import Clock, format_rfc3339

KUBELET_VERSION = "v1.37.1"
NOT_INITIALIZED = (
    "container runtime network not ready: NetworkReady=false reason:NetworkPluginNotReady "
    "message:Network plugin returns error: {problem}"
)


def network_problem(problem: str) -> str:
    """Put a CNI problem in the words of a kubelet."""
    return NOT_INITIALIZED.format(problem=problem)


def node_object(
    name: str, *, address: str, pod_cidr: str, max_pods: int, annotations: dict[str, str]
) -> Object:
    """Give the Node object that a node registers with."""
    labels = {
        "kubernetes.io/arch": _architecture(),
        "kubernetes.io/hostname": name,
        "kubernetes.io/os": "linux",
    }
    resources = {
        "cpu": str(os.cpu_count() or 1),
        "memory": f"{os.sysconf('SC_PHYS_PAGES') * os.sysconf('SC_PAGE_SIZE') // 1024}Ki",
        "pods": str(max_pods),
    }
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": name, "labels": labels, "annotations": annotations},
        "spec": {"podCIDR": pod_cidr, "podCIDRs": [pod_cidr]},
        "status": {
            "capacity": resources,
            "allocatable": resources,
            "addresses": [
                {"type": "InternalIP", "address": address},
                {"type": "Hostname", "address": name},
            ],
            "nodeInfo": {
                "architecture": _architecture(),
                "bootID": "",
                "containerRuntimeVersion": "netemu://0.1.0",
                "kernelVersion": platform.release(),
                "kubeProxyVersion": KUBELET_VERSION,
                "kubeletVersion": KUBELET_VERSION,
                "machineID": "",
                "operatingSystem": "linux",
                "osImage": "netemu node",
                "systemUUID": "",
            },
        },
    }


def conditions(old: list[Object], problem: str, now_s: float) -> list[Object]:
    """Give a node's conditions; ``problem`` is why it is not ready, empty when it is."""
    wanted = [
        ("MemoryPressure", "False", "KubeletHasSufficientMemory", "kubelet has sufficient memory available"),
        ("DiskPressure", "False", "KubeletHasNoDiskPressure", "kubelet has no disk pressure"),
        ("PIDPressure", "False", "KubeletHasSufficientPID", "kubelet has sufficient PID available"),
        (
            ("Ready", "False", "KubeletNotReady", problem)
            if problem
            else ("Ready", "True", "KubeletReady", "kubelet is posting ready status")
        ),
    ]
    before = {condition["type"]: condition for condition in old}
    now = format_rfc3339(now_s)
    made = []
    for type_, status, reason, message in wanted:
        last = before.get(type_)
        since = last["lastTransitionTime"] if last and last["status"] == status else now
        made.append(
            {
                "type": type_,
                "status": status,
                "lastHeartbeatTime": now,
                "lastTransitionTime": since,
                "reason": reason,
                "message": message,
            }
        )
    return made


class NodeReporter:
    """[IO] Registers one node and keeps its Ready condition true to the node's network."""

    def __init__(self, client: Client, node: Object, problem: Callable[[], str], clock: Clock) -> None:
        self._client = client
        self._node = node
        self._problem = problem
        self._clock = clock
        self._reported: str | None = None

    async def register(self) -> None:
        """Create the Node object, or bring an existing one up to date."""
        try:
            await self._client.create(NODE, self._node)
        except AlreadyExistsError:
            name = self._node["metadata"]["name"]
            found = await self._client.get(NODE, "", name)
            meta = {**found["metadata"], "annotations": self._node["metadata"]["annotations"]}
            await self._client.update(NODE, {**found, "metadata": meta})
        await self.report()

    async def report(self) -> bool:
        """Write the node's status if readiness changed; tells whether it did."""
        problem = self._problem()
        if problem == self._reported:
            return False
        found = await self._client.get(NODE, "", self._node["metadata"]["name"])
        old = (found.get("status") or {}).get("conditions") or []
        status = {**self._node["status"], "conditions": conditions(old, problem, self._clock())}
        try:
            await self._client.update(NODE, {**found, "status": status}, subresource="status")
        except ConflictError:
            return False  # someone else wrote; the next look writes again
        self._reported = problem
        return True


def _architecture() -> str:
    return {"x86_64": "amd64", "aarch64": "arm64"}.get(platform.machine(), platform.machine())
