"""Start what a container is: bubblewrap in the pod's network namespace, or a worker outside."""

from __future__ import annotations

import fcntl
import os
import socket
import stat
import termios

from netemu.linux import libc
from netemu.runtime.cgroups import MAX_PROCESSES, Cgroups
from netemu.runtime.control import Refusal
from netemu.runtime.etc import WRITTEN, passwd_with
from netemu.runtime.ipcspaces import IpcSpaces
from netemu.runtime.node import POD_SYSFS, WRITTEN_ETC, Machine
from netemu.runtime.oci import Monitor
from netemu.runtime.pidlimits import bound_processes, is_bounded_by_namespaces
from netemu.runtime.pidspaces import PidSpaces
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
from netemu.runtime.streams import Stdio, close
from netemu.runtime.syscalls import CLONE_NEWIPC

TYPE_CHECKING = False  # typing.TYPE_CHECKING without importing typing (0.6 MB a shim)
if TYPE_CHECKING:
    from collections.abc import Callable

    from netemu.runtime.wire import SpecJson

_SH = "/usr/bin/sh"
_DISK_BYTES = 1024 * 1024 * 1024  # of a container's own file system, where memory is plenty
_DISK_SHARE = 8  # where it is not: that part of it
_SYSFS_FLAGS = libc.MS_NOSUID | libc.MS_NODEV | libc.MS_NOEXEC | libc.MS_RDONLY


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
            pid = spawn(spec["argv"], environment(spec), descriptors=stdio, prepare=self._machine.enter)
            return pid, -1
        netns = self._open_netns(spec["netns"])
        ready_read, ready_write = os.pipe2(os.O_CLOEXEC)
        os.set_blocking(ready_read, False)
        words = sandbox_arguments(
            spec, root=self._root, etc=_written(spec), sysfs=POD_SYSFS, disk_bytes=self._disk_of(spec)
        )
        arguments = in_memory(words)
        give_streams(spec, stdio)
        argv = [self._bwrap, "--args", str(ARGUMENTS_FD), "--", *inner_command(spec)]
        terminal = stdio[0] if spec["tty"] else -1
        groups = self.cgroups.open(spec["id"], spec["limits"])
        sysctls = spec["sysctls"]
        filters = [in_memory_bytes(default_filter())] if spec["seccomp"] else []
        shared = [shared_fd] if shared_fd >= 0 else []
        shell = os.open(_SH, os.O_PATH | os.O_CLOEXEC)
        try:
            ipc = self._ipc_spaces.join(spec["ipc"])
            pid = spawn(
                argv,
                {},
                descriptors=(*stdio, arguments, ready_write, shell, *shared, *filters),
                prepare=lambda: _enter_pod(
                    netns, terminal, groups, sysctls, own_ipc=sets_ipc(spec), shared_ipc=ipc
                ),
            )
        except BaseException:
            close(ready_read)
            raise
        finally:
            close(netns, arguments, ready_write, shell, *groups, *filters)
        return pid, ready_read

    def launch_image(self, spec: SpecJson, stdio: Stdio, shared_fd: int = -1) -> tuple[int, int]:
        """Start a container that has an image, and give our child's pid and the channel on which it
        tells of the start (``oci.receive``); SpawnError or Refusal say why not.
        """
        netns = self._open_netns(spec["netns"])
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        ours.setblocking(False)
        groups = self.cgroups.open(spec["id"], spec["limits"])
        monitor = Monitor(spec, self.runc, capabilities(spec), groups, theirs)

        try:
            ipc = self._ipc_spaces.join(spec["ipc"])
            ours_to_set = {
                name: value for name, value in spec["sysctls"].items() if ipc >= 0 or name.startswith("net.")
            }

            def enter() -> None:
                _enter_pod(netns, -1, [], ours_to_set, shared_ipc=ipc)

            pid = fork(lambda _: monitor.run(enter, shared_fd), descriptors=stdio)
        except BaseException:
            ours.close()
            raise
        finally:
            close(netns, *groups)
            theirs.close()
        return pid, ours.detach()

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

    def _open_netns(self, name: str) -> int:
        try:
            return self._machine.open_netns(name)
        except OSError as err:
            raise Refusal(f"cannot open network namespace {name}: {err.strerror}") from err


def outside_path(path: str, sources: dict[str, str], links: frozenset[str]) -> str:
    """Say where a container's path is on the machine; empty if the container cannot have it."""
    path = os.path.normpath(path)
    for target, source in sources.items():
        if path == target or path.startswith(f"{target}/"):
            return source + path[len(target) :]
    first = path.lstrip("/").partition("/")[0]
    return path if first == "usr" or first in links else ""


def give_streams(spec: SpecJson, stdio: Stdio) -> None:
    """Let a container's user open its streams by name (/dev/stdout), as runc does."""
    uid, gid = spec["user"]["uid"], spec["user"]["gid"]
    if uid:
        for fd in {*stdio}:
            if not stat.S_ISCHR(os.fstat(fd).st_mode) or os.isatty(fd):  # /dev/null is everybody's
                os.fchown(fd, uid, gid)


def join_groups(files: list[int]) -> None:
    """Put this process, and whatever it starts, into control groups."""
    for fd in files:
        os.write(fd, b"0")


def write_sysctls(sysctls: dict[str, str]) -> None:
    """Set sysctls of the namespaces that this process is in; OSError names one that they have not so."""
    for name, value in sysctls.items():
        path = "/proc/sys/" + name.replace(".", "/")
        try:
            with open(path, "w") as file:
                file.write(value)
        except OSError as err:  # what the kernel does not take has no name yet
            raise OSError(err.errno, err.strerror, path) from err


def _enter_pod(
    netns: int,
    terminal: int,
    groups: list[int],
    sysctls: dict[str, str],
    *,
    own_ipc: bool = False,
    shared_ipc: int = -1,
) -> None:
    """Take the terminal, join the container's groups, enter the pod's network and IPC namespace, and
    mount what bubblewrap cannot or needs.

    It binds the pod's /sys from where we mount it, and looks itself up in a /proc that must be
    of its own PID namespace (the node's is the machine's).
    """
    if terminal >= 0:
        fcntl.ioctl(terminal, termios.TIOCSCTTY, 0)
    join_groups(groups)
    libc.setns(netns, libc.CLONE_NEWNET)
    if shared_ipc >= 0:
        libc.setns(shared_ipc, CLONE_NEWIPC)
    libc.unshare(libc.CLONE_NEWNS | (CLONE_NEWIPC if own_ipc else 0))
    libc.mount("proc", "/proc", "proc", libc.MS_NOSUID | libc.MS_NODEV | libc.MS_NOEXEC)
    write_sysctls(sysctls)
    try:
        libc.mount("sysfs", POD_SYSFS, "sysfs", _SYSFS_FLAGS)
    except OSError:
        return  # not every user namespace may: the container's /sys stays empty


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
