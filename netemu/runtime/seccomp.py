"""The filter of system calls that stands for a runtime's default profile (seccomp, RuntimeDefault). Pure.

It refuses what containerd's own profile refuses to a container with the default capabilities
(contrib/seccomp/seccomp_default.go), by the names of what is refused instead of all that is allowed. It is
not what holds a container: its capabilities and namespaces are.
"""

from __future__ import annotations

import platform
import struct

TYPE_CHECKING = False  # typing.TYPE_CHECKING without importing typing (0.6 MB a shim)
if TYPE_CHECKING:
    from collections.abc import Iterable

_ANYWHERE = {
    "clone3": 435,
    "fsconfig": 431,
    "fsmount": 432,
    "fsopen": 430,
    "fspick": 433,
    "io_uring_enter": 426,
    "io_uring_register": 427,
    "io_uring_setup": 425,
    "mount_setattr": 442,
    "move_mount": 429,
    "open_tree": 428,
    "quotactl_fd": 443,
    "set_mempolicy_home_node": 450,
}
# fmt: off
_X86_64 = {
    "_sysctl": 156, "acct": 163, "add_key": 248, "bpf": 321, "clock_adjtime": 305, "clock_settime": 227,
    "clone": 56, "create_module": 174, "delete_module": 176, "fanotify_init": 300, "finit_module": 313,
    "get_kernel_syms": 177, "get_mempolicy": 239, "init_module": 175, "ioperm": 173, "iopl": 172,
    "kcmp": 312, "kexec_file_load": 320, "kexec_load": 246, "keyctl": 250, "lookup_dcookie": 212,
    "mbind": 237, "mount": 165, "move_pages": 279, "nfsservctl": 180, "open_by_handle_at": 304,
    "perf_event_open": 298, "pivot_root": 155, "query_module": 178, "quotactl": 179, "reboot": 169,
    "request_key": 249, "set_mempolicy": 238, "setdomainname": 171, "sethostname": 170, "setns": 308,
    "settimeofday": 164, "swapoff": 168, "swapon": 167, "sysfs": 139, "syslog": 103, "umount2": 166,
    "unshare": 272, "uselib": 134, "userfaultfd": 323, "ustat": 136, "vhangup": 153,
}  # arch/x86/entry/syscalls/syscall_64.tbl
_AARCH64 = {
    "acct": 89, "add_key": 217, "bpf": 280, "clock_adjtime": 266, "clock_settime": 112, "clone": 220,
    "delete_module": 106, "fanotify_init": 262, "finit_module": 273, "get_mempolicy": 236,
    "init_module": 105, "kcmp": 272, "kexec_file_load": 294, "kexec_load": 104, "keyctl": 219,
    "lookup_dcookie": 18, "mbind": 235, "mount": 40, "move_pages": 239, "nfsservctl": 42,
    "open_by_handle_at": 265, "perf_event_open": 241, "pivot_root": 41, "quotactl": 60, "reboot": 142,
    "request_key": 218, "set_mempolicy": 237, "setdomainname": 162, "sethostname": 161, "setns": 268,
    "settimeofday": 170, "swapoff": 225, "swapon": 224, "syslog": 116, "umount2": 39, "unshare": 97,
    "userfaultfd": 282, "vhangup": 58,
}  # include/uapi/asm-generic/unistd.h
# fmt: on
_LENT = {
    "bpf": ("bpf",),
    "dac_read_search": ("open_by_handle_at",),
    "perfmon": ("perf_event_open",),
    "sys_admin": (
        *("bpf", "clone", "clone3", "fanotify_init", "fsconfig", "fsmount", "fsopen", "fspick"),
        *(
            "lookup_dcookie",
            "mount",
            "mount_setattr",
            "move_mount",
            "open_tree",
            "perf_event_open",
            "quotactl",
        ),
        *("quotactl_fd", "setdomainname", "sethostname", "setns", "syslog", "umount2", "unshare"),
    ),
    "sys_boot": ("reboot",),
    "sys_module": ("delete_module", "finit_module", "init_module"),
    "sys_nice": ("get_mempolicy", "mbind", "set_mempolicy", "set_mempolicy_home_node"),
    "sys_pacct": ("acct",),
    "sys_ptrace": ("kcmp",),
    "sys_rawio": ("ioperm", "iopl"),
    "sys_time": ("clock_settime", "settimeofday"),
    "sys_tty_config": ("vhangup",),
    "syslog": ("syslog",),
}
"""What is not refused to who has a capability."""

