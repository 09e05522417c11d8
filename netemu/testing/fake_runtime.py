"""A node's network, shim and stand-in server in memory: what an agent works against in tests."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence

from msgspec.structs import replace

from netemu.agent.ports import Sandbox, Session
from netemu.errors import NetemuError
from netemu.runtime.client import ContainerStats
from netemu.runtime.container import AppSpec, ContainerSpec, ContainerState, Limits
from netemu.runtime.errors import ContainerExistsError, ContainerNotFoundError


class FakeNetwork:
    """Gives out addresses; ``why_not`` and ``refusal`` make it say no."""

    def __init__(self) -> None:
        self.attached: dict[str, Sandbox] = {}
        self.why_not = ""
        self.refusal = ""
        self._next = 2

    def problem(self) -> str:
        """Say why pods cannot be wired now."""
        return self.why_not

    async def attach(self, sandbox: Sandbox) -> tuple[str, ...]:
        """Give an address, the same for the same pod."""
        if self.refusal:
            raise NetemuError(self.refusal)
        if sandbox.uid not in self.attached:
            self.attached[sandbox.uid] = replace(sandbox, addresses=(f"10.244.0.{self._next}",))
            self._next += 1
        return self.attached[sandbox.uid].addresses

    async def detach(self, sandbox: Sandbox) -> None:
        """Take it back."""
        self.attached.pop(sandbox.uid, None)

    def present(self) -> list[Sandbox]:
        """List what is attached."""
        return list(self.attached.values())


class FakeSession:
    """A command that says nothing and ends with an exit code, or never."""

    def __init__(self, exit_code: int | None) -> None:
        self.stdin_fd: int | None = None
        self.stdout_fd: int | None = None
        self.stderr_fd: int | None = None
        self._exit_code = exit_code

    async def wait(self) -> int:
        """Return the exit code."""
        if self._exit_code is None:
            await asyncio.get_running_loop().create_future()
        return self._exit_code or 0

    async def resize(self, columns: int, rows: int) -> None:
        """Do nothing."""

    async def close(self) -> None:
        """Do nothing."""


class FakeShim:
    """Containers that run until ``end`` is called, which tells ``on_end``.

    A SIGKILL ends them, SIGTERM too if ``obedient``.
    """

    def __init__(self, *, obedient: bool = True) -> None:
        self.on_end: Callable[[ContainerState], object] = bool
        self.containers: dict[str, ContainerState] = {}
        self.specs: dict[str, ContainerSpec] = {}
        self.signals: list[tuple[str, int]] = []
        self.commands: list[tuple[str, tuple[str, ...]]] = []
        self.exit_codes: dict[str, int | None] = {}
        self.limits: dict[str, Limits] = {}
        self.sysctls: dict[str, dict[str, str]] = {}
        self.used: dict[str, ContainerStats] = {}
        self._obedient = obedient

    async def create(self, spec: ContainerSpec) -> ContainerState:
        """Start a container."""
        if spec.id in self.containers:
            raise ContainerExistsError(f"{spec.id} exists")
        self.specs[spec.id] = spec
        image, image_id = (spec.image.name, spec.image.id) if spec.image is not None else ("", "")
        state = ContainerState(
            id=spec.id, running=True, pid=4711, started_at_s=time.time(), image=image, image_id=image_id
        )
        self.containers[spec.id] = state
        return state

    async def signal(self, container_id: str, signum: int) -> None:
        """Note a signal, and obey it."""
        if container_id not in self.containers:
            raise ContainerNotFoundError(f"no container {container_id}")
        self.signals.append((container_id, signum))
        if signum == 9 or self._obedient:
            self.end(container_id, 128 + signum)

    async def set_sysctls(self, netns: str, sysctls: Mapping[str, str]) -> None:
        """Note a namespace's sysctls."""
        self.sysctls.setdefault(netns, {}).update(sysctls)

    async def stats(self) -> dict[str, ContainerStats]:
        """Tell what a test says that containers have used."""
        return self.used

    async def limit(self, container_id: str, limits: Limits) -> None:
        """Note a container's limits."""
        self.limits[container_id] = limits

    async def remove(self, container_id: str) -> None:
        """Forget a container."""
        self.containers.pop(container_id, None)

    async def exec(
        self,
        container_id: str,
        argv: Sequence[str],
        *,
        env: Mapping[str, str] | None = None,
        tty: bool = False,
        stdin: bool = False,
    ) -> Session:
        """Note a command; it ends as ``exit_codes`` says of its first word, or never if that is ``None``."""
        del env, tty, stdin
        if container_id not in self.containers:
            raise ContainerNotFoundError(f"no container {container_id}")
        self.commands.append((container_id, tuple(argv)))
        return FakeSession(self.exit_codes.get(argv[0], 0))

    async def attach(self, container_id: str, *, stdin: bool = False) -> Session:
        """Refuse: nothing really runs here."""
        raise NetemuError(f"{container_id} is not real: {stdin}")

    def end(self, container_id: str, exit_code: int, *, at_s: float | None = None) -> ContainerState:
        """End a container, as if its pid 1 had exited."""
        ended = replace(
            self.containers[container_id],
            running=False,
            exit_code=exit_code,
            reason="Completed" if exit_code == 0 else "Error",
            finished_at_s=time.time() if at_s is None else at_s,
        )
        self.containers[container_id] = ended
        self.on_end(ended)
        return ended


class FakeStandins:
    """Stand-ins that are always well."""

    def __init__(self) -> None:
        self.apps: dict[str, AppSpec] = {}

    async def start(self, spec: AppSpec) -> ContainerState:
        """Play a container."""
        if spec.id in self.apps:
            raise ContainerExistsError(f"{spec.id} exists")
        self.apps[spec.id] = spec
        return ContainerState(id=spec.id, running=True, started_at_s=1.0)

    async def stop(self, app_id: str) -> None:
        """Stop playing."""
        self.apps.pop(app_id, None)


class FakeRecorder:
    """Keeps events."""

    def __init__(self) -> None:
        self.events: list[tuple[str, str, str]] = []

    def emit(self, regarding: object, type: str, reason: str, message: str, *, field_path: str = "") -> None:
        """Keep an event."""
        del regarding, field_path
        self.events.append((type, reason, message))

    def reasons(self) -> list[str]:
        """List the reasons, in order."""
        return [reason for _type, reason, _message in self.events]


class FakeRoutes:
    """Connections go to nobody, or, between ``keep`` and ``release``, to all pods."""

    def __init__(self) -> None:
        self._free = asyncio.Event()
        self._free.set()

    def keep(self) -> None:
        """Send connections to all pods."""
        self._free.clear()

    def release(self) -> None:
        """Send connections to nobody."""
        self._free.set()

    async def left(self, uid: str) -> None:
        """Return when the pod gets none."""
        del uid
        await self._free.wait()
