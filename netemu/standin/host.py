"""The apps that run: their sockets in their pods' network namespaces, served from one loop."""

from __future__ import annotations

import asyncio
import errno
import socket
import time
from collections.abc import Callable
from pathlib import Path

import msgspec

from netemu.agnhost.model import AppError, Listener
from netemu.agnhost.protocols import Owner, Patience
from netemu.agnhost.serving import Serving
from netemu.agnhost.sockets import complaint, open_listener
from netemu.errors import KernelError, PermissionDeniedError
from netemu.linux import netns
from netemu.logs import Log
from netemu.runtime.container import AppSpec, ContainerState
from netemu.runtime.errors import ContainerExistsError, ControlError
from netemu.runtime.logfile import LogFile
from netemu.standin.apps.registry import AGNHOST, build
from netemu.standin.surroundings import PodSurroundings, RunIn

log = Log(__name__)

_PATIENCE = Patience(15.0, 75.0)  # nginx's keepalive_timeout


class AppLog:
    """A container's log, made when there is something to say; nothing is said after its end."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._file: LogFile | None = None
        self._is_closed = False

    def write(self, line: str, stream: str = "stdout") -> None:
        """Write a line."""
        if self._is_closed:
            return
        if self._file is None:
            self._file = LogFile(self._path)
        self._file.write(stream, [(line.encode(), False)])

    def close(self) -> None:
        """Write nothing more."""
        self._is_closed = True
        if self._file is not None:
            self._file.close()


class RunningApp:
    """One app: its state and its sockets.

    Nothing that it owns refers to it: an app that ended is gone at once, and not when garbage is looked for.
    """

    def __init__(self, spec: AppSpec, group: asyncio.TaskGroup) -> None:
        self.spec = spec
        self.state = ContainerState(id=spec.id, running=True, started_at_s=time.time())
        self._log = AppLog(spec.log_path)
        self.log = self._log.write
        patience = Patience() if spec.app in AGNHOST else _PATIENCE
        self.serving = Serving(Owner(group, self.log, _failed, patience))

    def close(self) -> None:
        """Close sockets, connections and log."""
        self.serving.close()
        self._log.close()


class Host:
    """All apps of a cluster; ``ended`` is called with the state of each that ends by itself.

    ``run`` runs a command in an app's container.
    """

    def __init__(
        self,
        group: asyncio.TaskGroup,
        netns_dir: Path,
        ended: Callable[[ContainerState], None],
        run: RunIn,
    ) -> None:
        self._group = group
        self._netns_dir = netns_dir
        self._ended = ended
        self._run = run
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
        surroundings = PodSurroundings(
            spec, str(path), lambda code: self._exit(app, code), app.log, self._run
        )
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
                for listener in listeners:
                    if (sock := _bind(app, listener)) is not None:
                        app.serving.start(listener, sock)
        except (KernelError, PermissionDeniedError) as err:
            raise ControlError(err.message, hint=err.hint) from err


def _bind(app: RunningApp, listener: Listener) -> socket.socket | None:
    """Make a listening socket in the namespace that we are in; None if an implied one gives way.

    Raises:
        AppError: the port is taken, or not ours.

    """
    try:
        return open_listener(listener)
    except OSError as err:
        message = complaint(listener, err)
        if not listener.implied or err.errno != errno.EADDRINUSE:
            raise AppError(message) from err
        app.log(f"{message}; the port was not asked for: left to its owner")
        return None


def _ended(state: ContainerState, code: int, message: str = "") -> ContainerState:
    return msgspec.structs.replace(
        state,
        running=False,
        exit_code=code,
        reason="Error" if code else "Completed",
        message=message,
        finished_at_s=time.time(),
    )


def _failed(err: Exception, request: str) -> None:
    log.error("standin.failed", exc=err, request=request)
