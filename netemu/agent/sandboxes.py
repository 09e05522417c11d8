"""[IO] The network of one node's pods, before their first container and after their last."""

from __future__ import annotations

from collections.abc import Callable

from msgspec.structs import replace

from netemu.agent.ports import Network, Recorder, Sandbox
from netemu.agent.users import NOT_SUPPORTED
from netemu.agent.work import PodWork
from netemu.api.client import Object
from netemu.api.views.core import Pod
from netemu.errors import NetemuError
from netemu.naming import ClusterName, PodUid, pod_netns

RETRY_S = 0.5
MAX_RETRY_S = 30.0


class Sandboxes:
    """Wires pods and takes their wires away; ``again`` asks for another look after a while, ``first_id``
    gives the machine's number of a pod's root if it has users of its own, or 0.
    """

    def __init__(
        self,
        *,
        cluster: ClusterName,
        node_ips: tuple[str, ...],
        node_netns: str,
        network: Network,
        recorder: Recorder,
        again: Callable[[str, float], None],
        first_id: Callable[[Object], int],
    ) -> None:
        self._cluster = cluster
        self._node_ips = node_ips
        self._node_netns = node_netns
        self._network = network
        self._recorder = recorder
        self._again = again
        self._first_id = first_id

    async def ensure(self, work: PodWork, pod: Pod) -> bool:
        """Wire a pod if it is not; tell whether it is."""
        if work.sandbox is not None:
            return True
        sandbox = self._of(pod, self._first_id(work.obj))
        if not sandbox.host_network:
            problem = self._network.problem()
            if problem:
                message = f"network is not ready: {problem}"
                self._recorder.emit(work.obj, "Warning", "NetworkNotReady", message)
                return False
            if work.obj["spec"].get("hostUsers") is False and not sandbox.first_id:
                return self._fail(work, NOT_SUPPORTED)
            try:
                addresses = await self._network.attach(sandbox)
            except (NetemuError, OSError) as err:
                why = err.message if isinstance(err, NetemuError) else err
                return self._fail(work, f"plugin failed to set up network: {why}")
            sandbox = replace(sandbox, addresses=addresses)
        work.sandbox = sandbox
        work.failures = 0
        return True

    async def release(self, work: PodWork) -> None:
        """Give a pod's network back; idempotent."""
        if work.sandbox is None and work.lives:
            return
        sandbox = work.sandbox or self._bare(work)
        if not sandbox.host_network:
            await self._network.detach(sandbox)
        work.sandbox = None

    def _fail(self, work: PodWork, why: str) -> bool:
        message = f"Failed to create pod sandbox: {why}"
        self._recorder.emit(work.obj, "Warning", "FailedCreatePodSandBox", message)
        work.failures += 1
        self._again(work.uid, min(RETRY_S * 2**work.failures, MAX_RETRY_S))
        return False

    def _of(self, pod: Pod, first_id: int) -> Sandbox:
        uid = pod.metadata.uid
        host = pod.spec.host_network
        sidecars = (c for c in pod.spec.init_containers if c.restart_policy == "Always")
        return Sandbox(
            uid=uid,
            namespace=pod.metadata.namespace,
            name=pod.metadata.name,
            netns=self._node_netns if host else pod_netns(self._cluster, PodUid(uid)),
            host_network=host,
            first_id=first_id,
            ports=tuple(p for c in (*pod.spec.containers, *sidecars) for p in c.ports if p.host_port),
            addresses=self._node_ips if host else (),
        )

    def _bare(self, work: PodWork) -> Sandbox:
        return Sandbox(
            uid=work.uid,
            namespace=work.key.namespace,
            name=work.key.name,
            netns=pod_netns(self._cluster, PodUid(work.uid)),
        )
