"""[IO] The API server's reach into pods: finds the agent, hands descriptors and connections over."""

from __future__ import annotations

import os
import termios
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from pathlib import Path
from socket import socket

from netemu.agent.containers import Containers
from netemu.agent.machine import KUBELET_PORT
from netemu.agent.ports import Session
from netemu.agent.restarts import Life, next_attempt
from netemu.agent.work import PodWork
from netemu.api.client import Object
from netemu.api.errors import BadRequestError, UnavailableError
from netemu.api.views import view
from netemu.api.views.core import Pod
from netemu.apiserver.podaccess import ExecSession, LogOptions
from netemu.cluster.attachments import AttachedDescriptors, AttachedLog
from netemu.cluster.dialing import dial, dial_loopback
from netemu.cluster.node import NodeParts
from netemu.linux import netns
from netemu.naming import NodeName
from netemu.runtime.logs import read_log


class OwnedDescriptors:
    """A session whose descriptors the caller owns, as the API server wants it."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self.stdin_fd = session.stdin_fd
        self.stdout_fd = session.stdout_fd
        self.stderr_fd = session.stderr_fd
        self.ends_with_input = False
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
    """Finds the containers of any pod of the cluster, on whatever node of ``nodes`` it is."""

    def __init__(
        self, nodes: Mapping[NodeName, NodeParts], is_off: Callable[[str], bool], netns_dir: Path
    ) -> None:
        self._nodes = nodes
        self._is_off = is_off
        self._netns_dir = netns_dir

    async def exec(
        self, pod: Object, container: str, argv: Sequence[str], *, stdin: bool, tty: bool
    ) -> OwnedDescriptors:
        """Run a command in a container."""
        work, containers = self._find(pod)
        typed = view(Pod, pod)
        session = await containers.exec(work, typed, container, argv, stdin=stdin, tty=tty)
        return OwnedDescriptors(session)

    async def attach(self, pod: Object, container: str, *, stdin: bool) -> ExecSession:
        """Join a container's streams; a stand-in has its log alone."""
        work, containers = self._find(pod)
        session = await containers.attach(work, container, stdin=stdin)
        if session is not None:
            stdin_once = any(
                each.stdin_once for each in view(Pod, pod).spec.containers if each.name == container
            )
            return AttachedDescriptors(session, stdin_once=stdin_once)
        now_on = LogOptions(follow=True, tail_lines=0)
        return AttachedLog(self._read_log(work, containers, container, now_on))

    async def logs(self, pod: Object, container: str, options: LogOptions) -> AsyncGenerator[bytes, None]:
        """Give a container's output."""
        work, containers = self._find(pod)
        name = pod["metadata"]["name"]
        life = work.lives.get(container)
        if life is None or life.state is None:
            why = _first_wait(pod, life)
            raise BadRequestError(f'container "{container}" in pod "{name}" is waiting to start: {why}')
        if options.previous and next_attempt(life) < 2:
            raise BadRequestError(f'previous terminated container "{container}" in pod "{name}" not found')
        return self._read_log(work, containers, container, options)

    async def dial(self, pod: Object, port: int) -> socket:
        """Connect to a port on a pod's loopback address."""
        work, _ = self._find(pod)
        if work.sandbox is None:
            raise UnavailableError(f"pod {pod['metadata']['name']} has no network yet")
        with netns.opened(self._netns_dir / work.sandbox.netns) as ns_fd:
            return await dial_loopback(ns_fd, port)

    async def dial_from_node(self, node: str, address: str, port: int) -> socket:
        """Connect to an address from a node."""
        parts = self._nodes.get(NodeName(node)) or next(iter(self._nodes.values()))
        return await dial(parts.hardware.ns_fd, address, port)

    def _read_log(
        self, work: PodWork, containers: Containers, container: str, options: LogOptions
    ) -> AsyncGenerator[bytes, None]:
        life = work.lives[container]
        attempt = next_attempt(life) - (2 if options.previous else 1)
        return read_log(
            containers.log_path(work, container, attempt),
            follow=options.follow,
            tail_lines=options.tail_lines,
            since_s=options.since_s,
            since_time_s=options.since_time_s,
            timestamps=options.timestamps,
            limit_bytes=options.limit_bytes,
            stream=options.stream,
            ended=_end_of(work, container),
        )

    def _find(self, pod: Object) -> tuple[PodWork, Containers]:
        node = pod["spec"].get("nodeName", "")
        parts = self._nodes.get(node)
        if parts is not None and self._is_off(node):
            address = f"{parts.place.address.ip}:{KUBELET_PORT}"
            raise UnavailableError(f"error dialing backend: dial tcp {address}: connect: no route to host")
        work = parts.agent.work_of(pod["metadata"]["uid"]) if parts else None
        if work is None or parts is None:
            name = pod["metadata"]["name"]
            problem = "has not started" if node else "does not have a host assigned"
            raise BadRequestError(f"pod {name} {problem}")
        return work, parts.containers


def _first_wait(pod: Object, life: Life | None) -> str:
    """Say why a container has not started yet, as a kubelet does to who asks for its log."""
    default = "PodInitializing" if pod["spec"].get("initContainers") else "ContainerCreating"
    reason = life.waiting[0] if life is not None and life.waiting is not None else default
    words = {"ErrImagePull": "image can't be pulled", "ImagePullBackOff": "trying and failing to pull image"}
    return words.get(reason, reason)


def _end_of(work: PodWork, container: str) -> Callable[[], bool]:
    """Give the question whether the attempt that is current now has ended."""
    current = work.state_of(container)

    def has_ended() -> bool:
        state = work.state_of(container)
        return state is None or current is None or state.id != current.id or not state.running

    return has_ended
