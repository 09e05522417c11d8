"""The OCI runtime's configuration of a container that has a root file system of its own. Pure.

Source: https://github.com/opencontainers/runtime-spec/blob/main/config.md; masked and read-only
paths, devices and mounts are those of containerd (pkg/oci/spec.go). But no control group keeps devices
away from who may make files of them (CAP_MKNOD, which is everybody's): mounts do, and /dev is only read.
"""

from __future__ import annotations

import errno
import json
import os

from netemu.linux.libc import USER_IDS
from netemu.runtime.command import DEFAULT_PATH
from netemu.runtime.seccomp import NEW_NAMESPACES, lent_by, names

TYPE_CHECKING = False  # typing.TYPE_CHECKING without importing typing (0.6 MB a shim)
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from netemu.runtime.wire import MountJson, SpecJson, UserJson

VERSION = "1.0.2"
TTY_GROUP = 5  # in every distribution

_MASKED = (
    "/proc/acpi",
    "/proc/asound",
    "/proc/interrupts",
    "/proc/kcore",
    "/proc/keys",
    "/proc/latency_stats",
    "/proc/timer_list",
    "/proc/timer_stats",
    "/proc/sched_debug",
    "/proc/scsi",
    "/sys/firmware",
    "/sys/devices/virtual/powercap",
)
_READ_ONLY = ("/proc/bus", "/proc/fs", "/proc/irq", "/proc/sysrq-trigger")
_SYSCTLS = "/proc/sys"
_TTY_OPTION = f"gid={TTY_GROUP}"
_SYSTEM_MOUNTS = (
    ("/proc", "proc", ("nosuid", "noexec", "nodev")),
    ("/dev", "tmpfs", ("nosuid", "strictatime", "mode=755", "size=65536k", "ro")),
    ("/dev/pts", "devpts", ("nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620", _TTY_OPTION)),
    ("/dev/shm", "tmpfs", ("nosuid", "noexec", "nodev", "mode=1777", "size=65536k")),
    ("/dev/mqueue", "mqueue", ("nosuid", "noexec", "nodev")),
    ("/sys", "sysfs", ("nosuid", "noexec", "nodev", "ro")),
)


def oci_config(
    spec: SpecJson,
    *,
    root: str,
    user: UserJson,
    capabilities: Sequence[str],
    sysctl_families: Sequence[str],
    pid_namespace: str = "",
    user_namespace: str = "",
    has_tty_group: bool = True,
) -> dict[str, Any]:
    """Give a container's config.json; its network namespace is the caller's.

    ``sysctl_families`` are the names in the machine's /proc/sys; ``pid_namespace`` is a path to
    the one that the container shares with others, ``user_namespace`` to that of its pod; without
    ``has_tty_group`` terminals are root's.
    """
    return {
        "ociVersion": VERSION,
        "hostname": spec["hostname"],
        "root": {"path": root, "readonly": spec["read_only"]},
        "process": _process(spec, user, capabilities),
        "mounts": [*_system_mounts(has_tty_group=has_tty_group), *(_mount(each) for each in spec["mounts"])],
        "linux": {
            "namespaces": [*_namespaces(spec, pid_namespace), *_users(user_namespace)],
            **(_mappings(spec["first_id"]) if user_namespace else {}),
            "sysctl": {} if spec["ipc"] else _ipc_sysctls(spec),
            **({"seccomp": _filter(spec, capabilities)} if spec["seccomp"] else {}),
            **({} if spec["unmasked"] and user_namespace else _masks(spec, sysctl_families)),
        },
    }


def process_environment(spec: SpecJson) -> dict[str, str]:
    """Give a process's environment; the OCI runtime adds HOME from the image's passwd."""
    added = {"PATH": DEFAULT_PATH, "HOSTNAME": spec["hostname"]}
    if spec["tty"]:
        added["TERM"] = "xterm"
    return {**added, **spec["env"]}


