"""[IO] The agent of one node: brings its pods to what the API says, and says what they are."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Iterable

from msgspec.structs import replace

from netemu.agent import lifecycle
from netemu.agent.containers import WAITS_FOR_VOLUMES, Containers
from netemu.agent.lifecycle import BackOff, Start, Verdict
from netemu.agent.ports import Network, Recorder, Sandbox
from netemu.agent.probes import Prober
from netemu.agent.projections import mentions, needs_token
from netemu.agent.status import pod_status
from netemu.agent.work import DRAIN_S, PodWork, Source, adopt, lost, parse_container_id
from netemu.api.client import Client, Object
from netemu.api.errors import ConflictError, NotFoundError
from netemu.api.kinds import POD
from netemu.api.views.core import Pod
from netemu.clock import Clock
from netemu.errors import NetemuError
from netemu.informer.cache import Cache, Change, Key
from netemu.informer.queue import WorkQueue
from netemu.logs import Log
from netemu.naming import ClusterName, PodUid, pod_netns
from netemu.runtime.container import ContainerState

log = Log(__name__)

WORKERS = 32
NETWORK_RETRY_S = 0.5


class Agent:
    """The pods of one node. ``run`` works until cancelled; the other methods only note things."""

    def __init__(
        self,
        *,
        cluster: ClusterName,
        node: str,
        node_ip: str,
        node_netns: str,
        client: Client,
        cache: Cache,
        network: Network,
        containers: Containers,
        prober: Prober,
        recorder: Recorder,
        clock: Clock,
    ) -> None:
        self.node = node
        self._cluster = cluster
        self._node_ip = node_ip
        self._node_netns = node_netns
        self._client = client
        self._cache = cache
        self._network = network
        self._containers = containers
        self._prober = prober
        self._recorder = recorder
        self._clock = clock
        self._work: dict[str, PodWork] = {}
        self._queue: WorkQueue[str] = WorkQueue()
        self._adopted = asyncio.Event()

    def pod_changed(self, change: Change) -> None:
        """Note a change of a pod that is, or was, bound to this node."""
        if change.new is not None and change.new["spec"].get("nodeName") == self.node:
            uid = change.new["metadata"]["uid"]
            work = self._work.get(uid)
            if work is None:
                self._work[uid] = PodWork(key=change.key, uid=uid, obj=change.new)
            else:
                work.obj = change.new
            self._queue.add(uid)
        if change.old is not None and _replaced(change.old, change.new):
            self._queue.add(change.old["metadata"]["uid"])

    def adopt(self, states: Iterable[tuple[Source, ContainerState]]) -> None:
        """Take over what runs already; called once, after the cache has synced, before ``run``."""
        now_s = self._clock()
        by_uid: dict[str, list[tuple[Source, ContainerState]]] = {}
        for source, state in states:
            by_uid.setdefault(parse_container_id(state.id)[0], []).append((source, state))
        for sandbox in self._network.present():
            work = self._known(sandbox.uid, Key(sandbox.namespace, sandbox.name))
            if sandbox.addresses or sandbox.host_network:
                work.sandbox = sandbox
        for uid, found in by_uid.items():
            if any(source == "shim" for source, _state in found):
                self._known(uid, Key("", uid))
        for uid, work in self._work.items():
            pod = self._cache.find(POD, work.key, Pod)
            mine = by_uid.get(uid, [])
            for source, state in mine:
                self._containers.adopt(work, source, state)
            current = pod if pod is not None and pod.metadata.uid == uid else None
            work.lives = adopt(current, (state for _source, state in mine), now_s)
            self._queue.add(uid)
        self._adopted.set()

    def _known(self, uid: str, key: Key) -> PodWork:
        return self._work.setdefault(uid, PodWork(key=key, uid=uid, obj={}))

    def state_changed(self, state: ContainerState) -> bool:
        """Note that a container ended; false when it is not one of this node's."""
        uid, container, _attempt, is_holder = parse_container_id(state.id)
        work = self._work.get(uid)
        if work is None:
            return False
        life = work.lives.get(container)
        if is_holder:
            self._containers.holder_ended(work, container, state)
        elif life is not None and life.state is not None and life.state.id == state.id:
            work.lives[container] = replace(life, state=state, ready=False)
        self._queue.add(uid)
        return True

    def parent_found(self, source: Source, states: Iterable[ContainerState]) -> None:
        """Note what runs under a server that was away: what it no longer runs has ended."""
        now_s = self._clock()
        found = {state.id: state for state in states}
        for uid, work in self._work.items():
            for container, state in work.running():
                if work.sources.get(container) == source:
                    now = found.get(state.id) or lost(state, now_s)
                    work.lives[container] = replace(work.lives[container], state=now)
            if source == "shim":
                work.exec_holders = {name: id for name, id in work.exec_holders.items() if id in found}
            self._queue.add(uid)

    def network_changed(self) -> None:
        """Note that the node's CNI configuration changed."""
        for uid, work in self._work.items():
            if work.sandbox is None:
                self._queue.add(uid)

    def object_changed(self, change: Change) -> None:
        """Note that a ConfigMap or Secret changed: pods see its files anew."""
        kind, key = change.kind.kind, change.key
        for uid, work in self._work.items():
            if work.key.namespace == key.namespace and work.obj:
                volumes = work.obj["spec"].get("volumes") or ()
                if any(not needs_token(volume) and mentions(volume, kind, key.name) for volume in volumes):
                    work.has_stale_volumes = True
                    self._queue.add(uid)

    def readiness_changed(self, uid: str) -> None:
        """Note that a probe changed its mind."""
        self._queue.add(uid)

    def work_of(self, uid: str) -> PodWork | None:
        """Find what is known of a pod of this node."""
        return self._work.get(uid)

    async def run(self) -> None:
        """Work on pods until cancelled."""
        await self._adopted.wait()
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._prober.run(), name=f"prober {self.node}")
                for number in range(WORKERS):
                    group.create_task(self._work_on_pods(), name=f"agent {self.node} {number}")
        finally:
            self._queue.close()

    async def _work_on_pods(self) -> None:
        async for uid in self._queue:
            try:
                await self._sync(uid)
            except (NetemuError, OSError) as err:
                delay_s = self._queue.retry_later(uid)
                code = err.code if isinstance(err, NetemuError) else type(err).__name__
                log.warning(
                    "agent.retry", node=self.node, pod=uid, code=code, error=str(err), delay_s=delay_s
                )
            except Exception as err:
                # A fault of ours that one pod brings out must not end the cluster for the others.
                delay_s = self._queue.retry_later(uid)
                log.error("agent.fault", exc=err, node=self.node, pod=uid, delay_s=delay_s)
            else:
                self._queue.forget(uid)

    async def _sync(self, uid: str) -> None:
        work = self._work.get(uid)
        if work is None:
            return
        pod = self._cache.find(POD, work.key, Pod)
        if pod is None or pod.metadata.uid != uid or pod.spec.node_name != self.node:
            if await self._stop(work, grace_s=0.0):
                await self._forget(work)
            return
        await self._containers.end_with_holders(work)
        if work.has_stale_volumes:
            work.has_stale_volumes = False
            self._containers.refresh(work)
        if pod.metadata.deletion_timestamp is not None:
            await self._terminate(work, pod)
            return
        if pod.status.phase in ("Succeeded", "Failed") and not work.running():
            await self._release(work)
            return
        if not await self._ensure_sandbox(work, pod):
            await self._report(work, pod, {})
            return
        await self._advance(work, pod)

    async def _advance(self, work: PodWork, pod: Pod) -> None:
        waits: dict[str, BackOff] = {}
        decided = lifecycle.plan(pod, work.lives, self._clock())
        for step in decided.steps:
            match step:
                case Start(container):
                    await self._start(work, pod, container)
                case BackOff(container, until_s, delay_s):
                    if delay_s > 0:
                        waits[container] = step
                        self._tell_back_off(work, pod, container)
                    self._queue.add_later(work.uid, max(until_s - self._clock(), 0.01))
        self._refresh_readiness(work, pod)
        await self._report(work, pod, waits)
        if decided.verdict is Verdict.FINISHED:
            await self._release(work)
        elif any(work.lives[step.container].is_ended for step in decided.steps if isinstance(step, Start)):
            self._queue.add(work.uid)

    async def _start(self, work: PodWork, pod: Pod, container: str) -> None:
        life = work.lives.get(container, lifecycle.NEVER_STARTED)
        attempt = lifecycle.next_attempt(life)
        if life.state is not None:
            await self._containers.discard(work, container, life.state.id)
        outcome = await self._containers.start(work, pod, container, attempt)
        if isinstance(outcome, tuple):
            retry_s = (
                lifecycle.VOLUME_RETRY_S if outcome[0] == WAITS_FOR_VOLUMES else lifecycle.CONFIG_RETRY_S
            )
            work.lives[container] = replace(life, waiting=outcome, retry_at_s=self._clock() + retry_s)
            self._queue.add_later(work.uid, retry_s)
            return
        work.lives[container] = replace(lifecycle.started(life, outcome), attempt=attempt)
        self._prober.forget(work.uid, container)

    def _tell_back_off(self, work: PodWork, pod: Pod, container: str) -> None:
        waiting = work.lives.get(container, lifecycle.NEVER_STARTED).waiting
        if waiting is not None and waiting[0] == "ErrImagePull":
            containers = (*pod.spec.init_containers, *pod.spec.containers)
            image = next(each.image for each in containers if each.name == container)
            message = f'Back-off pulling image "{image}"'
        else:
            identity = f"{work.key.name}_{work.key.namespace}({work.uid})"
            message = f"Back-off restarting failed container {container} in pod {identity}"
        self._recorder.emit(work.obj, "Warning", "BackOff", message)

    def _refresh_readiness(self, work: PodWork, pod: Pod) -> None:
        assert work.sandbox is not None
        address = (work.sandbox.addresses or (self._node_ip,))[0]
        for container in pod.spec.containers:
            life = work.lives.get(container.name)
            if life is None:
                continue
            ready = life.is_running and self._prober.is_ready(
                work.uid, container, address, initially=life.ready
            )
            if ready is not life.ready:
                work.lives[container.name] = replace(life, ready=ready)

    async def _ensure_sandbox(self, work: PodWork, pod: Pod) -> bool:
        if work.sandbox is not None:
            return True
        sandbox = self._sandbox(pod)
        if not sandbox.host_network:
            problem = self._network.problem()
            if problem:
                self._recorder.emit(
                    work.obj, "Warning", "NetworkNotReady", f"network is not ready: {problem}"
                )
                return False
            try:
                addresses = await self._network.attach(sandbox)
            except NetemuError as err:
                self._recorder.emit(
                    work.obj,
                    "Warning",
                    "FailedCreatePodSandBox",
                    f"Failed to create pod sandbox: plugin failed to set up network: {err.message}",
                )
                work.failures += 1
                self._queue.add_later(work.uid, min(NETWORK_RETRY_S * 2**work.failures, 30.0))
                return False
            sandbox = replace(sandbox, addresses=addresses)
        work.sandbox = sandbox
        work.failures = 0
        return True

    def _sandbox(self, pod: Pod) -> Sandbox:
        uid = pod.metadata.uid
        host = pod.spec.host_network
        return Sandbox(
            uid=uid,
            namespace=pod.metadata.namespace,
            name=pod.metadata.name,
            netns=self._node_netns if host else pod_netns(self._cluster, PodUid(uid)),
            host_network=host,
            ports=tuple(p for c in pod.spec.containers for p in c.ports if p.host_port),
            addresses=(self._node_ip,) if host else (),
        )

    async def _report(self, work: PodWork, pod: Pod, waits: dict[str, BackOff]) -> None:
        old = work.obj.get("status") or {}
        status = pod_status(
            pod,
            work.lives,
            old=old,
            host_ip=self._node_ip,
            pod_ips=work.sandbox.addresses if work.sandbox else [ip.ip for ip in pod.status.pod_ips],
            has_network=work.sandbox is not None,
            waits=waits,
            now_s=self._clock(),
        )
        if status == old:
            return
        try:
            work.obj = await self._client.update(POD, {**work.obj, "status": status}, subresource="status")
        except ConflictError:
            # The pod changed while we looked; its event is on the way and brings us back.
            self._queue.add_later(work.uid, 0.02)
        except NotFoundError:
            self._queue.add(work.uid)

    async def _terminate(self, work: PodWork, pod: Pod) -> None:
        grace_s = float(pod.metadata.deletion_grace_period_seconds or 0)
        if not await self._stop(work, grace_s=grace_s):
            await self._report(work, pod, {})
            return
        await self._release(work)
        try:
            await self._client.delete(POD, work.key.namespace, work.key.name, uid=work.uid, grace_period_s=0)
        except (NotFoundError, ConflictError):
            log.debug("agent.pod_gone_already", pod=str(work.key))
        await self._forget(work)

    async def _stop(self, work: PodWork, *, grace_s: float) -> bool:
        """Tell containers to end, then make them; true when all have ended."""
        now_s = self._clock()
        work.kill_at_s = min(work.kill_at_s, now_s + grace_s)
        if work.ends_since_s is None:
            work.ends_since_s = now_s
            self._announce_end(work)
        tell_at_s = min(work.ends_since_s + DRAIN_S, work.kill_at_s)
        if now_s >= work.kill_at_s:
            await self._signal_all(work, signal.SIGKILL)
        elif now_s >= tell_at_s and not work.told:
            work.told = True
            await self._signal_all(work, signal.SIGTERM)
        if not work.running():
            return True
        next_s = work.kill_at_s if work.told else tell_at_s
        self._queue.add_later(work.uid, max(next_s - now_s, 0.05))
        return False

    def _announce_end(self, work: PodWork) -> None:
        for container, _state in work.running():
            if work.obj:
                self._recorder.emit(work.obj, "Normal", "Killing", f"Stopping container {container}")

    async def _signal_all(self, work: PodWork, signum: int) -> None:
        for container, _state in work.running():
            await self._containers.signal(work, container, signum)

    async def _release(self, work: PodWork) -> None:
        """Give the network back; the pod's containers have all ended."""
        await self._containers.remove_holders(work)
        self._prober.forget_pod(work.uid)
        if work.sandbox is not None or not work.lives:
            sandbox = work.sandbox or _bare_sandbox(work, self._cluster)
            if not sandbox.host_network:
                await self._network.detach(sandbox)
            work.sandbox = None

    async def _forget(self, work: PodWork) -> None:
        await self._release(work)
        await self._containers.remove(work)
        self._work.pop(work.uid, None)


def _bare_sandbox(work: PodWork, cluster: ClusterName) -> Sandbox:
    return Sandbox(
        uid=work.uid,
        namespace=work.key.namespace,
        name=work.key.name,
        netns=pod_netns(cluster, PodUid(work.uid)),
    )


def _replaced(old: Object, new: Object | None) -> bool:
    return new is None or new["metadata"]["uid"] != old["metadata"]["uid"]
