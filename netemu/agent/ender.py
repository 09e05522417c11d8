"""[IO] Bring containers to their end: hooks, signals and the time between them."""

from __future__ import annotations

import signal
from collections.abc import Callable

from msgspec.structs import replace

from netemu.agent import endings
from netemu.agent.containers import Containers
from netemu.agent.endings import Act
from netemu.agent.hooks import Hooks
from netemu.agent.ports import Recorder
from netemu.agent.work import PodWork, field_path
from netemu.api.views.core import Container, Pod
from netemu.clock import Clock


class Ender:
    """Ends containers of one node; ``wake`` is called with a pod's UID when a hook ended."""

    def __init__(
        self,
        *,
        containers: Containers,
        hooks: Hooks,
        recorder: Recorder,
        wake: Callable[[str], None],
        clock: Clock,
    ) -> None:
        self._containers = containers
        self._hooks = hooks
        self._recorder = recorder
        self._wake = wake
        self._clock = clock

    def begin(
        self, work: PodWork, name: str, grace_s: float, *, message: str = "", drain_s: float = 0.0
    ) -> None:
        """Begin to end a container that runs, and tell so; what began before has at most this time."""
        now_s = self._clock()
        before = work.endings.get(name)
        if before is not None:
            work.endings[name] = endings.hurried(before, now_s + grace_s)
            return
        ending = endings.begin(now_s, grace_s, drain_s=drain_s)
        state = work.state_of(name)
        if state is not None and self._hooks.was_begun(state.id, "preStop"):
            ending = replace(ending, hook="done")
        work.endings[name] = ending
        if work.obj:
            words = message or f"Stopping container {name}"
            self._recorder.emit(work.obj, "Normal", "Killing", words, field_path=field_path(work.obj, name))

    def begin_all(self, work: PodWork, grace_s: float, *, drain_s: float = 0.0) -> None:
        """Begin to end all containers of a pod that run."""
        for name, _state in work.running():
            self.begin(work, name, grace_s, drain_s=drain_s)

    def drained(self, work: PodWork) -> None:
        """Note that nobody turns to a pod any more: its containers may soon be told."""
        now_s = self._clock()
        work.endings.update({name: endings.drained(each, now_s) for name, each in work.endings.items()})

    async def advance(self, work: PodWork, pod: Pod | None) -> float | None:
        """Do what is due for all containers that are to end; give the time to look again.

        Without a ``pod``, which is gone from the API, there are no hooks and no order.
        """
        again_s: list[float] = []
        for name in list(work.endings):
            while (at_s := await self._step(work, pod, name)) is not None:
                if at_s > self._clock():
                    again_s.append(at_s)
                    break
        return min(again_s, default=None)

    async def _step(self, work: PodWork, pod: Pod | None, name: str) -> float | None:
        """Take one step for one container; ``None`` when it has ended."""
        state = work.state_of(name)
        if state is None or not state.running:
            work.endings.pop(name, None)
            if state is not None:
                self._hooks.abandon(state.id)
            return None
        ending = work.endings[name]
        container = container_of(pod, name) if pod is not None else None
        has_hook = (
            container is not None
            and container.lifecycle is not None
            and container.lifecycle.pre_stop is not None
        )
        running = {other for other, _state in work.running()}
        waits = pod is not None and endings.must_wait(pod, name, running)
        now_s = self._clock()
        action = endings.next_action(ending, has_hook=has_hook, must_wait=waits, now_s=now_s)
        match action.act:
            case Act.RUN_HOOK:
                assert pod is not None, "hooks are the pod's"
                assert container is not None, "a hook has its container"
                work.endings[name] = replace(ending, hook="running")
                self._run_hook(work, pod, container, state.id)
            case Act.TELL:
                work.endings[name] = replace(ending, told_s=now_s)
                self._hooks.abandon(state.id)
                await self._containers.signal(work, name, signal.SIGTERM)
            case Act.KILL:
                await self._containers.signal(work, name, signal.SIGKILL)
            case Act.WAIT:
                pass
        return action.again_at_s if work.is_running(name) else now_s

    def _run_hook(self, work: PodWork, pod: Pod, container: Container, container_id: str) -> None:
        def done(problem: str) -> None:
            ending = work.endings.get(container.name)
            if ending is not None:
                work.endings[container.name] = replace(ending, hook="done")
            if problem:
                path = field_path(work.obj, container.name)
                self._recorder.emit(
                    work.obj, "Warning", "FailedPreStopHook", "PreStopHook failed", field_path=path
                )
            self._wake(work.uid)

        address = work.sandbox.addresses[0] if work.sandbox and work.sandbox.addresses else ""
        self._hooks.begin(pod, container, container_id, "preStop", address, done)


def container_of(pod: Pod, name: str) -> Container | None:
    """Find a container of any sort."""
    spec = pod.spec
    for container in (*spec.containers, *spec.init_containers, *spec.ephemeral_containers):
        if container.name == name:
            return container
    return None
