"""Programs that a client starts beside the containers: in one of them (exec), or in the node (run).

Their streams belong to the client, their lives to the client's connection.
"""

from __future__ import annotations

import fcntl
import os
import signal
import stat
import struct
import termios
from itertools import count

from netemu.linux import libc
from netemu.runtime.cgroups import Cgroups
from netemu.runtime.command import exec_failure, find_fault, located
from netemu.runtime.control import Client, Refusal
from netemu.runtime.entering import join_groups
from netemu.runtime.join import Joined
from netemu.runtime.launch import filter_of, give_streams
from netemu.runtime.sandbox import capabilities, environment, join_arguments
from netemu.runtime.spawn import SpawnError, exit_code, find_child, fork, spawn
from netemu.runtime.streams import Stdio, close, open_pipes
from netemu.runtime.syscalls import open_below

TYPE_CHECKING = False  # typing.TYPE_CHECKING without importing typing (0.6 MB a shim)
if TYPE_CHECKING:
    from collections.abc import Callable

    from netemu.runtime.containers import Container
    from netemu.runtime.wire import Request

_TIOCSPTLCK = 0x40045431  # asm-generic/ioctls.h
_TIOCGPTPEER = 0x5441  # Linux 4.13
_PTMX = os.makedev(5, 2)
_NOT_FOUND_CODE = 127
_NOT_EXECUTABLE_CODE = 126


class Program:
    """A program that was started for a client."""

    def __init__(self, number: str, client: Client, pid: int) -> None:
        self.number = number
        self.client = client
        self.pid = pid


class Programs:
    """All programs under way."""

    def __init__(self, cgroups: Cgroups) -> None:
        self._cgroups = cgroups
        self._numbers = count(1)
        self._by_pid: dict[int, Program] = {}

    def exec(self, client: Client, request: Request, container: Container) -> None:
        """Start a program in a container and hand its streams to the client.

        Raises:
            Refusal: the container does not run.

        """
        pid = container.state["pid"]
        if not container.state["running"] or not pid or not container.spec["sandboxed"]:
            raise Refusal(f"container {container.spec['id']} does not run")
        env = {
            **environment(container.spec),
            **({"TERM": "xterm"} if request["tty"] else {}),
            **request["env"],
        }
        cwd = request["cwd"] or container.spec["cwd"]
        argv = request["argv"]
        root = f"/proc/{pid}/root"
        if container.spec["image"] is not None:
            self._exec_joined(client, request, container, env, cwd)
            return
        argv = located(argv, lambda path: root + path)
        if fault := find_fault(argv, env.get("PATH", ""), cwd, lambda path: root + path):
            self._refuse(client, request, fault)
            return
        # No program puts a filter on another, and nsenter hides its memory from nobody.
        if container.spec["seccomp"] or container.spec["first_id"]:
            self._exec_joined(client, {**request, "argv": argv}, container, env, cwd)
            return
        streams = _open_terminal_in(root) if request["tty"] else open_pipes(stdin=True)
        give_streams(container.spec, streams[0])
        joined = join_arguments(pid, argv, env, cwd, spec=container.spec, tty=request["tty"])
        groups = self._cgroups.files(container.spec["id"])
        try:
            self._start(client, request, (joined, {}), streams, lambda: join_groups(groups))
        finally:
            close(*groups)

    def _exec_joined(
        self, client: Client, request: Request, container: Container, env: dict[str, str], cwd: str
    ) -> None:
        pid, spec = container.state["pid"], container.spec
        tty, calls = request["tty"], filter_of(spec)
        stdio, ours = _open_terminal_in(f"/proc/{pid}/root") if tty else open_pipes(stdin=True)
        give_streams(spec, stdio)
        joined = Joined(
            pid,
            request["argv"],
            env,
            cwd,
            user=spec["user"],
            capabilities=capabilities(spec),
            terminal=tty,
            calls=calls,
            may_gain=spec["gains_privileges"] and spec["image"] is not None,
            has_users=bool(spec["first_id"]),
        )
        groups = self._cgroups.files(spec["id"])
        try:
            started = fork(joined.run, descriptors=stdio, prepare=lambda: join_groups(groups))
        except SpawnError as err:
            close(*ours)
            self._refuse(client, request, str(err))
            return
        finally:
            close(*groups, *set(stdio))
        self._note(client, request, started, ours)

    def run(self, client: Client, request: Request) -> None:
        """Start a program in the node and hand its streams to the client."""
        command = (request["argv"], request["env"])
        if request["tty"]:
            master, slave = os.openpty()
            streams: tuple[Stdio, list[int]] = (slave, slave, slave), [master]
            self._start(client, request, command, streams, lambda: _prepare_in_node(slave))
        else:
            self._start(client, request, command, open_pipes(stdin=True), _prepare_in_node)

    def kill(self, client: Client, number: str) -> None:
        """Kill a program of this client. Idempotent."""
        for program in list(self._by_pid.values()):
            if program.client is client and program.number == number:
                _kill(program)

    def left(self, client: Client) -> None:
        """Kill what a client that went away had started."""
        for program in list(self._by_pid.values()):
            if program.client is client:
                _kill(program)

    def take_exit(self, pid: int, status: int) -> bool:
        """Tell the client that its program ended; false if it was none of these."""
        program = self._by_pid.pop(pid, None)
        if program is None:
            return False
        program.client.tell({"event": "exec-exited", "exec": program.number, "exit_code": exit_code(status)})
        return True

    def _start(
        self,
        client: Client,
        request: Request,
        command: tuple[list[str], dict[str, str]],
        streams: tuple[Stdio, list[int]],
        prepare: Callable[[], None] | None = None,
    ) -> None:
        (argv, env), (stdio, ours) = command, streams
        try:
            pid = spawn(argv, env, descriptors=stdio, prepare=prepare)
        except (SpawnError, OSError) as err:
            close(*ours)
            raise Refusal(f"cannot run {argv[0]}: {err}") from err
        finally:
            close(*set(stdio))
        self._note(client, request, pid, ours)

    def _note(self, client: Client, request: Request, pid: int, ours: list[int]) -> None:
        program = Program(str(next(self._numbers)), client, pid)
        self._by_pid[pid] = program
        client.reply(request, {"exec": program.number}, ours)

    def _refuse(self, client: Client, request: Request, fault: str) -> None:
        """Let a program that cannot be executed fail as a program does: words on stderr, an exit code."""
        number = str(next(self._numbers))
        words = f"{exec_failure(fault)}\n".encode()
        if request["tty"]:
            master, slave = os.openpty()
            os.write(slave, words)
            client.reply(request, {"exec": number}, [master])
            close(slave)
        else:
            stdio, ours = open_pipes(stdin=True)
            os.write(stdio[2], words)
            close(*stdio)
            client.reply(request, {"exec": number}, ours)
        is_there = fault.endswith(("permission denied", "is a directory"))
        code = _NOT_EXECUTABLE_CODE if is_there else _NOT_FOUND_CODE
        client.tell({"event": "exec-exited", "exec": number, "exit_code": code})


