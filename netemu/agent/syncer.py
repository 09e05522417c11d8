"""[IO] Bring one pod from what it is to what the API says, and say what it is."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection

from msgspec.structs import replace

from netemu.agent import deadlines, lifecycle, messages, resize, restarts
from netemu.agent.containers import Containers
from netemu.agent.drainer import Drainer
from netemu.agent.ender import Ender, container_of
from netemu.agent.endings import grace_s
from netemu.agent.hooks import Hooks
from netemu.agent.lifecycle import BackOff, PostStart, Start, Verdict, is_held_back, is_hook_due
from netemu.agent.neighbours import Neighbours
from netemu.agent.overuse import Overuse
from netemu.agent.ports import Recorder
from netemu.agent.probes import Health, Prober
from netemu.agent.restarts import NEVER_STARTED
from netemu.agent.sandboxes import Sandboxes
from netemu.agent.specs import Site
from netemu.agent.status import Failure, pod_status
from netemu.agent.work import DRAIN_S, PodWork, field_path
from netemu.api.client import Client
from netemu.api.errors import ConflictError, NotFoundError
from netemu.api.kinds import POD
from netemu.api.views.core import Container, Pod
from netemu.clock import Clock, parse_rfc3339
from netemu.logs import Log

log = Log(__name__)

RESIZE_AGAIN_S = 10.0
CONFLICT_S = 0.02
"""The pod changed while we looked: its event is on the way and brings us back."""


class Syncer:
    """Works on one node's pods, one at a time each; ``again`` asks for another look after a while."""

    def __init__(
        self,
        *,
        site: Site,
        client: Client,
        sandboxes: Sandboxes,
        containers: Containers,
        prober: Prober,
        hooks: Hooks,
        ender: Ender,
        recorder: Recorder,
        again: Callable[[str, float], None],
        neighbours: Neighbours,
        drainer: Drainer,
        clock: Clock,
    ) -> None:
        self._site = site
        self._client = client
        self._sandboxes = sandboxes
        self._containers = containers
        self._prober = prober
        self._hooks = hooks
        self._ender = ender
        self._recorder = recorder
        self._again = again
        self._neighbours = neighbours
        self._drainer = drainer
        self._overuse = Overuse(containers, recorder, again, clock)
        self._clock = clock
        self._most_back_off_s = site.settings.kubelet.crash_loop_back_off.max_container_restart_period

    async def sync(self, work: PodWork, pod: Pod | None) -> bool:
        """Do what is due for a pod, which is ``None`` when it is gone; tell whether it can be forgotten."""
        if pod is None:
            self._overuse.forget(work.uid)
            self._ender.begin_all(work, 0.0)
            return await self._has_ended(work, None) and await self._forget(work)
        await self._containers.end_with_holders(work)
        self._hear(work, pod)
        if work.has_stale_volumes:
            work.has_stale_volumes = False
            self._containers.refresh(work)
        if pod.metadata.deletion_timestamp is not None:
            return await self._terminate(work, pod)
        if work.failure is None:
            work.failure = self._find_failure(work, pod) or await self._overuse.find_failure(work)
        if work.failure is not None or pod.status.phase in ("Succeeded", "Failed"):
            await self._fail(work, pod)
        elif not self._has_volumes(work) or not await self._sandboxes.ensure(work, pod):
            await self._report(work, pod, {})
        else:
            await self._advance(work, pod)
        return False

    def _hear(self, work: PodWork, pod: Pod) -> None:
        """Read the messages that containers left at their end."""
        for name, life in work.lives.items():
            container = container_of(pod, name)
            if not life.is_ended or life.is_heard or life.state is None or container is None:
                continue
            file = messages.message_file(self._site.pod_dir(work.uid), life.state.id)
            log_path = self._site.log_path(pod, life.state.id)
            said = life.state.message or messages.last_words(container, life.state, file, log_path)
            work.lives[name] = replace(life, state=replace(life.state, message=said), is_heard=True)

    def _has_volumes(self, work: PodWork) -> bool:
        """Tell whether a pod that has no network yet could have its volumes: they come first."""
        problem = self._containers.find_volume_problem(work) if work.sandbox is None else ""
        if problem:
            work.failures += 1
            self._recorder.emit(work.obj, "Warning", "FailedMount", problem)
            self._again(work.uid, restarts.volume_retry_s(work.failures))
        return not problem

    def _find_failure(self, work: PodWork, pod: Pod) -> Failure | None:
        """Find out whether the node does not take the pod, or its time is over."""
        if not work.is_admitted:
            refusal = self._neighbours.find_refusal(work, pod)
            if refusal is not None:
                event = refusal.message.removeprefix("Pod was rejected: ")
                self._recorder.emit(work.obj, "Warning", refusal.reason, event)
                return refusal
            work.is_admitted = True
        left_s = deadlines.left_s(pod, self._clock())
        if left_s is None:
            return None
        if left_s > 0:
            self._again(work.uid, left_s)
            return None
        self._recorder.emit(work.obj, "Normal", deadlines.EXCEEDED.reason, deadlines.EXCEEDED.message)
        return deadlines.EXCEEDED

    async def _fail(self, work: PodWork, pod: Pod) -> None:
        """End what runs of a pod that will not run again."""
        most_s = work.failure.max_grace_s if work.failure is not None else math.inf
        self._ender.begin_all(work, min(grace_s(pod), most_s))
        if await self._has_ended(work, pod):
            await self._release(work)
            self._containers.remove_volumes(work)
        if pod.status.phase not in ("Succeeded", "Failed"):
            await self._report(work, pod, {}, is_ending=True)

    async def _advance(self, work: PodWork, pod: Pod) -> None:
        if restarts.must_restart_all(pod, work.lives):
            await self._restart_all(work, pod)
            return
        waits: dict[str, BackOff] = {}
        decided = lifecycle.plan(pod, work.lives, self._clock(), self._most_back_off_s)
        for step in decided.steps:
            match step:
                case Start(name):
                    if not await self._start(work, pod, name):
                        break
                case PostStart(name):
                    self._run_post_start(work, pod, name)
                case BackOff(name, until_s, _):
                    waits[name] = step
                    self._tell_back_off(work, pod, name)
                    self._again(work.uid, max(until_s - self._clock(), 0.01))
        if decided.verdict is Verdict.FINISHED:
            self._ender.begin_all(work, grace_s(pod))
        else:
            await self._resize(work, pod)
            self._end_condemned(work, pod)
            self._refresh_health(work, pod)
        if await self._has_ended(work, pod) and decided.verdict is Verdict.FINISHED:
            await self._release(work)
        if self._is_between_attempts(work, pod, waits):
            self._again(work.uid, 0.0)  # its next attempt comes first: nobody is told of the moment between
        else:
            await self._report(work, pod, waits)

    def _is_between_attempts(self, work: PodWork, pod: Pod, waits: Collection[str]) -> bool:
        """Tell whether a container has just ended whose next attempt is the very next step."""
        replaced = {name for name, life in work.lives.items() if life.is_replaced and life.is_ended}
        if replaced <= set(waits):
            return False
        steps = lifecycle.plan(pod, work.lives, self._clock(), self._most_back_off_s).steps
        return any(step.container in replaced - set(waits) for step in steps)

    async def _restart_all(self, work: PodWork, pod: Pod) -> None:
        """End what runs at once; when all have ended, let the pod begin with its first container."""
        self._ender.begin_all(work, 0.0)
        await self._report(work, pod, {})
        if not await self._has_ended(work, pod):
            return
        regular = {each.name for each in (*pod.spec.init_containers, *pod.spec.containers)}
        for name in regular & work.lives.keys():
            life = work.lives[name]
            if life.state is not None:
                self._hooks.abandon(life.state.id)
                await self._containers.discard(work, name, life.state.id)
            self._prober.forget(work.uid, name)
            work.endings.pop(name, None)
            work.lives[name] = restarts.begun_anew(life)
        self._again(work.uid, 0.0)

    async def _start(self, work: PodWork, pod: Pod, name: str) -> bool:
        """Start a container; tell whether the next one may be started at once."""
        container = container_of(pod, name)
        assert container is not None, "planned containers are the pod's"
        life = work.lives.get(name, NEVER_STARTED)
        if life.state is not None:
            self._hooks.abandon(life.state.id)
            await self._containers.discard(work, name, life.state.id)
        self._prober.forget(work.uid, name)
        work.failed_probes.pop(name, None)
        work.endings.pop(name, None)
        outcome = await self._containers.start(work, pod, name, restarts.next_attempt(life))
        if isinstance(outcome, tuple):
            life = work.lives[name] = restarts.refused(life, *outcome, self._clock())
            self._tell_refused(work, name, outcome[0])
            wait_s = life.retry_at_s - self._clock()
            self._again(
                work.uid, min(wait_s, restarts.PULL_TOLD_S) if outcome[0] in restarts.PULL_REASONS else wait_s
            )
            return True
        life = work.lives[name] = restarts.started(life, outcome, container)
        is_regular = any(each.name == name for each in pod.spec.containers)
        if life.is_ended or not is_regular or is_hook_due(container, life):
            self._again(work.uid, 0.0)
        return not is_hook_due(container, life)

    def _tell_refused(self, work: PodWork, name: str, reason: str) -> None:
        if reason in ("ErrImagePull", "InvalidImageName", "ErrImageNeverPull"):
            self._tell(work, name, "Warning", "Failed", f"Error: {reason}")

    def _run_post_start(self, work: PodWork, pod: Pod, name: str) -> None:
        container, life = container_of(pod, name), work.lives[name]
        assert container is not None, "hooks are the pod's"
        assert life.state is not None, "hooks are of containers that run"
        id = life.state.id

        def done(problem: str) -> None:
            now = work.lives.get(name, NEVER_STARTED)
            if now.state is None or now.state.id != id:
                return
            work.lives[name] = replace(now, hook="failed" if problem else "done", hook_error=problem)
            if problem:
                self._tell(work, name, "Warning", "FailedPostStartHook", "PostStartHook failed")
                self._ender.begin(work, name, grace_s(pod), message="FailedPostStartHook")
            self._again(work.uid, 0.0)

        work.lives[name] = replace(life, hook="running")
        self._hooks.begin(pod, container, id, "postStart", self._address(work), done)

    async def _resize(self, work: PodWork, pod: Pod) -> None:
        """Give containers the resources that they should have now, if the node has them."""
        decided = self._neighbours.plan_resize(work, pod)
        if decided.pending is not None and decided.pending != work.resize_pending:
            reason = f"Resize{decided.pending.reason}"
            self._recorder.emit(work.obj, "Warning", reason, decided.pending.message)
        if decided.pending is not None:
            self._again(work.uid, RESIZE_AGAIN_S)
        work.resize_pending = decided.pending
        for name in decided.apply:
            container = container_of(pod, name)
            assert container is not None, "planned containers are the pod's"
            await self._containers.limit(work, pod, name)
            work.lives[name] = replace(work.lives[name], resources=container.resources or {})
        for name in decided.restart:
            if name not in work.endings:
                work.lives[name] = replace(work.lives[name], is_replaced=True)
                words = f"Container {name} resize requires restart, will be restarted"
                self._ender.begin(work, name, grace_s(pod), message=words)
        if decided.apply:
            self._recorder.emit(work.obj, "Normal", "ResizeCompleted", resize.completed(pod))

    def _end_condemned(self, work: PodWork, pod: Pod) -> None:
        """Begin to end what a probe condemned, and what is to be started with another image."""
        for name, _state in work.running():
            container, life = container_of(pod, name), work.lives[name]
            if container is None or name in work.endings:
                continue
            probe = work.failed_probes.pop(name, "")
            policy = container.restart_policy or pod.spec.restart_policy
            restarts_it = policy != "Never"
            if life.image and container.image != life.image and not restarts.is_plain_init(pod, container):
                words, restarts_it = f"Container {name} definition changed", True
            elif probe:
                words = f"Container {name} failed {probe} probe"
            else:
                continue
            words += ", will be restarted" if restarts_it else ""
            work.lives[name] = replace(life, is_replaced=restarts_it)
            self._ender.begin(work, name, grace_s(pod, container, probe), message=words)

    def _tell_back_off(self, work: PodWork, pod: Pod, name: str) -> None:
        life = work.lives.get(name, NEVER_STARTED)
        if life.waiting is None:
            identity = f"{work.key.name}_{work.key.namespace}({work.uid})"
            self._tell(
                work,
                name,
                "Warning",
                "BackOff",
                f"Back-off restarting failed container {name} in pod {identity}",
            )
        elif life.waiting[0] == "ErrImagePull":
            container = container_of(pod, name)
            image = container.image if container is not None else ""
            work.lives[name] = backed_off = restarts.pull_backs_off(life, image, self._clock())
            if backed_off is not life:
                self._tell(work, name, "Normal", "BackOff", f'Back-off pulling image "{image}"')
                self._tell(work, name, "Warning", "Failed", "Error: ImagePullBackOff")

    def _tell(self, work: PodWork, name: str, kind: str, reason: str, message: str) -> None:
        path = field_path(work.obj, name)
        self._recorder.emit(
            work.obj, "Warning" if kind == "Warning" else "Normal", reason, message, field_path=path
        )

    def _refresh_health(self, work: PodWork, pod: Pod) -> None:
        for container in (*pod.spec.init_containers, *pod.spec.containers):
            life = work.lives.get(container.name)
            if life is None:
                continue
            health = self._health(work, container)
            if health != (life.started, life.ready):
                work.lives[container.name] = replace(life, started=health.started, ready=health.ready)
                if container.restart_policy == "Always" and health.started:
                    self._again(work.uid, 0.0)  # whoever waited for this sidecar comes next

    def _health(self, work: PodWork, container: Container) -> Health:
        life = work.lives[container.name]
        if life.state is None or not life.is_running or is_held_back(container, life):
            self._prober.forget(work.uid, container.name)
            return Health(started=False, ready=False)
        before = Health(life.started, life.ready)
        since_s = life.state.started_at_s
        return self._prober.observe(work.uid, container, self._address(work), since_s=since_s, before=before)

    def _address(self, work: PodWork) -> str:
        addresses = work.sandbox.addresses if work.sandbox is not None else ()
        return (addresses or (self._site.node_ip,))[0]

    async def _report(
        self, work: PodWork, pod: Pod, waits: dict[str, BackOff], *, is_ending: bool = False
    ) -> None:
        old = work.obj.get("status") or {}
        status = pod_status(
            pod,
            work.lives,
            old=old,
            host_ips=self._site.node_ips,
            pod_ips=work.sandbox.addresses if work.sandbox else [ip.ip for ip in pod.status.pod_ips],
            has_network=work.sandbox is not None,
            waits=waits,
            now_s=self._clock(),
            failure=work.failure,
            resize=work.resize_pending,
            is_ending=is_ending,
        )
        if status == old:
            return
        try:
            work.obj = await self._client.update(POD, {**work.obj, "status": status}, subresource="status")
        except (ConflictError, NotFoundError):
            self._again(work.uid, CONFLICT_S)  # at once, it would be before the news of why

    async def _terminate(self, work: PodWork, pod: Pod) -> bool:
        meta = pod.metadata
        assert meta.deletion_timestamp is not None, "pods end when they are told to"
        # A daemon that comes back gives no more time than was left; the timestamp is of whole seconds.
        left_s = parse_rfc3339(meta.deletion_timestamp) + 1 - self._clock()
        drain_s = 0.0 if self._drainer.is_done(work) else DRAIN_S
        self._ender.begin_all(work, max(min(grace_s(pod), left_s), 0.0), drain_s=drain_s)
        if work.is_drained:
            self._ender.drained(work)
        self._prober.only_readiness(work.uid)
        for name, _state in work.running():
            ready = self._prober.is_ready(work.uid, name)
            if ready is not None:
                work.lives[name] = replace(work.lives[name], ready=ready)
        if not await self._has_ended(work, pod):
            await self._report(work, pod, {})
            return False
        if work.lives and (meta.finalizers or "shim" in work.sources.values()):
            await self._report(work, pod, {}, is_ending=True)
        await self._release(work)
        try:
            await self._client.delete(POD, work.key.namespace, work.key.name, uid=work.uid, grace_period_s=0)
        except (NotFoundError, ConflictError):
            log.debug("agent.pod_gone_already", pod=str(work.key))
        return await self._forget(work)

    async def _has_ended(self, work: PodWork, pod: Pod | None) -> bool:
        """Go on ending what is to end; tell whether nothing runs any more."""
        again_at_s = await self._ender.advance(work, pod)
        if again_at_s is not None:
            self._again(work.uid, max(again_at_s - self._clock(), 0.01))
        return not work.running()

    async def _release(self, work: PodWork) -> None:
        """Give the network back; the pod's containers have all ended."""
        self._prober.forget_pod(work.uid)
        await self._containers.remove_holders(work)
        await self._sandboxes.release(work)

    async def _forget(self, work: PodWork) -> bool:
        await self._release(work)
        await self._containers.remove(work)
        self._hooks.forget_pod(work.uid)
        return True
