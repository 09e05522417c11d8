"""Start what a container is: bubblewrap in the pod's network namespace, or a worker outside."""

from __future__ import annotations

import os
import socket
import stat

from netemu.linux.copies import Parts, become, is_own
from netemu.runtime.cgroups import MAX_PROCESSES, Cgroups
from netemu.runtime.command import runtime_failure
from netemu.runtime.control import Refusal
from netemu.runtime.entering import Way, join_groups, take_terminal
from netemu.runtime.etc import WRITTEN, passwd_with
from netemu.runtime.ipcspaces import IpcSpaces
from netemu.runtime.node import POD_SYSFS, SCRATCH, WRITTEN_ETC, Machine
from netemu.runtime.oci import Monitor
from netemu.runtime.pidlimits import bound_processes, is_bounded_by_namespaces
from netemu.runtime.pidspaces import PidSpaces
from netemu.runtime.profile import ProfileError, compile_profile
from netemu.runtime.sandbox import (
    ARGUMENTS_FD,
    Root,
    capabilities,
    environment,
    inner_command,
    sandbox_arguments,
    sets_ipc,
    usr_arguments,
)
from netemu.runtime.seccomp import default_filter
from netemu.runtime.spawn import fork, in_memory, in_memory_bytes, spawn
from netemu.runtime.staging import stage, staged
from netemu.runtime.streams import Stdio, close
from netemu.runtime.users import enter_users

TYPE_CHECKING = False  # typing.TYPE_CHECKING without importing typing (0.6 MB a shim)
if TYPE_CHECKING:
    from collections.abc import Callable

    from netemu.runtime.wire import SpecJson, UserJson

_SH = "/usr/bin/sh"
_DISK_BYTES = 1024 * 1024 * 1024  # of a container's own file system, where memory is plenty
_DISK_SHARE = 8  # where it is not: that part of it
_COPIED_BWRAP = f"{SCRATCH}/bwrap"
_ROOT: UserJson = {"uid": 0, "gid": 0, "groups": []}