def _open_terminal_in(root: str) -> tuple[Stdio, list[int]]:
    """Make a terminal of the container's own /dev/pts, so that its name is right inside."""
    master = open_multiplexer(root)
    try:
        fcntl.ioctl(master, _TIOCSPTLCK, struct.pack("i", 0))
        slave = fcntl.ioctl(master, _TIOCGPTPEER, os.O_RDWR | os.O_NOCTTY | os.O_CLOEXEC)
    except BaseException:
        os.close(master)
        raise
    return (slave, slave, slave), [master]


def open_multiplexer(root: str) -> int:
    """Open what makes terminals in a container, which may have mounted something else in its place: no link
    leads out of it, and no other device or file is opened.

    Raises:
        Refusal: it is none.

    """
    found = open_below(root, f"{root}/dev/pts/ptmx")
    try:
        what = os.fstat(found)
        if not stat.S_ISCHR(what.st_mode) or what.st_rdev != _PTMX:
            raise Refusal("/dev/pts/ptmx of the container makes no terminals")
        return os.open(f"/proc/self/fd/{found}", os.O_RDWR | os.O_NOCTTY | os.O_CLOEXEC)
    finally:
        os.close(found)


def _prepare_in_node(terminal: int | None = None) -> None:
    """Give a program the /proc of its own PID namespace, and its terminal.

    Ours has the machine's numbers. Programs in Go find their network namespace by their own number
    (/proc/PID/task/TID/ns/net): all of the reference CNI plugins do.
    """
    libc.unshare(libc.CLONE_NEWNS)
    libc.mount("proc", "/proc", "proc", libc.MS_NOSUID | libc.MS_NODEV | libc.MS_NOEXEC)
    if terminal is not None:
        fcntl.ioctl(terminal, termios.TIOCSCTTY, 0)


def _kill(program: Program) -> None:
    """Kill a program with its group; inside a container, its session may be another one."""
    for pid in (find_child(program.pid), program.pid):
        if pid:
            try:
                os.killpg(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue
