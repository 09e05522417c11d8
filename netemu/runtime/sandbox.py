"""What a container's sandbox is made of: bubblewrap's arguments, and how to join one. Pure.

A container sees the machine's /usr (read-only, with the links that lead into it), its own /proc and
/dev, an /etc, /tmp, /var, /run and /root in one file system of limited size that is memory, and what
its spec mounts; nothing else of the machine.
"""

from __future__ import annotations

from netemu.runtime.command import DEFAULT_PATH
from netemu.runtime.etc import SHARED, WRITTEN, home_of
from netemu.runtime.openings import openings, parents
from netemu.runtime.profile import LOADER

TYPE_CHECKING = False  # typing.TYPE_CHECKING without importing typing (0.6 MB a shim)
if TYPE_CHECKING:
    from collections.abc import Container, Sequence

    from netemu.runtime.wire import MountJson, SpecJson, UserJson

CAPABILITIES = (  # containerd's default set, pkg/oci/spec.go
    "chown",
    "dac_override",
    "fsetid",
    "fowner",
    "mknod",
    "net_raw",
    "setgid",
    "setuid",
    "setfcap",
    "setpcap",
    "net_bind_service",
    "sys_chroot",
    "kill",
    "audit_write",
)

BEYOND = ("ipc_lock", "ipc_owner", "lease", "net_admin", "net_broadcast")
"""What else a container may be given whose root is the machine's. The others reach that: SYS_PTRACE does
by /proc/PID/exe of what joins a container. In a user namespace of its pod a container may have them all.
"""

ARGUMENTS_FD = 3  # where bubblewrap reads its arguments
READY_FD = 4  # where a byte says that the sandbox is made; of one digit, for the shell
SHELL_FD = 5  # the machine's own sh, which says so: the container's may change the environment
SHARED_FD = 6  # the PID namespace of others, if it is to be in one; the filter of system calls is the next

_SHELL_OWN = frozenset({"IFS", "LINENO", "OLDPWD", "OPTIND", "PPID", "PS1", "PS2", "PS4", "PWD"})

_READ_ONLY = ("bus", "fs", "irq", "sys", "sysrq-trigger")  # of /proc, as runc has them
_HIDDEN = ("interrupts", "kcore", "keys", "latency_stats", "sched_debug", "timer_list", "timer_stats")
_EMPTIED = ("acpi", "asound", "scsi")  # directories

_BECOMING = ("setgid", "setpcap", "setuid")  # what becoming a user takes
_SHM_BYTES = 64 * 1024 * 1024  # /dev/shm of a Kubernetes pod
_PRIVATE = (
    ("--perms", "1777", "--dir", "/tmp"),
    ("--dir", "/var"),
    ("--perms", "1777", "--dir", "/var/tmp"),
    ("--dir", "/var/log"),
    ("--dir", "/var/lib"),
    ("--dir", "/var/cache"),
    ("--symlink", "/run", "/var/run"),
    ("--symlink", "/run/lock", "/var/lock"),
    ("--dir", "/run"),
    ("--perms", "1777", "--dir", "/run/lock"),
    ("--perms", "0700", "--dir", "/root"),
    ("--dir", "/home"),
    ("--dir", "/opt"),
    ("--dir", "/mnt"),
    ("--dir", "/srv"),
)


class Root:
    """What of the machine's root directory and /proc containers see, looked up once.

    ``links`` are the names that belong to /usr, with the target of the symbolic link (empty:
    a directory of its own); ``shells`` are what is sh in containers, and what sh is on the machine, or
    nothing if these are the same; ``read_only``, ``hidden`` and ``emptied`` are paths in /proc that would
    let a container's root change or read the machine.
    """

    def __init__(self, links: dict[str, str], proc: Container[str], shells: tuple[str, ...] = ()) -> None:
        self.links = links
        self.shells = shells
        self.read_only = [f"/proc/{name}" for name in _READ_ONLY if name in proc]
        self.hidden = [f"/proc/{name}" for name in _HIDDEN if name in proc]
        self.emptied = [f"/proc/{name}" for name in _EMPTIED if name in proc]