class Launcher:
    """Start containers on this machine."""

    def __init__(self, machine: Machine, cgroups: Cgroups) -> None:
        self._machine = machine
        self.cgroups = cgroups
        self._root = Root(_root_links(), frozenset(os.listdir("/proc")), _shells())
        self._bwrap = _find_program("bwrap")
        self.runc = _find_runc()
        self._disk_bytes = min(_DISK_BYTES, _memory_bytes() // _DISK_SHARE)
        self.pid_spaces = PidSpaces(self._bwrap, usr_arguments(self._root))
        self._ipc_spaces = IpcSpaces()

    def launch(self, spec: SpecJson, stdio: Stdio, shared_fd: int = -1) -> tuple[int, int]:
        """Start a container and give our child's pid, and a descriptor from which a byte can be
        read once the sandbox is made (-1 for a worker); SpawnError or Refusal say why not.

        ``shared_fd`` is the PID namespace of others that it shall be in.
        """
        if not spec["sandboxed"]:
            return self._launch_worker(spec["argv"], environment(spec), stdio), -1
        calls = filter_of(spec)  # before anything is opened: it may be refused, again and again
        way = Way(self._machine, spec)
        ready_read, ready_write = os.pipe2(os.O_CLOEXEC)
        os.set_blocking(ready_read, False)
        give_streams(spec, stdio)
        handed = [in_memory(self._words(spec)), ready_write, os.open(_SH, os.O_PATH | os.O_CLOEXEC)]
        filters = [in_memory_bytes(calls)] if calls else []
        shared = [shared_fd] if shared_fd >= 0 else []
        groups = self.cgroups.open(spec["id"], spec["limits"])
        program = self._bwrap if way.users < 0 else self._unreadable_bwrap()
        try:
            way.share_ipc(self._ipc_spaces, spec["ipc"])
            pid = spawn(
                [self._bwrap, "--args", str(ARGUMENTS_FD), "--", *inner_command(spec)],
                {},
                descriptors=(*stdio, *handed, *shared, *filters),
                prepare=lambda: _prepare(way, spec, stdio, groups),
                program=program,
            )
        except BaseException:
            close(ready_read)
            raise
        finally:
            way.close()
            close(*handed, *groups, *filters)
        return pid, ready_read

    def launch_image(self, spec: SpecJson, stdio: Stdio, shared_fd: int = -1) -> tuple[int, int]:
        """Start a container that has an image, and give our child's pid and the channel on which it
        tells of the start (``oci.receive``); SpawnError or Refusal say why not.
        """
        way = Way(self._machine, spec)
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        ours.setblocking(False)
        give_streams({**spec, "user": _ROOT}, stdio)  # who becomes somebody else gives them on
        groups = self.cgroups.open(spec["id"], spec["limits"])
        monitor = Monitor(spec, self.runc, capabilities(spec), groups, theirs, way.users)
        try:
            shares_ipc = way.share_ipc(self._ipc_spaces, spec["ipc"])
            ours_to_set = {
                name: value
                for name, value in spec["sysctls"].items()
                if shares_ipc or name.startswith("net.")
            }
            pid = fork(
                lambda _: monitor.run(lambda: way.enter(sysctls=ours_to_set), shared_fd), descriptors=stdio
            )
        except BaseException:
            ours.close()
            raise
        finally:
            way.close()
            close(*groups)
            theirs.close()
        return pid, ours.detach()

    def share_processes(self, word: str, spec: SpecJson) -> int:
        """Open the PID namespace that containers share who say the same word."""
        way = Way(self._machine, spec)
        try:
            return self.pid_spaces.join(word, spec["id"], way.users)
        finally:
            way.close()

    def _launch_worker(self, argv: list[str], env: dict[str, str], stdio: Stdio) -> int:
        """Start a program outside; of our own, a copy of this process has half of what it needs."""
        if not is_own(argv):
            return spawn(argv, env, descriptors=stdio, prepare=self._machine.enter)
        parts = Parts()

        def work(_error_fd: int) -> None:
            os.chdir("/")
            become(parts, argv, env)

        return fork(work, descriptors=stdio, prepare=self._machine.enter)

    def open_terminal(self) -> tuple[Stdio, list[int]]:
        """Make a terminal for a container: its three streams, and (what its input is written to,
        what we log): two descriptors of one master side.
        """
        master, slave = os.openpty()
        return (slave, slave, slave), [os.dup(master), master]

    def bound(self, pid: int) -> None:
        """Bound the processes of a container that runs, where no control group does."""
        if not self.cgroups.limits_processes and is_bounded_by_namespaces():
            bound_processes(pid, MAX_PROCESSES)

    def outside(self, spec: SpecJson) -> Callable[[str], str]:
        """Give the function that says where a path of the container is on the machine."""
        sources = {mount["target"]: mount["source"] for mount in spec["mounts"]}
        return lambda path: outside_path(path, sources, frozenset(self._root.links))

    def _disk_of(self, spec: SpecJson) -> int:
        return min(spec["limits"]["disk_bytes"] or self._disk_bytes, self._disk_bytes)

    def _words(self, spec: SpecJson) -> list[str]:
        return sandbox_arguments(
            {**spec, "mounts": staged(spec["mounts"])},
            root=self._root,
            etc=_written(spec),
            sysfs=POD_SYSFS,
            disk_bytes=self._disk_of(spec),
        )

    def _unreadable_bwrap(self) -> str:
        """Give a copy of bubblewrap that a user namespace may execute and not read.

        The kernel lets nobody in there trace such a process, who would find the node's mounts in it:
        in a PID namespace that they share, containers see it at work.
        """
        if not os.path.exists(_COPIED_BWRAP):
            with open(self._bwrap, "rb") as original, open(_COPIED_BWRAP, "xb") as copy:
                copy.write(original.read())
            os.chmod(_COPIED_BWRAP, 0o711)  # noqa: S103 - that is what it is for
        return _COPIED_BWRAP


def outside_path(path: str, sources: dict[str, str], links: frozenset[str]) -> str:
    """Say where a container's path is on the machine; empty if the container cannot have it."""
    path = os.path.normpath(path)
    for target, source in sources.items():
        if path == target or path.startswith(f"{target}/"):
            return source + path[len(target) :]
    first = path.lstrip("/").partition("/")[0]
    return path if first == "usr" or first in links else ""


def filter_of(spec: SpecJson) -> bytes:
    """Give the filter of a container's system calls as the kernel takes it; empty for none.

    Raises:
        Refusal: its profile cannot be used.

    """
    if not spec["profile"]:
        return default_filter(capabilities(spec)) if spec["seccomp"] else b""
    try:
        return compile_profile(spec["profile"])
    except ProfileError as err:
        raise Refusal(runtime_failure(f"unable to init seccomp: {err}")) from err


def give_streams(spec: SpecJson, stdio: Stdio) -> None:
    """Let a container's user open its streams by name (/dev/stdout), as runc does."""
    uid, gid = (spec["first_id"] + spec["user"][kind] for kind in ("uid", "gid"))
    if uid:
        for fd in {*stdio}:
            if not stat.S_ISCHR(os.fstat(fd).st_mode) or os.isatty(fd):  # /dev/null is everybody's
                os.fchown(fd, uid, gid)


def _prepare(way: Way, spec: SpecJson, stdio: Stdio, groups: list[int]) -> None:
    """Be where bubblewrap starts: in the pod, with all that it is to mount, and as its root."""
    take_terminal(stdio[0] if spec["tty"] else -1)
    join_groups(groups)
    way.enter(sysctls=spec["sysctls"], own_ipc=sets_ipc(spec))
    stage(spec["mounts"], way.users)
    enter_users(way.users)


def _written(spec: SpecJson) -> dict[str, str]:
    """Give the files of ``etc.WRITTEN`` for a container; its passwd knows its user."""
    files = {name: f"{WRITTEN_ETC}/{name}" for name in WRITTEN}
    uid, gid = spec["user"]["uid"], spec["user"]["gid"]
    if text := passwd_with(uid, gid):
        files["passwd"] = f"{WRITTEN_ETC}/passwd-{uid}-{gid}"
        if not os.path.exists(files["passwd"]):
            with open(files["passwd"], "w") as file:
                file.write(text)
    return files


def _memory_bytes() -> int:
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


def _root_links() -> dict[str, str]:
    """List what of the root directory belongs to /usr, as this machine has it."""
    names = [
        name for name in ("bin", "sbin", "lib", "lib32", "lib64", "libx32") if os.path.lexists(f"/{name}")
    ]
    return {name: os.readlink(f"/{name}") if os.path.islink(f"/{name}") else "" for name in names}


def _shells() -> tuple[str, ...]:
    """Give the program that is sh in containers, and the one whose place it takes."""
    shown, own = "/usr/bin/bash", os.path.realpath(_SH)
    return (shown, own) if own != shown and own.startswith("/usr/") and os.access(shown, os.X_OK) else ()


def _find_runc() -> str:
    for directory in ("/usr/sbin", "/usr/local/sbin", "/usr/bin", "/usr/local/bin"):
        if os.access(f"{directory}/runc", os.X_OK):
            return f"{directory}/runc"
    return ""


def _find_program(name: str) -> str:
    for directory in ("/usr/bin", "/usr/local/bin", "/bin"):
        if os.access(f"{directory}/{name}", os.X_OK):
            return f"{directory}/{name}"
    raise SystemExit(f"netemu shim: {name} is not installed; Debian: apt-get install bubblewrap")
