"""The Node object of one node, its conditions and its lease. Pure but for ``NodeReporter``."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any, Literal

from netemu.agent.machine import KUBELET_PORT
from netemu.agent.ports import Recorder
from netemu.api.client import Client, Object
from netemu.api.errors import AlreadyExistsError, ConflictError, NotFoundError
from netemu.api.kinds import LEASE, NODE
from netemu.clock import Clock, format_rfc3339

NOT_INITIALIZED = (
    "container runtime network not ready: NetworkReady=false reason:NetworkPluginNotReady "
    "message:Network plugin returns error: {problem}"
)
LEASE_NAMESPACE = "kube-node-lease"
LEASE_S = 40
# Kubelets write the lease often and the status seldom, unless it changes.
RENEW_EVERY_S = 10.0
REPORT_EVERY_S = 300.0
RENEWALS_IN_GRACE = 4


def network_problem(problem: str) -> str:
    """Put a CNI problem in the words of a kubelet."""
    return NOT_INITIALIZED.format(problem=problem)


def renew_every_s(grace_s: float) -> float:
    """Tell how often a node must renew its lease so that a delay does not make it look dead."""
    return min(RENEW_EVERY_S, grace_s / RENEWALS_IN_GRACE)


def node_object(
    name: str,
    *,
    addresses: Sequence[str],
    pod_cidrs: Sequence[str],
    labels: dict[str, str],
    annotations: dict[str, str],
    capacity: dict[str, str],
    allocatable: dict[str, str],
    info: Object,
    has_users: bool = False,
) -> Object:
    """Give the Node object that a node registers with; ``has_users`` if pods can have users of their own."""
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": name, "labels": labels, "annotations": annotations},
        "spec": {"podCIDR": pod_cidrs[0], "podCIDRs": list(pod_cidrs)},
        "status": {
            "capacity": capacity,
            "allocatable": allocatable,
            "addresses": [
                *({"type": "InternalIP", "address": address} for address in addresses),
                {"type": "Hostname", "address": name},
            ],
            "daemonEndpoints": {"kubeletEndpoint": {"Port": KUBELET_PORT}},
            "nodeInfo": info,
            "runtimeHandlers": [
                {"name": "", "features": {"recursiveReadOnlyMounts": False, "userNamespaces": has_users}}
            ],
        },
    }


def conditions(old: list[Object], problem: str, now_s: float, *, is_full: bool = False) -> list[Object]:
    """Give a node's conditions; ``problem`` is why it is not ready, empty when it is.

    ``is_full`` if it has too little disk left.
    """
    wanted = [
        # Set by whoever makes the routes between nodes: here they are always there.
        ("NetworkUnavailable", "False", "RouteCreated", "RouteController created a route"),
        ("MemoryPressure", "False", "KubeletHasSufficientMemory", "kubelet has sufficient memory available"),
        (
            ("DiskPressure", "True", "KubeletHasDiskPressure", "kubelet has disk pressure")
            if is_full
            else ("DiskPressure", "False", "KubeletHasNoDiskPressure", "kubelet has no disk pressure")
        ),
        ("PIDPressure", "False", "KubeletHasSufficientPID", "kubelet has sufficient PID available"),
        (
            ("Ready", "False", "KubeletNotReady", problem)
            if problem
            else ("Ready", "True", "KubeletReady", "kubelet is posting ready status")
        ),
    ]
    before = {condition["type"]: condition for condition in old}
    now = format_rfc3339(now_s)
    kept = [condition for condition in old if condition["type"] not in {type_ for type_, *_ in wanted}]
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
    return [*kept, *made]


def lease_of(node: Object, now_s: float) -> Object:
    """Give the lease by which a node says that it lives; it goes with its Node."""
    meta = node["metadata"]
    owner = {"apiVersion": "v1", "kind": "Node", "name": meta["name"], "uid": meta["uid"]}
    return {
        "apiVersion": "coordination.k8s.io/v1",
        "kind": "Lease",
        "metadata": {"name": meta["name"], "namespace": LEASE_NAMESPACE, "ownerReferences": [owner]},
        "spec": {
            "holderIdentity": meta["name"],
            "leaseDurationSeconds": LEASE_S,
            "renewTime": datetime.fromtimestamp(now_s, UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
        },
    }


class NodeReporter:
    """[IO] Registers one node, keeps its status true to it, and says that it lives.

    A Node that somebody deleted is not made again before the node starts anew, as with kubelets.
    """

    def __init__(
        self,
        client: Client,
        node: Object,
        problem: Callable[[], str],
        clock: Clock,
        recorder: Recorder | None = None,
        images: Callable[[], list[Object]] = list,
        is_full: Callable[[], bool] = lambda: False,
    ) -> None:
        self._is_full = is_full
        self._reported_full = False
        self._images = images
        self._reported_images: list[Object] = []
        self._client = client
        self._node = node
        self._problem = problem
        self._clock = clock
        self._recorder = recorder
        self._reported: str | None = None
        self._reported_at_s = 0.0
        self._registered: Object = {}
        self._unschedulable = False

    async def register(self) -> None:
        """Create the Node object, or bring an existing one up to date."""
        try:
            self._registered = await self._client.create(NODE, self._node)
            self.tell("Normal", "Starting", "Starting kubelet.")
        except AlreadyExistsError:
            found = await self._client.get(NODE, "", self._node["metadata"]["name"])
            meta = found["metadata"]
            own = self._node["metadata"]
            merged: dict[str, Any] = {
                **{key: value for key, value in meta.items() if key != "resourceVersion"},
                "labels": {**(meta.get("labels") or {}), **own["labels"]},
                "annotations": {**(meta.get("annotations") or {}), **own["annotations"]},
            }
            spec = {**self._node["spec"], **(found.get("spec") or {})}
            self._registered = await self._client.update(NODE, {**found, "metadata": merged, "spec": spec})
            self._unschedulable = bool(spec.get("unschedulable"))
        self._reported = None
        await self.renew()
        await self.report()

    def tell_start(self) -> None:
        """Tell that the node was switched on."""
        boot = self._node["status"]["nodeInfo"]["bootID"]
        name = self._node["metadata"]["name"]
        self.tell("Normal", "Starting", "Starting kubelet.")
        self.tell("Warning", "Rebooted", f"Node {name} has been rebooted, boot id: {boot}")

    def tell(self, type_: Literal["Normal", "Warning"], reason: str, message: str) -> None:
        """Tell of something that happened to the node."""
        if self._recorder is not None:
            self._recorder.emit(self._registered, type_, reason, message)

    async def renew(self) -> None:
        """Say that the node lives, unless its Node was deleted."""
        try:
            node = await self._client.get(NODE, "", self._node["metadata"]["name"])
        except NotFoundError:
            return
        said = _ready_status((node.get("status") or {}).get("conditions") or [])
        if said == "Unknown":
            self._reported = None  # somebody thought it lost: the next report says otherwise
        if self._added(node, "capacity") != self._added(node, "allocatable"):
            self._reported_at_s = 0.0  # somebody gave it a resource, or took one away
        self._tell_cordon(bool(node["spec"].get("unschedulable")))
        lease = lease_of(node, self._clock())
        try:
            await self._client.update(LEASE, lease)
        except NotFoundError:
            await self._create_lease(lease)

    def _tell_cordon(self, unschedulable: bool) -> None:
        if unschedulable is not self._unschedulable:
            self._unschedulable = unschedulable
            self._tell_status("NodeNotSchedulable" if unschedulable else "NodeSchedulable")

    async def _create_lease(self, lease: Object) -> None:
        try:
            await self._client.create(LEASE, lease)
        except (AlreadyExistsError, NotFoundError):
            return  # without its namespace there is no lease: the status is all there is

    async def report(self) -> bool:
        """Write the node's status if readiness or images changed, or seldom; tells whether readiness did."""
        problem, images = self._problem(), self._images()
        now_s = self._clock()
        is_full = self._is_full()
        is_news = problem != self._reported
        is_known = (images, is_full) == (self._reported_images, self._reported_full)
        if not is_news and is_known and now_s < self._reported_at_s + REPORT_EVERY_S:
            return False
        try:
            turned = await self._write(problem, images, now_s, is_full=is_full)
        except (ConflictError, NotFoundError):
            return False  # someone else wrote, the next look writes again; or it was deleted
        self._reported, self._reported_at_s = problem, now_s
        self._reported_images = images
        if is_full is not self._reported_full:
            self._reported_full = is_full
            self._tell_status("NodeHasDiskPressure" if is_full else "NodeHasNoDiskPressure")
        if turned:
            self._tell_status("NodeNotReady" if problem else "NodeReady")
        return is_news

    async def _write(self, problem: str, images: list[Object], now_s: float, *, is_full: bool) -> bool:
        """Write the status; tells whether the node is ready now and was not, or the other way round."""
        found = await self._client.get(NODE, "", self._node["metadata"]["name"])
        old = found.get("status") or {}
        before = old.get("conditions") or []
        made = conditions(before, problem, now_s, is_full=is_full)
        added = self._added(found, "capacity")
        own = self._node["status"]
        resources = {field: {**added, **own[field]} for field in ("capacity", "allocatable")}
        status = {**old, **own, **resources, "conditions": made}
        status.pop("images", None)
        if images:
            status["images"] = images
        await self._client.update(NODE, {**found, "status": status}, subresource="status")
        was, now = _ready_status(before), _ready_status(made)
        return (was == "True") is not (now == "True")

    def _added(self, node: Object, field: str) -> dict[str, str]:
        """Give the extended resources that others wrote into a part of the status."""
        own = self._node["status"]["capacity"]
        there = (node.get("status") or {}).get(field) or {}
        return {name: amount for name, amount in there.items() if name not in own}

    def _tell_status(self, reason: str) -> None:
        self.tell("Normal", reason, f"Node {self._node['metadata']['name']} status is now: {reason}")


def _ready_status(conditions: list[Object]) -> str | None:
    return next((condition["status"] for condition in conditions if condition["type"] == "Ready"), None)