def sandbox_arguments(
    spec: SpecJson, *, root: Root, etc: dict[str, str], sysfs: str, disk_bytes: int
) -> list[str]:
    """Give bubblewrap's arguments for a container, up to the command.

    ``etc`` has a file of the machine for each of ``etc.WRITTEN``; ``sysfs`` is a directory with the
    pod's sysfs, or an empty one; ``disk_bytes`` the size of the container's own file system.
    """
    opening, closing = openings(mount["target"] for mount in spec["mounts"])
    while_made = sorted({*capabilities(spec), *_BECOMING})
    return [
        *_namespaces(spec),
        *(("--seccomp", str(_filter_fd(spec))) if spec["seccomp"] and not spec["profile"] else ()),
        *("--cap-drop", "ALL"),
        *(word for name in while_made for word in ("--cap-add", f"CAP_{name.upper()}")),
        *(("--hostname", spec["hostname"]) if spec["hostname"] else ()),
        *("--size", str(disk_bytes), "--tmpfs", "/"),
        *usr_arguments(root),
        *("--proc", "/proc", "--dev", "/dev"),
        *_own_shm(spec),
        *_masks(spec, root),
        *("--ro-bind-try", sysfs, "/sys"),
        *(word for words in _PRIVATE for word in words),
        *_etc(etc),
        *opening,
        *(word for mount in spec["mounts"] for word in _mount(mount)),
        *(closing if spec["read_only"] else ()),
        *("--remount-ro", "/dev"),  # bubblewrap's has no size, so a program could fill the machine's memory
        *(() if spec["cwd"].startswith("/usr") else ("--dir", spec["cwd"] or "/")),
        *(("--remount-ro", "/") if spec["read_only"] else ()),
        *("--chdir", spec["cwd"] or "/"),
        *(word for key, value in environment(spec).items() for word in _setting(key, value)),
    ]


def inner_command(spec: SpecJson) -> list[str]:
    """Give what bubblewrap executes: it says that the sandbox is made, and becomes the command.

    The shell loses variables that are no names to it, and changes those that are its own:
    ``env`` sets these.
    """
    odd = [f"{key}={value}" for key, value in environment(spec).items() if not _is_shell_name(key)]
    command = ["/usr/bin/env", "--", *odd, *spec["argv"]] if odd else spec["argv"]
    if spec["profile"]:  # the last before the command: it may allow nothing that comes before
        command = ["/usr/bin/python3", "-ISc", LOADER, str(_filter_fd(spec)), *command]
    shared = "" if spec["profile"] and not spec["processes"] else f"{SHARED_FD}<&-"
    ready = f'echo >&{READY_FD}; exec {READY_FD}>&- {SHELL_FD}<&- {shared} "$@"'
    return [f"/proc/self/fd/{SHELL_FD}", "-c", ready, "sh", *confined(command, spec)]


def confined(argv: Sequence[str], spec: SpecJson) -> list[str]:
    """Give the command line that takes the last capabilities away and becomes the user's command.

    bubblewrap leaves them in the bounding set, and makes its own ambient. With CAP_SETPCAP,
    which ``sandbox_arguments`` leaves for it, a process may give them up.
    """
    bounds = ",".join(("-all", *(f"+{name}" for name in capabilities(spec))))
    return [
        *("/usr/bin/setpriv", "--no-new-privs", f"--bounding-set={bounds}"),
        *("--inh-caps=-all", "--ambient-caps=-all", *_becoming(spec["user"]), "--", *argv),
    ]


def capabilities(spec: SpecJson) -> Sequence[str]:
    """Give the capabilities that bound a container, by setpriv's names: none that reaches the machine."""
    if spec["capabilities"] is None:
        return CAPABILITIES
    if spec["first_id"]:
        return spec["capabilities"]
    return [name for name in spec["capabilities"] if name in CAPABILITIES or name in BEYOND]


def sets_ipc(spec: SpecJson) -> bool:
    """Tell whether a container has sysctls of its IPC namespace, which is then made before bubblewrap."""
    return (
        not spec["node_ipc"]
        and not spec["ipc"]
        and any(not name.startswith("net.") for name in spec["sysctls"])
    )


def environment(spec: SpecJson) -> dict[str, str]:
    """Give a container's whole environment: the spec's, and what every runtime adds."""
    added = {"PATH": DEFAULT_PATH, "HOME": home_of(spec["user"]["uid"]), "HOSTNAME": spec["hostname"]}
    if spec["tty"]:
        added["TERM"] = "xterm"
    return {key: value for key, value in {**added, **spec["env"]}.items() if value or key in spec["env"]}