_TABLES = {"x86_64": (0xC000003E, _X86_64), "aarch64": (0xC00000B7, _AARCH64)}  # linux/audit.h
_PARTLY = ("clone", "clone3")

_LOAD, _IF_EQUAL, _IF_AT_LEAST, _AND, _RETURN = 0x20, 0x15, 0x35, 0x54, 0x06  # linux/bpf_common.h
_NUMBER, _ARCH, _FIRST_ARGUMENT = 0, 4, 16  # offsets in seccomp_data (linux/seccomp.h)
_ALLOW = 0x7FFF0000
_NOT_PERMITTED = 0x00050001  # EPERM
_NOT_THERE = 0x00050026  # ENOSYS: glibc then does without
NEW_NAMESPACES = 0x7E020000  # the CLONE_NEW* that clone(2) takes
_X32 = 0x40000000


def default_filter(capabilities: Iterable[str] = (), machine: str = "") -> bytes:
    """Give the filter for who has some capabilities, on a machine (this one), as the kernel takes it; empty
    where that is not known.
    """
    table = _TABLES.get(machine or platform.machine())
    if table is None:
        return b""
    arch, numbers = table
    lent = lent_by(capabilities)
    refused = sorted(number for name, number in denied(numbers).items() if name not in {*_PARTLY, *lent})
    # From the first comparison of numbers on: the refused, then the six ends below.
    ends = len(refused)
    code = [
        (_LOAD, 0, 0, _ARCH),
        (_IF_EQUAL, 0, ends + 4, arch),  # programs of another architecture go unfiltered
        (_LOAD, 0, 0, _NUMBER),
        (_IF_AT_LEAST, ends + 4, 0, _X32),
        (_IF_EQUAL, ends + 1 if "clone3" in lent else ends + 3, 0, _ANYWHERE["clone3"]),
        (_IF_EQUAL, ends if "clone" in lent else ends + 3, 0, numbers["clone"]),
        *((_IF_EQUAL, ends - position, 0, number) for position, number in enumerate(refused)),
        (_RETURN, 0, 0, _ALLOW),
        (_RETURN, 0, 0, _NOT_PERMITTED),
        (_RETURN, 0, 0, _NOT_THERE),
        (_LOAD, 0, 0, _FIRST_ARGUMENT),
        (_AND, 0, 0, NEW_NAMESPACES),
        (_IF_EQUAL, 1, 0, 0),
        (_RETURN, 0, 0, _NOT_PERMITTED),
        (_RETURN, 0, 0, _ALLOW),
    ]
    return b"".join(struct.pack("=HBBI", *each) for each in code)


def denied(numbers: dict[str, int] | None = None) -> dict[str, int]:
    """Give the system calls that are refused, always or with some arguments, with their numbers."""
    return {**(numbers or {}), **_ANYWHERE}


def names(capabilities: Iterable[str] = ()) -> list[str]:
    """Name what an OCI runtime is told to refuse; it knows the numbers itself, and calls it has not."""
    return sorted({*_X86_64, *_AARCH64, *_ANYWHERE} - {*_PARTLY, *lent_by(capabilities)})


def lent_by(capabilities: Iterable[str]) -> set[str]:
    """Name what is not refused to who has these capabilities."""
    return {name for each in capabilities for name in _LENT.get(each, ())}
