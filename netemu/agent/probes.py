"""[IO] The probes of one node's containers: when each is asked, and who hears what came of it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import NamedTuple

from msgspec import Struct

from netemu.agent.asking import Asker
from netemu.agent.tasks import Tasks
from netemu.agent.verdicts import Course, ProbeKind, first_course, judge
from netemu.api.views.core import Container, Probe
from netemu.clock import Clock

KINDS: tuple[ProbeKind, ...] = ("startup", "liveness", "readiness")

Target = tuple[str, str, ProbeKind]
"""Pod UID, container, and which probe."""


class Health(NamedTuple):
    """What probes make of a running container."""

    started: bool
    ready: bool


class _Watched(Struct):
    """One probe of one attempt of a container: a timer between questions, a task during one."""

    container: Container
    probe: Probe
    address: str
    course: Course
    timer: asyncio.TimerHandle | None = None


class Prober:
    """Runs the probes of one node's containers for as long as they run.

    ``changed`` is called with the pod's UID when a verdict changes, ``tell`` with UID, container,
    an event's reason and message, ``failed`` when a container must be restarted.
    """

    def __init__(
        self,
        *,
        asker: Asker,
        tasks: Tasks,
        changed: Callable[[str], None],
        tell: Callable[[str, str, str, str], None],
        failed: Callable[[str, str, ProbeKind], None],
        clock: Clock,
    ) -> None:
        self._asker = asker
        self._tasks = tasks
        self._changed = changed
        self._tell = tell
        self._failed = failed
        self._clock = clock
        self._watched: dict[Target, _Watched] = {}

    def observe(
        self, uid: str, container: Container, address: str, *, since_s: float, before: Health
    ) -> Health:
        """Tell how a running container is, starting its probes at the first call.

        Until a probe has decided otherwise the answer is ``before``: what a previous daemon
        found, or false for a container that was just started, at ``since_s``.
        """

        def holds(kind: ProbeKind, probe: Probe | None, initially: bool) -> bool:
            if probe is None:
                return True
            watched = self._watched.get((uid, container.name, kind))
            if watched is None:
                watched = _Watched(container, probe, address, first_course(kind, probe, holds=initially))
                self._watched[uid, container.name, kind] = watched
                age_s = self._clock() - since_s
                self._ask_in((uid, container.name, kind), max(probe.initial_delay_seconds - age_s, 0.0))
            return watched.course.holds

        if not holds("startup", container.startup_probe, before.started):
            return Health(started=False, ready=False)
        holds("liveness", container.liveness_probe, True)
        return Health(started=True, ready=holds("readiness", container.readiness_probe, before.ready))

    def is_ready(self, uid: str, container: str) -> bool | None:
        """Tell what a container's readiness probe says; ``None`` if none is asked."""
        watched = self._watched.get((uid, container, "readiness"))
        return watched.course.holds if watched is not None else None

    def forget(self, uid: str, container: str, kinds: tuple[ProbeKind, ...] = KINDS) -> None:
        """Stop probes of a container."""
        for kind in kinds:
            target = (uid, container, kind)
            watched = self._watched.pop(target, None)
            if watched is not None and watched.timer is not None:
                watched.timer.cancel()
            self._tasks.cancel(target)

    def only_readiness(self, uid: str) -> None:
        """Stop asking a pod that is to end whether it lives."""
        for target in [target for target in self._watched if target[0] == uid]:
            self.forget(uid, target[1], ("startup", "liveness"))

    def forget_pod(self, uid: str) -> None:
        """Stop all probes of a pod."""
        for target in [target for target in self._watched if target[0] == uid]:
            self.forget(uid, target[1])

    def close(self) -> None:
        """Stop all timers."""
        for watched in self._watched.values():
            if watched.timer is not None:
                watched.timer.cancel()

    def _ask_in(self, target: Target, delay_s: float) -> None:
        watched = self._watched[target]
        loop = asyncio.get_running_loop()
        watched.timer = loop.call_later(delay_s, lambda: self._tasks.start(target, self._ask(target)))

    async def _ask(self, target: Target) -> None:
        watched = self._watched.get(target)
        if watched is None:
            return
        loop = asyncio.get_running_loop()
        asked_at_s = loop.time()
        reply = await self._asker.ask(target[0], watched.container, watched.probe, watched.address)
        if self._watched.get(target) is not watched:
            return
        uid, container, kind = target
        before = watched.course
        judged = judge(kind, watched.probe, before, reply)
        watched.course = judged.course
        if judged.event is not None:
            self._tell(uid, container, *judged.event)
        if judged.course.has_failed:
            self._failed(uid, container, kind)
        if judged.course.holds is not before.holds:
            self._changed(uid)
        if not judged.course.is_over:
            # Periods are from question to question; what is due during an answer is asked after it.
            pause_s = before.pause_s if reply.outcome == "failure" else judged.course.pause_s
            due_s = asked_at_s + pause_s
            self._ask_in(target, max(due_s - loop.time(), 0.0))
