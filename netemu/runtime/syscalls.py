"""The system calls that containers and their files need; the others are in ``netemu.linux.libc``."""

from __future__ import annotations

import ctypes
import os

TYPE_CHECKING = False  # typing.TYPE_CHECKING without importing typing (0.6 MB a shim)
if TYPE_CHECKING:
    from collections.abc import Sequence

CLONE_NEWUTS = 0x04000000  # linux/sched.h
CLONE_NEWIPC = 0x08000000
CLONE_NEWPID = 0x20000000

_PR_SET_PDEATHSIG = 1  # linux/prctl.h
_PR_SET_DUMPABLE = 4
_PR_CAPBSET_DROP = 24
_PR_SET_CHILD_SUBREAPER = 36
_PR_SET_NO_NEW_PRIVS = 38
_PR_SET_SECCOMP = 22
_SECCOMP_MODE_FILTER = 2  # linux/seccomp.h
_EINVAL = 22
_SYS_OPENAT2 = 437  # Linux 5.6
_RESOLVE_IN_ROOT = 0x10  # linux/openat2.h
_SYS_MOUNT_SETATTR = 442  # the same on every architecture (asm-generic/unistd.h); Linux 5.12
_SYS_CLOSE_RANGE = 436  # Linux 5.11 for the flag
_CLOSE_RANGE_CLOEXEC = 4  # linux/close_range.h
_LAST_FD = 0xFFFFFFFF
CAPABILITY_NAMES = tuple(
    """
chown dac_override dac_read_search fowner fsetid kill setgid setuid setpcap linux_immutable net_bind_service
net_broadcast net_admin net_raw ipc_lock ipc_owner sys_module sys_rawio sys_chroot sys_ptrace sys_pacct
sys_admin sys_boot sys_nice sys_resource sys_time sys_tty_config mknod lease audit_write audit_control
setfcap mac_override mac_admin syslog wake_alarm block_suspend audit_read perfmon bpf checkpoint_restore
""".split()  # noqa: SIM905 - one a line would be a page; linux/capability.h, from 0 on
)
_AT_FDCWD = -100  # linux/fcntl.h
_AT_RECURSIVE = 0x8000
_AT_EMPTY_PATH = 0x1000
_SYS_OPEN_TREE = 428  # Linux 5.2
_SYS_MOVE_MOUNT = 429
_OPEN_TREE_CLONE = 1  # linux/mount.h
_MOVE_MOUNT_F_EMPTY_PATH = 0x4
_MOUNT_ATTR_RDONLY = 0x1
_MOUNT_ATTR_NODEV = 0x4
_MOUNT_ATTR_NOEXEC = 0x8
_MOUNT_ATTR_IDMAP = 0x00100000


def set_parent_death_signal(signum: int) -> None:
    """Have a signal sent to this process when its parent dies (prctl(2))."""
    _check(ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signum, 0, 0, 0), "prctl")


def become_subreaper() -> None:
    """Be the parent of whatever our children leave behind (prctl(2))."""
    _check(ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0), "prctl")


def give_up_privileges(kept: Sequence[str], *, may_gain: bool = False) -> None:
    """Let this process and its children never have capabilities but ``kept`` (setpriv's names), nor
    (unless they ``may_gain``) get any by executing a program; those it has itself go with the next program.
    """
    prctl = ctypes.CDLL(None, use_errno=True).prctl
    numbers = {CAPABILITY_NAMES.index(name) for name in kept}
    for number in range(64):
        if number not in numbers and prctl(_PR_CAPBSET_DROP, number, 0, 0, 0) != 0:
            if ctypes.get_errno() != _EINVAL:
                _check(-1, "prctl")
            break  # this kernel has no more
    if not may_gain:
        _check(prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), "prctl")


def filter_calls(program: bytes) -> None:
    """Have the kernel judge the system calls of this process and its children (seccomp(2))."""
    code = ctypes.create_string_buffer(program, len(program))

    class Program(ctypes.Structure):
        _fields_ = (("length", ctypes.c_ushort), ("code", ctypes.c_void_p))

    wanted = Program(len(program) // 8, ctypes.addressof(code))
    prctl = ctypes.CDLL(None, use_errno=True).prctl
    _check(prctl(_PR_SET_SECCOMP, _SECCOMP_MODE_FILTER, ctypes.byref(wanted), 0, 0), "prctl")


def open_in_root(root_fd: int, path: str, flags: int, mode: int = 0) -> int:
    """Open a path as a process would whose root is ``root_fd``: no link leads out (openat2(2))."""
    how = (ctypes.c_uint64 * 3)(flags | os.O_CLOEXEC, mode, _RESOLVE_IN_ROOT)
    fd = ctypes.CDLL(None, use_errno=True).syscall(
        ctypes.c_long(_SYS_OPENAT2),
        ctypes.c_int(root_fd),
        os.fsencode(path),
        how,
        ctypes.c_size_t(ctypes.sizeof(how)),
    )
    if fd < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), path)
    return int(fd)


