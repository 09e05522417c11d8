"""[IO] The API server's reach into pods: finds the agent, hands descriptors over."""

from __future__ import annotations

import os
import termios
from collections.abc import AsyncIterator, Mapping, Sequence

from netemu.agent.containers import Containers
from netemu.agent.lifecycle import next_attempt
from netemu.agent.loop import Agent
from netemu.agent.ports import Session
from netemu.agent.work import PodWork
from netemu.api.client import Object
from netemu.api.errors import BadRequestError
from netemu.api.views import view
from netemu.api.views.core import Pod
from netemu.apiserver.podaccess import LogOptions
from netemu.runtime.logs import read_log


class OwnedDescriptors:
    """A session whose descriptors the caller owns, as the API server wants it."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self.stdin_fd = session.stdin_fd
        self.stdout_fd = session.stdout_fd
        self.stderr_fd = session.stderr_fd
        self._terminal_fd: int | None = None
        if session.stderr_fd is None and session.stdin_fd is not None:
            os.close(session.stdin_fd)  # a terminal: both are its master side, one number is enough
            self.stdin_fd = self._terminal_fd = session.stdout_fd
        session.stdin_fd = session.stdout_fd = session.stderr_fd = None

    async def wait(self) -> int:
        """Return the exit code."""
        return await self._session.wait()

    async def resize(self, columns: int, rows: int) -> None:
        """Tell the terminal its size; no effect without one."""
        if self._terminal_fd is not None:
            termios.tcsetwinsize(self._terminal_fd, (rows, columns))

    async def close(self) -> None:
        """End the command if it still runs."""
        await self._session.close()


class Reach:
    """Finds the containers of any pod of the cluster."""

    def __init__(self, agents: Mapping[str, Agent], containers: Mapping[str, Containers]) -> None:
        self._agents = agents
        self._containers = containers

    async def exec(
        self, pod: Object, container: str, argv: Sequence[str], *, stdin: bool, tty: bool
    ) -> OwnedDescriptors:
        """Run a command in a container."""
        work, containers = self._find(pod)
        typed = view(Pod, pod)
        session = await containers.exec(work, typed, container, argv, stdin=stdin, tty=tty)
        return OwnedDescriptors(session)

    async def logs(self, pod: Object, container: str, options: LogOptions) -> AsyncIterator[bytes]:
        """Give a container's output."""
        work, containers = self._find(pod)
        life = work.lives.get(container)
        if life is None or life.state is None:
            name = pod["metadata"]["name"]
            raise BadRequestError(
                f'container "{container}" in pod "{name}" is waiting to start: ContainerCreating'
            )
        attempt = next_attempt(life) - 1
        if options.previous:
            attempt -= 1
            if attempt < 0:
                name = pod["metadata"]["name"]
                raise BadRequestError(
                    f'previous terminated container "{container}" in pod "{name}" not found'
                )
        id = life.state.id

        def has_ended() -> bool:
            state = work.state_of(container)
            return state is None or state.id != id or not state.running

        return read_log(
            containers.log_path(work, container, attempt),
            follow=options.follow,
            tail_lines=options.tail_lines,
            since_s=options.since_s,
            timestamps=options.timestamps,
            limit_bytes=options.limit_bytes,
            ended=has_ended,
        )

    def _find(self, pod: Object) -> tuple[PodWork, Containers]:
        node = pod["spec"].get("nodeName", "")
        agent = self._agents.get(node)
        work = agent.work_of(pod["metadata"]["uid"]) if agent else None
        if work is None:
            name = pod["metadata"]["name"]
            problem = "has not started" if node else "does not have a host assigned"
            raise BadRequestError(f"pod {name} {problem}")
        return work, self._containers[node]
