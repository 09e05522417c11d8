"""What the agent needs from the world, as Protocols; the adapters are wired in ``netemu.cluster``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal, Protocol

from msgspec import Struct

from netemu.api.client import Object
from netemu.api.views.core import ContainerPort
from netemu.runtime.client import ContainerStats
from netemu.runtime.container import AppSpec, ContainerSpec, ContainerState, Limits


class Sandbox(Struct, frozen=True, kw_only=True):
    """A pod's network namespace; ``addresses`` is empty until the CNI gave some.

    With a ``first_id`` it belongs to a user namespace of the pod (``agent.users``).
    """

    uid: str
    namespace: str
    name: str
    netns: str
    host_network: bool = False
    first_id: int = 0
    ports: tuple[ContainerPort, ...] = ()
    addresses: tuple[str, ...] = ()


class Network(Protocol):
    """The node's CNI."""

    def problem(self) -> str:
        """Say why pods cannot be wired now; empty when they can."""
        ...

    async def attach(self, sandbox: Sandbox) -> tuple[str, ...]:
        """Make the namespace and wire it; idempotent. Returns the pod's addresses.

        Raises:
            NetemuError: the plugin refused; nothing is left of the attempt.

        """
        ...

    async def detach(self, sandbox: Sandbox) -> None:
        """Undo ``attach``; idempotent, also when it never finished."""
        ...

    def present(self) -> list[Sandbox]:
        """List what ``attach`` made and ``detach`` did not undo, finished or not."""
        ...


class Session(Protocol):
    """A running ``exec``: descriptors of its streams, and its end."""

    stdin_fd: int | None
    stdout_fd: int | None
    stderr_fd: int | None

    async def wait(self) -> int:
        """Return the exit code."""
        ...

    async def resize(self, columns: int, rows: int) -> None:
        """Change the terminal's size."""
        ...

    async def close(self) -> None:
        """End the session and what it started."""
        ...


class Shim(Protocol):
    """The parent of the node's container processes."""

    async def create(self, spec: ContainerSpec) -> ContainerState:
        """Start a container; one whose command cannot be started has ended already."""
        ...

    async def signal(self, container_id: str, signum: int) -> None:
        """Send a signal to pid 1."""
        ...

    async def stats(self) -> Mapping[str, ContainerStats]:
        """Tell what each running container has used, by its identifier."""
        ...

    async def limit(self, container_id: str, limits: Limits) -> None:
        """Change what a running container may use."""
        ...

    async def remove(self, container_id: str) -> None:
        """Kill what is left and forget it; idempotent."""
        ...

    async def exec(
        self,
        container_id: str,
        argv: Sequence[str],
        *,
        env: Mapping[str, str] | None = None,
        tty: bool = False,
        stdin: bool = False,
    ) -> Session:
        """Start a program inside a running container."""
        ...

    async def set_sysctls(self, netns: str, sysctls: Mapping[str, str]) -> None:
        """Set sysctls of a network namespace.

        Raises:
            ControlError: the kernel has no such sysctl, or not this value for it.

        """
        ...

    async def attach(self, container_id: str, *, stdin: bool = False) -> Session:
        """Watch a running container; ``wait`` gives 0 at its end, ``close`` leaves it running."""
        ...


class Standins(Protocol):
    """The server that plays containers without processes."""

    async def start(self, spec: AppSpec) -> ContainerState:
        """Start an app; one that cannot listen has ended already."""
        ...

    async def stop(self, app_id: str) -> None:
        """Close its sockets and forget it; idempotent."""
        ...


class Routes(Protocol):
    """What sends connections to pods."""

    async def left(self, uid: str) -> None:
        """Return when no node sends new connections to a pod."""
        ...


class Recorder(Protocol):
    """Where events go."""

    def emit(
        self,
        regarding: Object,
        type: Literal["Normal", "Warning"],
        reason: str,
        message: str,
        *,
        field_path: str = "",
    ) -> None:
        """Note that something happened to an object; never waits."""
        ...