def open_below(root: str, path: str, flags: int = os.O_PATH, mode: int = 0) -> int:
    """Open ``path``, which is below the directory ``root``, as ``open_in_root`` does.

    Containers may write below ``root``, and change what is there while it is looked for.
    """
    directory = os.open(root, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        return open_in_root(directory, os.path.relpath(path, root), flags, mode)
    finally:
        os.close(directory)


def make_below(root: str, path: str) -> None:
    """Make a directory and those above it, as far as they are missing, below ``root`` (made as well):
    no link in there leads out.
    """
    os.makedirs(root, exist_ok=True)
    parts = os.path.relpath(path, root).split("/")
    for count in range(1, len(parts) + 1):
        place = os.path.join(root, *parts[:count])
        try:
            os.close(open_below(root, place, os.O_PATH | os.O_DIRECTORY))
        except FileNotFoundError:
            above = open_below(root, os.path.dirname(place), os.O_PATH | os.O_DIRECTORY)
            try:
                os.mkdir(parts[count - 1], dir_fd=above)
            finally:
                os.close(above)


def set_mode_below(root: str, path: str, mode: int) -> None:
    """Change the permissions of a directory below ``root``: no link in there leads out."""
    directory = open_below(root, path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fchmod(directory, mode)
    finally:
        os.close(directory)


def read_in_root(root: str, path: str, most_bytes: int) -> bytes:
    """Read the beginning of a file below a directory that containers write to; OSError says why not.

    Links are followed as if ``root`` were all there is, and what is no file is not waited for.
    """
    found = open_below(root, f"{root}/{path}", os.O_RDONLY | os.O_NONBLOCK)
    with open(found, "rb") as file:
        return file.read(most_bytes)


def make_read_only(target: str) -> None:
    """Make a mount and all below it read-only and change nothing else (mount_setattr(2)).

    A remount would have to repeat flags that a user namespace may not take off.
    """
    _set_attributes(target, _MOUNT_ATTR_RDONLY)


def take_devices_away(target: str, *, programs_too: bool = False) -> None:
    """Let nobody use a device by a file of a mount, or of one below it (mount_setattr(2)), or execute one."""
    _set_attributes(target, _MOUNT_ATTR_NODEV | (_MOUNT_ATTR_NOEXEC if programs_too else 0))


def _set_attributes(target: str, wanted: int) -> None:
    attributes = (ctypes.c_uint64 * 4)(wanted, 0, 0, 0)
    code = ctypes.CDLL(None, use_errno=True).syscall(
        ctypes.c_long(_SYS_MOUNT_SETATTR),
        ctypes.c_int(_AT_FDCWD),
        os.fsencode(target),
        ctypes.c_uint(_AT_RECURSIVE),
        attributes,
        ctypes.c_size_t(ctypes.sizeof(attributes)),
    )
    _check(code, "mount_setattr")


def mount_as_theirs(source_fd: int, target: str, users_fd: int) -> None:
    """Mount what a descriptor is of, and all below it, for a user namespace: root's here is its root's there.

    The descriptor must have been opened in our mount namespace.
    """
    call = ctypes.CDLL(None, use_errno=True).syscall
    flags = _OPEN_TREE_CLONE | _AT_EMPTY_PATH | _AT_RECURSIVE | os.O_CLOEXEC
    tree = call(ctypes.c_long(_SYS_OPEN_TREE), ctypes.c_int(source_fd), b"", ctypes.c_uint(flags))
    _check(min(tree, 0), "open_tree")
    try:
        attributes = (ctypes.c_uint64 * 4)(_MOUNT_ATTR_IDMAP, 0, 0, users_fd)
        code = call(
            ctypes.c_long(_SYS_MOUNT_SETATTR),
            ctypes.c_int(tree),
            b"",
            ctypes.c_uint(_AT_EMPTY_PATH | _AT_RECURSIVE),
            attributes,
            ctypes.c_size_t(ctypes.sizeof(attributes)),
        )
        _check(code, "mount_setattr")
        code = call(
            ctypes.c_long(_SYS_MOVE_MOUNT),
            ctypes.c_int(tree),
            b"",
            ctypes.c_int(_AT_FDCWD),
            os.fsencode(target),
            ctypes.c_uint(_MOVE_MOUNT_F_EMPTY_PATH),
        )
        _check(code, "move_mount")
    finally:
        os.close(tree)


def hide_memory() -> None:
    """Let nobody of another user namespace read or trace this process until it becomes another program."""
    _check(ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0), "prctl")


def close_all_on_exec(first_fd: int) -> None:
    """Let no descriptor from ``first_fd`` on pass to the next program (close_range(2))."""
    code = ctypes.CDLL(None, use_errno=True).syscall(
        ctypes.c_long(_SYS_CLOSE_RANGE),
        ctypes.c_uint(first_fd),
        ctypes.c_uint(_LAST_FD),
        ctypes.c_uint(_CLOSE_RANGE_CLOEXEC),
    )
    _check(code, "close_range")


def _check(code: int, call: str) -> None:
    if code != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{call}: {os.strerror(number)}")
