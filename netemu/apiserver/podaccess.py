"""What the API server asks of whoever runs the pods: their output, and commands inside them."""

from __future__ import annotations

import socket
from collections.abc import AsyncGenerator, Sequence
from typing import Literal, Protocol

from msgspec import Struct

from netemu.api.client import Object


class LogOptions(Struct, frozen=True, kw_only=True):
    """Which part of a container's output is wanted (core/v1 PodLogOptions).

    ``since_s`` is an age in seconds, ``since_time_s`` a moment (seconds since the epoch);
    ``limit_bytes`` cuts the whole answer.
    """

    follow: bool = False
    previous: bool = False
    timestamps: bool = False
    tail_lines: int | None = None
    since_s: float | None = None
    limit_bytes: int | None = None
    since_time_s: float | None = None
    stream: Literal["stdout", "stderr", ""] = ""


class ExecSession(Protocol):
    """A command that runs in a container.

    The descriptors belong to the caller from then on: it closes each of them exactly once
    (``stdin_fd`` is how the command learns that its input ended), and ``close`` never touches
    them. With a terminal, ``stdin_fd`` and ``stdout_fd`` are one number: the master's side.
    """

    stdin_fd: int | None
    stdout_fd: int | None
    stderr_fd: int | None
    ends_with_input: bool
    """Whether the session is over when the client's input is."""

    async def wait(self) -> int:
        """Return the exit code when the command has ended; 128 + n when signal n ended it."""
        ...

    async def resize(self, columns: int, rows: int) -> None:
        """Tell the terminal its size; no effect without one."""
        ...

    async def close(self) -> None:
        """End the command if it still runs, and forget it; twice is once."""
        ...


class PodAccess(Protocol):
    """Reaches into running pods. Every method may raise a subclass of ``ApiError``."""

    async def exec(
        self, pod: Object, container: str, argv: Sequence[str], *, stdin: bool, tty: bool
    ) -> ExecSession:
        """Start a command in a container.

        Raises:
            BadRequestError: the container does not run.

        """
        ...

    async def logs(self, pod: Object, container: str, options: LogOptions) -> AsyncGenerator[bytes, None]:
        """Give a container's output in pieces; the iterator ends with the log, or with
        ``follow`` when the container ends.

        Raises:
            BadRequestError: the container has not started, or has no previous run.

        """
        ...

    async def attach(self, pod: Object, container: str, *, stdin: bool) -> ExecSession:
        """Join the streams of a container's own command.

        Its output goes to its log as well. ``wait`` gives 0 when the container has ended;
        ``close`` leaves it running. With ``stdinOnce`` the input ends with the session.

        Raises:
            BadRequestError: the container does not run.

        """
        ...

    async def dial(self, pod: Object, port: int) -> socket.socket:
        """Connect to a TCP port inside a pod, as its own processes would: on its loopback address.

        Returns:
            A non-blocking socket, which belongs to the caller.

        Raises:
            UnavailableError: nobody listens there, or the pod has no network.

        """
        ...

    async def dial_from_node(self, node: str, address: str, port: int) -> socket.socket:
        """Connect to a TCP port from a node; from any, when there is none of that name.

        Returns:
            A non-blocking socket, which belongs to the caller.

        Raises:
            UnavailableError: nobody answers there.

        """
        ...
