"""A node's namespaces: network, mounts, IPC and host name of its own, made once at the shim's start.

Masked are the directories in which nodes must not meet each other or the machine: /etc, /opt,
/run, /sys, /var/lib and /var/log. Whatever netemu itself needs below one of them (its code, its
state) stays visible at its own path.
"""

from __future__ import annotations

import errno
import os
import socket
import sys

from netemu.linux import libc
from netemu.runtime.etc import WRITTEN
from netemu.runtime.syscalls import CLONE_NEWIPC, CLONE_NEWUTS, make_read_only

MASKED = ("/etc", "/opt", "/run", "/sys", "/var/lib", "/var/log")
SCRATCH = "/run/netemu-shim"
WRITTEN_ETC = f"{SCRATCH}/etc"
POD_SYSFS = f"{SCRATCH}/sys"
NETNS = "/run/netns"

_STATE_DIRECTORIES = ("etc/cni/net.d", "opt/cni/bin", "var/lib", "var/log")
_CGROUPS = "/sys/fs/cgroup"


class Machine:
    """Ways back to the machine's own namespaces, opened before the node's are entered.

    Network namespaces are looked up from the machine's root directory, so that names are
    found that were mounted there later.
    """

    def __init__(self, netns_dir: str) -> None:
        self._root = os.open("/", os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
        self._netns_dir = os.path.realpath(netns_dir).lstrip("/")
        self._namespaces = [
            os.open(f"/proc/self/ns/{name}", os.O_RDONLY | os.O_CLOEXEC) for name in ("mnt", "net", "uts")
        ]

    def open_netns(self, name: str) -> int:
        """Open a named network namespace; OSError if there is none."""
        return os.open(f"{self._netns_dir}/{name}", os.O_RDONLY | os.O_CLOEXEC, dir_fd=self._root)

    def enter(self) -> None:
        """Leave the node for the machine (in a child that will be a worker)."""
        mounts, network, hostname = self._namespaces
        libc.setns(mounts, 0)
        libc.setns(network, 0)
        try:
            libc.setns(hostname, 0)
        except PermissionError:
            return  # in a user namespace it is the machine's alone; a worker can do without the name


def enter_node(
    machine: Machine, *, netns: str, netns_dir: str, hostname: str, state: str, visible: list[str]
) -> list[str]:
    """Move this process into namespaces of the node's own and make its file system.

    ``visible`` are paths that must be seen afterwards as before, besides netemu's code.

    Returns:
        What this kernel refused and the node does without, as sentences.

    """
    for name in _STATE_DIRECTORIES:
        os.makedirs(f"{state}/{name}", exist_ok=True)
    node_netns = machine.open_netns(netns)
    libc.setns(node_netns, libc.CLONE_NEWNET)
    os.close(node_netns)
    libc.unshare(libc.CLONE_NEWNS | CLONE_NEWUTS | CLONE_NEWIPC)
    libc.mount("none", "/", "none", libc.MS_REC | libc.MS_SLAVE)
    socket.sethostname(hostname)
    _let_go_of_namespaces(netns_dir)
    return _mask(hostname, state, _needed([state, *visible]))


def _mask(hostname: str, state: str, needed: list[str]) -> list[str]:
    kept = [(path, os.open(path, os.O_PATH | os.O_CLOEXEC)) for path in needed]
    lent = {name: os.open(f"{state}/{name}", os.O_PATH | os.O_CLOEXEC) for name in _STATE_DIRECTORIES}
    missing: list[str] = []
    _mask_run()
    for directory in ("/etc", "/opt"):
        missing += _overlay(directory)
    for directory in ("/var/lib", "/var/log"):
        _bind_fd(lent[directory[1:]], directory)
    for path, name in (("/etc/cni/net.d", "etc/cni/net.d"), ("/opt/cni/bin", "opt/cni/bin")):
        os.makedirs(path, exist_ok=True)
        _bind_fd(lent[name], path)
    _write("/etc/hostname", f"{hostname}\n")
    missing += _fresh_sysfs()
    for path, fd in kept:
        _show_again(path, fd)
    for fd in (*lent.values(), *(fd for _, fd in kept)):
        os.close(fd)
    _protect_programs()
    return missing


def _protect_programs() -> None:
    """Let nobody write the machine's programs by what runs them.

    /proc/PID/exe of what starts containers (bubblewrap, its shell) leads to the program by our mount,
    for containers that share a PID namespace with it.
    """
    libc.mount("/usr", "/usr", "none", libc.MS_BIND | libc.MS_REC)
    make_read_only("/usr")


def _mask_run() -> None:
    _tmpfs("/run")
    os.mkdir(NETNS)
    _tmpfs(NETNS)
    os.mkdir("/run/lock", 0o1777)
    os.makedirs(WRITTEN_ETC)
    os.mkdir(POD_SYSFS)
    for name, text in WRITTEN.items():
        _write(f"{WRITTEN_ETC}/{name}", text)


def _overlay(directory: str) -> list[str]:
    """Make a directory writable without touching the machine's; its changes live in memory."""
    scratch = f"{SCRATCH}/overlay"
    os.makedirs(scratch, exist_ok=True)
    _tmpfs(scratch)
    try:
        for name in ("upper", "workdir"):
            os.mkdir(f"{scratch}/{name}")
        options = f"lowerdir={directory},upperdir={scratch}/upper,workdir={scratch}/workdir"
        libc.mount("overlay", directory, "overlay", 0, options)
    except OSError as err:
        _copy(directory, f"{scratch}/upper")
        libc.mount(f"{scratch}/upper", directory, "none", libc.MS_BIND | libc.MS_REC)
        return [f"overlayfs over {directory} was refused ({err.strerror}): a copy is used"]
    finally:
        libc.umount2(scratch, libc.MNT_DETACH)
    return []


def _copy(source: str, target: str) -> None:
    """Do what an overlay would: files are copied, directories bound read-only, links kept."""
    for entry in os.scandir(source):
        path = f"{target}/{entry.name}"
        if entry.is_symlink():
            os.symlink(os.readlink(entry.path), path)
        elif entry.is_dir():
            os.mkdir(path)
            if entry.name != "cni":  # plugins and their configuration are the node's own
                libc.mount(entry.path, path, "none", libc.MS_BIND | libc.MS_REC)
                make_read_only(path)
        elif entry.is_file():
            with open(entry.path, "rb") as original, open(path, "wb") as copy:
                copy.write(original.read())
            os.chmod(path, entry.stat().st_mode & 0o7777)


def _fresh_sysfs() -> list[str]:
    """Show the node's own network devices in /sys, and the machine's cgroups, read-only."""
    cgroups = os.open(_CGROUPS, os.O_PATH | os.O_CLOEXEC) if os.path.isdir(_CGROUPS) else -1
    try:
        libc.mount("sysfs", "/sys", "sysfs", libc.MS_NOSUID | libc.MS_NODEV | libc.MS_NOEXEC)
        if cgroups >= 0 and os.path.isdir(_CGROUPS):
            _bind_fd(cgroups, _CGROUPS)
            make_read_only(_CGROUPS)
    except OSError as err:
        return [f"/sys of the node's own was refused ({err.strerror}): /sys shows the machine's devices"]
    finally:
        if cgroups >= 0:
            os.close(cgroups)
    return []


def _let_go_of_namespaces(netns_dir: str) -> None:
    """Unmount our copies of the machine's named namespaces: they would keep deleted ones alive."""
    with open("/proc/self/mountinfo") as mounts:
        points = [line.split(" ")[4] for line in mounts]
    directory = os.path.realpath(netns_dir)
    for point in reversed(points):
        if point == directory or point.startswith(f"{directory}/"):
            _detach(point)


def _detach(point: str) -> None:
    try:
        libc.umount2(point, libc.MNT_DETACH)
    except OSError as err:
        if err.errno not in (errno.ENOENT, errno.EINVAL):  # hidden under another mount: out of reach
            raise


def _needed(paths: list[str]) -> list[str]:
    """Give the paths to keep, parents before children: ours, netemu's code, the resolver's file."""
    code = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    wanted = [*paths, code, sys.prefix, sys.base_prefix]
    resolver = os.path.realpath("/etc/resolv.conf")
    if resolver.startswith("/run/"):
        wanted.append(os.path.dirname(resolver))
    real = {os.path.realpath(path) for path in wanted if os.path.exists(path)}
    return sorted(path for path in real if any(path.startswith(f"{masked}/") for masked in MASKED))


def _show_again(path: str, fd: int) -> None:
    os.makedirs(path, exist_ok=True)
    _bind_fd(fd, path)
    if os.path.dirname(os.path.realpath("/etc/resolv.conf")) == path:
        make_read_only(path)


def _tmpfs(target: str) -> None:
    libc.mount("tmpfs", target, "tmpfs", libc.MS_NOSUID | libc.MS_NODEV, "mode=0755")


def _bind_fd(fd: int, target: str) -> None:
    libc.mount(f"/proc/self/fd/{fd}", target, "none", libc.MS_BIND | libc.MS_REC)


def _write(path: str, text: str) -> None:
    with open(path, "w") as file:
        file.write(text)