def _process(spec: SpecJson, user: UserJson, capabilities: Sequence[str]) -> dict[str, Any]:
    names = [f"CAP_{name.upper()}" for name in capabilities]
    return {
        "terminal": spec["tty"],
        "user": {
            "uid": user["uid"],
            "gid": user["gid"],
            "additionalGids": user["groups"],
        },
        "args": spec["argv"],
        "env": [f"{key}={value}" for key, value in process_environment(spec).items()],
        "cwd": spec["cwd"] or "/",
        "capabilities": {"bounding": names, "effective": names, "permitted": names},
        "noNewPrivileges": not spec["gains_privileges"],
    }


def _namespaces(spec: SpecJson, pid_namespace: str) -> list[dict[str, str]]:
    kinds: list[dict[str, str]] = [{"type": "mount"}, {"type": "uts"}]
    if not spec["node_ipc"] and not spec["ipc"]:
        kinds.append({"type": "ipc"})
    if pid_namespace:
        kinds.append({"type": "pid", "path": pid_namespace})
    elif not spec["processes"]:
        kinds.append({"type": "pid"})
    return kinds


def _users(path: str) -> list[dict[str, str]]:
    return [{"type": "user", "path": path}] if path else []


def _mappings(first_id: int) -> dict[str, Any]:
    """Say which users a namespace has; the runtime wants to hear it also of one that is there."""
    mapping = [{"containerID": 0, "hostID": first_id, "size": USER_IDS}]
    return {"uidMappings": mapping, "gidMappings": mapping}


def _masks(spec: SpecJson, sysctl_families: Sequence[str]) -> dict[str, Any]:
    return {
        "maskedPaths": list(_MASKED),
        "readonlyPaths": [*_READ_ONLY, *_read_only_sysctls(spec, sysctl_families)],
    }


def _system_mounts(*, has_tty_group: bool) -> list[dict[str, Any]]:
    left_out = "" if has_tty_group else _TTY_OPTION
    return [
        {
            "destination": target,
            "type": kind,
            "source": kind,
            "options": [option for option in options if option != left_out],
        }
        for target, kind, options in _SYSTEM_MOUNTS
    ]


def _mount(mount: MountJson) -> dict[str, Any]:
    how = ["ro" if mount["read_only"] else "rw", *(["noexec"] if mount.get("no_exec") else [])]
    return {
        "destination": mount["target"],
        "type": "bind",
        "source": mount["source"],
        "options": ["rbind", "rprivate", "nodev", *how],
    }


def _filter(spec: SpecJson, capabilities: Sequence[str]) -> dict[str, Any]:
    if spec["profile"]:
        own: dict[str, Any] = json.loads(spec["profile"])
        return own
    refused = {"names": names(capabilities), "action": "SCMP_ACT_ERRNO", "errnoRet": errno.EPERM}
    if "clone" in lent_by(capabilities):
        return {"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [refused]}
    later = {"names": ["clone3"], "action": "SCMP_ACT_ERRNO", "errnoRet": errno.ENOSYS}
    bits = [1 << bit for bit in range(32) if NEW_NAMESPACES & 1 << bit]
    clones = [{**refused, "names": ["clone"], "args": [_has_bit(bit)]} for bit in bits]
    return {"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [refused, later, *clones]}


def _has_bit(bit: int) -> dict[str, Any]:
    return {"index": 0, "value": bit, "valueTwo": bit, "op": "SCMP_CMP_MASKED_EQ"}


def _ipc_sysctls(spec: SpecJson) -> dict[str, str]:
    """Give the sysctls that the runtime sets: those of the IPC namespace, if that is the container's own."""
    return {name: value for name, value in spec["sysctls"].items() if not name.startswith("net.")}


def _read_only_sysctls(spec: SpecJson, families: Sequence[str]) -> list[str]:
    """Give what of /proc/sys is only read: all, or all but the network namespace's own part."""
    if not spec["writes_sysctls"]:
        return [_SYSCTLS]
    return [os.path.join(_SYSCTLS, name) for name in families if name != "net"]