def join_arguments(
    pid: int, argv: list[str], env: dict[str, str], cwd: str, *, spec: SpecJson, tty: bool
) -> list[str]:
    """Give the command line that runs a program in the namespaces of a container's first process.

    The program gets the container's user and capabilities and no more, ``env`` and nothing else,
    and with a terminal a session that it controls.
    """
    namespaces = ("--mount", "--uts", "--ipc", "--net", "--pid", "--root", "--wd")
    settings = (f"{key}={value}" for key, value in env.items())
    return [
        *("nsenter", "--target", str(pid), *namespaces, "--"),
        *(("/usr/bin/setsid", "--ctty") if tty else ()),
        *confined(["/usr/bin/env", "-i", f"--chdir={cwd or '/'}", *settings, *argv], spec),
    ]


def _filter_fd(spec: SpecJson) -> int:
    return SHARED_FD + bool(spec["processes"])


def _setting(key: str, value: str) -> tuple[str, ...]:
    return ("--setenv", key, value) if _is_shell_name(key) else ()


def _is_shell_name(key: str) -> bool:
    return key.isascii() and key.isidentifier() and key not in _SHELL_OWN


def usr_arguments(root: Root) -> list[str]:
    """Give bubblewrap's arguments for the machine's programs.

    sh is bash, for manifests are written for busybox's: both know ``[[ … ]]``, ``==`` and ``echo -e``,
    dash does not.
    """
    arguments = ["--ro-bind", "/usr", "/usr", *(("--ro-bind", *root.shells) if root.shells else ())]
    for name, target in root.links.items():
        arguments += ("--symlink", target, f"/{name}") if target else ("--ro-bind", f"/{name}", f"/{name}")
    return arguments


def _namespaces(spec: SpecJson) -> list[str]:
    """Give the namespaces to make; those of others were made before."""
    own, theirs = ("--unshare-pid", "--as-pid-1"), ("--pidns", str(SHARED_FD))
    return [
        *(theirs if spec["processes"] else own),
        *(() if spec["node_ipc"] or spec["ipc"] or sets_ipc(spec) else ("--unshare-ipc",)),
        *("--unshare-uts", "--die-with-parent"),
    ]


def _masks(spec: SpecJson, root: Root) -> list[str]:
    """Give what of /proc is only read, or not seen; another user namespace could not use it anyway."""
    if spec["unmasked"] and spec["first_id"]:
        return []
    return [
        *(word for path in root.read_only for word in ("--ro-bind", path, path)),
        *(("--bind-try", "/proc/sys/net", "/proc/sys/net") if spec["writes_sysctls"] else ()),
        *(word for path in root.hidden for word in ("--ro-bind", "/dev/null", path)),
        *(word for path in root.emptied for word in ("--tmpfs", path, "--remount-ro", path)),
    ]


def _becoming(user: UserJson) -> list[str]:
    """Give setpriv's words for a user; none for root, which everyone is already.

    In a user namespace of an ordinary user there may be no other.
    """
    if not user["uid"] and not user["gid"] and not user["groups"]:
        return []
    groups = ",".join(str(gid) for gid in dict.fromkeys((user["gid"], *user["groups"])))
    return [f"--reuid={user['uid']}", f"--regid={user['gid']}", f"--groups={groups}"]


def _own_shm(spec: SpecJson) -> list[str]:
    """Give a container /dev/shm, unless its pod has one for all of its containers."""
    if any(mount["target"] == "/dev/shm" for mount in spec["mounts"]):
        return []
    return ["--perms", "1777", "--size", str(_SHM_BYTES), "--tmpfs", "/dev/shm"]


def _etc(written: dict[str, str]) -> list[str]:
    arguments = ["--dir", "/etc"]
    for name in SHARED:
        room = parents(f"/etc/{name}") if "/" in name else ()
        arguments += (*room, "--ro-bind-try", f"/etc/{name}", f"/etc/{name}")
    for name in WRITTEN:
        arguments += ("--ro-bind", written[name], f"/etc/{name}")
    return [*arguments, "--symlink", "/proc/self/mounts", "/etc/mtab"]


def _mount(mount: MountJson) -> list[str]:
    how = "--ro-bind" if mount["read_only"] else "--bind"
    return [*parents(mount["target"]), how, mount["source"], mount["target"]]
