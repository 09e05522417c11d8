"""[IO] The agent of one node: knows its pods, and works on each that something happened to."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

from msgspec.structs import replace

from netemu.agent.adoption import adopt
from netemu.agent.asking import Asker, Output
from netemu.agent.commands import run_command
from netemu.agent.containers import Containers, NotConnectedError
from netemu.agent.disk import DiskWatch
from netemu.agent.drainer import Drainer
from netemu.agent.ender import Ender
from netemu.agent.eviction import GRACE_S
from netemu.agent.hooks import Hooks
from netemu.agent.leftovers import left_behind
from netemu.agent.neighbours import Neighbours, find_pod
from netemu.agent.persistent import Reclaimer
from netemu.agent.ports import Network, Recorder, Routes
from netemu.agent.probes import Prober
from netemu.agent.projections import mentions, needs_token, tells_otherwise
from netemu.agent.restarts import NEVER_STARTED, retried
from netemu.agent.sandboxes import Sandboxes
from netemu.agent.specs import Site
from netemu.agent.status import EVICTED, Failure
from netemu.agent.syncer import Syncer
from netemu.agent.tasks import Tasks
from netemu.agent.verdicts import ProbeKind
from netemu.agent.work import PodWork, Source, field_path, lost, parse_container_id
from netemu.api.client import Client, Object
from netemu.api.kinds import POD
from netemu.api.views.core import Pod
from netemu.clock import Clock
from netemu.errors import NetemuError
from netemu.informer.cache import Cache, Change, Key
from netemu.informer.queue import WorkQueue
from netemu.logs import Log
from netemu.naming import ClusterName
from netemu.runtime.container import ContainerState
from netemu.runtime.errors import DisconnectedError

log = Log(__name__)

WORKERS = 8
TOKENS_LOOK_S = 60.0


class Agent:
    """The pods of one node. ``run`` works until cancelled; the other methods only note things.

    ``node_netns`` is the name of the node's network namespace.
    """

    def __init__(
        self,
        *,
        cluster: ClusterName,
        site: Site,
        node_netns: str,
        client: Client,
        cache: Cache,
        network: Network,
        containers: Containers,
        recorder: Recorder,
        routes: Routes,
        clock: Clock,
    ) -> None:
        self.node = site.node
        self._site = site
        self._cache = cache
        self._network = network
        self._containers = containers
        self._recorder = recorder
        self._clock = clock
        self._work: dict[str, PodWork] = {}
        self._queue: WorkQueue[str] = WorkQueue()
        self._adopted = asyncio.Event()
        self._tasks = Tasks()
        netns_path = str(site.paths.netns / node_netns)
        self.reclaimer = Reclaimer(site.node, site.paths.node_state(site.node), client, cache)
        self.disk = DiskWatch(site, self._evictable, self._evict, self._tell_of_node, clock)
        notes = site.paths.node_run(site.node) / "hooks"
        self._prober = Prober(
            asker=Asker(netns_path, self._run_command),
            tasks=self._tasks,
            changed=self._queue.add,
            tell=self._tell,
            failed=self._probe_failed,
            clock=clock,
        )
        self._hooks = Hooks(node_netns=netns_path, exec_in=self._run_command, tasks=self._tasks, notes=notes)
        self._syncer = Syncer(
            site=site,
            client=client,
            sandboxes=Sandboxes(
                cluster=cluster,
                node_ips=site.node_ips,
                node_netns=node_netns,
                network=network,
                recorder=recorder,
                again=self._again,
                first_id=containers.first_id,
            ),
            containers=containers,
            prober=self._prober,
            hooks=self._hooks,
            ender=Ender(
                containers=containers, hooks=self._hooks, recorder=recorder, wake=self._queue.add, clock=clock
            ),
            recorder=recorder,
            again=self._again,
            neighbours=Neighbours(
                self.node,
                cache,
                self._work,
                site.settings.kubelet.allowed_unsafe_sysctls,
                self.disk.is_under_pressure,
            ),
            drainer=Drainer(routes=routes, tasks=self._tasks, wake=self._queue.add),
            clock=clock,
        )

    def pod_changed(self, change: Change) -> None:
        """Note a change of a pod that is, or was, bound to this node."""
        if change.new is not None and change.new["spec"].get("nodeName") == self.node:
            uid = change.new["metadata"]["uid"]
            work = self._work.get(uid)
            if work is None:
                self._work[uid] = PodWork(key=change.key, uid=uid, obj=change.new)
            else:
                work.has_stale_volumes |= tells_otherwise(work.obj, change.new)
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
        for uid, key in left_behind(self._site).items():
            self._known(uid, key)
        for uid, work in self._work.items():
            pod = self._cache.find(POD, work.key, Pod)
            mine = by_uid.get(uid, [])
            for source, state in mine:
                self._containers.adopt(work, source, state)
            current = pod if pod is not None and pod.metadata.uid == uid else None
            work.lives = adopt(current, (state for _source, state in mine), now_s, self._has_run_hook)
            work.is_admitted = bool(work.lives)
            self._queue.add(uid)
        self._adopted.set()

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
            work.lives[container] = replace(life, state=state, ready=False, started=False)
            self._prober.forget(uid, container)
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
                    work.lives = {name: retried(life) for name, life in work.lives.items()}
                    self._queue.add(uid)

    def work_of(self, uid: str) -> PodWork | None:
        """Find what is known of a pod of this node."""
        return self._work.get(uid)

    def pods(self) -> list[PodWork]:
        """List what is known of all pods of this node."""
        return list(self._work.values())

    async def run(self) -> None:
        """Work on pods until cancelled."""
        await self._adopted.wait()
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._tasks.run(), name=f"tasks {self.node}")
                group.create_task(self.reclaimer.run(), name=f"volumes {self.node}")
                group.create_task(self.disk.run(), name=f"disk {self.node}")
                group.create_task(self._renew_tokens(), name=f"tokens {self.node}")
                for number in range(WORKERS):
                    group.create_task(self._work_on_pods(), name=f"agent {self.node} {number}")
        finally:
            self._queue.close()
            self._prober.close()

    async def _renew_tokens(self) -> None:
        """Look after the tokens of pods; none lives for less than ten minutes."""
        while True:
            await asyncio.sleep(TOKENS_LOOK_S)
            for work in list(self._work.values()):
                try:
                    self._containers.renew_tokens(work)
                except OSError as err:
                    log.warning("agent.token_kept", node=self.node, pod=work.uid, error=str(err))

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
                if not isinstance(err, NotConnectedError | DisconnectedError):
                    self._tell_of_fault(uid, err)
            except Exception as err:
                # A fault of ours that one pod brings out must not end the cluster for the others.
                delay_s = self._queue.retry_later(uid)
                log.error("agent.fault", exc=err, node=self.node, pod=uid, delay_s=delay_s)
                self._tell_of_fault(uid, err)
            else:
                self._queue.forget(uid)

    async def _sync(self, uid: str) -> None:
        work = self._work.get(uid)
        if work is None:
            return
        if await self._syncer.sync(work, self._pod(work)):
            self._work.pop(uid, None)

    def _pod(self, work: PodWork) -> Pod | None:
        return find_pod(self._cache, self.node, work)

    def _known(self, uid: str, key: Key) -> PodWork:
        return self._work.setdefault(uid, PodWork(key=key, uid=uid, obj={}))

    def _again(self, uid: str, delay_s: float) -> None:
        if delay_s > 0:
            self._queue.add_later(uid, delay_s)
        else:
            self._queue.add(uid)

    def _has_run_hook(self, container_id: str) -> bool:
        return self._hooks.was_begun(container_id, "postStart")

    async def _run_command(self, uid: str, container: str, argv: tuple[str, ...]) -> Output:
        work = self._work.get(uid)
        pod = self._pod(work) if work is not None else None
        if work is None or pod is None:
            raise NetemuError("the pod is gone")
        return await run_command(self._containers, work, pod, container, argv)

    def _probe_failed(self, uid: str, container: str, kind: ProbeKind) -> None:
        work = self._work.get(uid)
        if work is not None and work.lives.get(container, NEVER_STARTED).is_running:
            work.failed_probes[container] = kind
            self._queue.add(uid)

    def _evictable(self) -> list[PodWork]:
        """List the pods that run, or will, and that nobody ends yet."""
        found = ((work, self._pod(work)) for work in self._work.values() if work.failure is None)
        return [
            work
            for work, pod in found
            if pod is not None
            and pod.metadata.deletion_timestamp is None
            and pod.status.phase not in ("Succeeded", "Failed")
        ]

    def _evict(self, work: PodWork, message: str) -> None:
        work.failure = Failure(EVICTED, message, GRACE_S)
        self._recorder.emit(work.obj, "Warning", EVICTED, message)
        self._queue.add(work.uid)

    def _tell_of_node(self, reason: str, message: str) -> None:
        meta = {"name": self.node, "uid": self.node}
        self._recorder.emit(
            {"apiVersion": "v1", "kind": "Node", "metadata": meta}, "Warning", reason, message
        )

    def _tell_of_fault(self, uid: str, fault: Exception) -> None:
        """Say on a pod that nothing could be done for it, as a kubelet does."""
        work = self._work.get(uid)
        if work is not None and work.obj:
            why = fault.message if isinstance(fault, NetemuError) else fault
            self._recorder.emit(work.obj, "Warning", "FailedSync", f"error determining status: {why}")

    def _tell(self, uid: str, container: str, reason: str, message: str) -> None:
        work = self._work.get(uid)
        if work is not None and work.obj:
            path = field_path(work.obj, container)
            self._recorder.emit(work.obj, "Warning", reason, message, field_path=path)


def _replaced(old: Object, new: Object | None) -> bool:
    return new is None or new["metadata"]["uid"] != old["metadata"]["uid"]
