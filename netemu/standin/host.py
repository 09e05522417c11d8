"""The apps that run: their sockets in their pods' network namespaces, served from one loop."""

from __future__ import annotations

import asyncio
import errno
import os
import socket
import time
from collections.abc import Callable
from pathlib import Path

import msgspec

from netemu.errors import KernelError, PermissionDeniedError
from netemu.linux import netns
from netemu.runtime.container import AppSpec, ContainerState, Port
from netemu.runtime.errors import ContainerExistsError, ControlError
from netemu.runtime.logfile import LogFile
from netemu.standin.apps.model import Address, AppError, Datagrams, Listener
from netemu.standin.apps.registry import build
from netemu.standin.datagrams import answer_datagrams, open_datagram_socket
from netemu.standin.protocols import Owner, make_protocol
from netemu.standin.surroundings import PodSurroundings

_BACKLOG = 512
_ACCEPTS_AT_ONCE = 64


class RunningApp:
    """One app: its state and its sockets."""

    def __init__(self, spec: AppSpec, group: asyncio.TaskGroup) -> None:
        self.spec = spec
        self.state = ContainerState(id=spec.id, running=True, started_at_s=time.time())
        self.sockets: list[socket.socket] = []
        self.owner = Owner(group, self.log)
        self._log: LogFile | None = None

    def log(self, line: str, stream: str = "stdout") -> None:
        """Write a line to the container's log, made when there is something to say."""
        if self._log is None:
            self._log = LogFile(self.spec.log_path)
        self._log.write(stream, [(line.encode(), False)])

    def close(self) -> None:
        """Close sockets, connections and log."""
        loop = asyncio.get_running_loop()
        for sock in self.sockets:
            loop.remove_reader(sock)
            sock.close()
        self.sockets.clear()
        self.owner.close()
        if self._log is not None:
            self._log.close()


class Host:
    """All apps of a cluster; ``ended`` is called with the state of each that ends by itself."""

    def __init__(
        self, group: asyncio.TaskGroup, netns_dir: Path, ended: Callable[[ContainerState], None]
    ) -> None:
        self._group = group
        self._netns_dir = netns_dir
        self._ended = ended
        self._apps: dict[str, RunningApp] = {}

    def states(self) -> list[ContainerState]:
        """List the states of all apps that were not stopped."""
        return [app.state for app in self._apps.values()]

    def start(self, spec: AppSpec) -> ContainerState:
        """Start an app; its state says whether it could be.

        Raises:
            ContainerExistsError: the id is taken.
            ControlError: the network namespace cannot be entered.

        """
        if spec.id in self._apps:
            raise ContainerExistsError(f"app {spec.id} exists")
        app = RunningApp(spec, self._group)
        path = self._netns_dir / spec.netns
        surroundings = PodSurroundings(spec, str(path), lambda code: self._exit(app, code))
        try:
            self._open(app, build(spec, surroundings), path)
        except AppError as err:
            app.log(str(err), "stderr")
            app.close()
            app.state = _ended(app.state, err.exit_code, str(err))
        self._apps[spec.id] = app
        return app.state

    def stop(self, app_id: str) -> None:
        """Close an app and forget it. Idempotent."""
        app = self._apps.pop(app_id, None)
        if app is not None:
            app.close()

    def _exit(self, app: RunningApp, code: int) -> None:
        """End an app as a process ends itself, after the answer that is being given."""
        asyncio.get_running_loop().call_soon(self._end, app, code)

    def _end(self, app: RunningApp, code: int) -> None:
        if not app.state.running or self._apps.get(app.spec.id) is not app:
            return
        app.close()
        app.state = _ended(app.state, code)
        self._ended(app.state)

    def _open(self, app: RunningApp, listeners: tuple[Listener, ...], path: Path) -> None:
        try:
            with netns.opened(path) as fd, netns.entered(fd):
                opened = [(listener, _bind(app, listener.port)) for listener in listeners]
        except (KernelError, PermissionDeniedError) as err:
            raise ControlError(err.message, hint=err.hint) from err
        for listener, sock in opened:
            if sock is not None:
                self._serve(app, listener, sock)

    def _serve(self, app: RunningApp, listener: Listener, sock: socket.socket) -> None:
        service = listener.service
        loop = asyncio.get_running_loop()
        if isinstance(service, Datagrams):
            loop.add_reader(sock, answer_datagrams, sock, service.answer)
        else:
            loop.add_reader(sock, self._accept, app, listener, sock)

    def _accept(self, app: RunningApp, listener: Listener, sock: socket.socket) -> None:
        for _ in range(_ACCEPTS_AT_ONCE):
            try:
                accepted, (host, port) = sock.accept()
            except OSError:  # none left, it went away again, or descriptors ran out: the loop calls again
                return
            accepted.setblocking(False)
            self._group.create_task(_serve_connection(app, listener, accepted, Address(host, port)))


async def _serve_connection(
    app: RunningApp, listener: Listener, sock: socket.socket, client: Address
) -> None:
    protocol = make_protocol(listener.service, app.owner, client)
    try:
        await asyncio.get_running_loop().connect_accepted_socket(lambda: protocol, sock)
    except OSError:  # the client is gone already
        sock.close()


def _bind(app: RunningApp, port: Port) -> socket.socket | None:
    """Make a listening socket in the namespace that we are in; None if an implied one gives way.

    Raises:
        AppError: the port is taken, or not ours.

    """
    try:
        sock = open_datagram_socket(port.number) if port.protocol == "UDP" else _open_listener(port.number)
    except OSError as err:
        words = os.strerror(err.errno or 0).lower()
        message = f"listen {port.protocol.lower()} :{port.number}: bind: {words}"
        if not port.implied or err.errno != errno.EADDRINUSE:
            raise AppError(message) from err
        app.log(f"{message}; the port was not asked for: left to its owner")
        return None
    app.sockets.append(sock)
    return sock


def _open_listener(number: int) -> socket.socket:
    sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind(("0.0.0.0", number))
        sock.listen(_BACKLOG)
    except OSError:
        sock.close()
        raise
    return sock


def _ended(state: ContainerState, code: int, message: str = "") -> ContainerState:
    return msgspec.structs.replace(
        state,
        running=False,
        exit_code=code,
        reason="Error" if code else "Completed",
        message=message,
        finished_at_s=time.time(),
    )
