"""What a container's sandbox is made of: bubblewrap's arguments, and how to join one. Pure.

A container sees the machine's /usr (read-only, with the links that lead into it), its own
/proc, /dev, /tmp, /var, /run, /root and /etc, and what its spec mounts; nothing else of the machine.
"""

from __future__ import annotations

from netemu.runtime.command import DEFAULT_PATH
from netemu.runtime.etc import SHARED, WRITTEN
from netemu.runtime.openings import openings, parents

TYPE_CHECKING = False  # typing.TYPE_CHECKING without importing typing (0.6 MB a shim)
if TYPE_CHECKING:
    from collections.abc import Container, Sequence

    from netemu.runtime.wire import MountJson, SpecJson

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

ARGUMENTS_FD = 3  # where bubblewrap reads its arguments
READY_FD = 4  # where a byte says that the sandbox is made; of one digit, for the shell

_SHELL_OWN = frozenset({"IFS", "LINENO", "OLDPWD", "OPTIND", "PPID", "PS1", "PS2", "PS4", "PWD"})

_READ_ONLY = ("bus", "fs", "irq", "sys", "sysrq-trigger")  # of /proc, as runc has them
_HIDDEN = ("kcore", "keys", "timer_list")

_NAMESPACES = ("--unshare-pid", "--unshare-ipc", "--unshare-uts", "--as-pid-1", "--die-with-parent")
_PRIVATE = (
    ("--perms", "1777", "--tmpfs", "/tmp"),
    ("--tmpfs", "/var"),
    ("--perms", "1777", "--dir", "/var/tmp"),
    ("--dir", "/var/log"),
    ("--dir", "/var/lib"),
    ("--dir", "/var/cache"),
    ("--symlink", "/run", "/var/run"),
    ("--symlink", "/run/lock", "/var/lock"),
    ("--tmpfs", "/run"),
    ("--perms", "1777", "--dir", "/run/lock"),
    ("--perms", "0700", "--tmpfs", "/root"),
    ("--dir", "/home"),
    ("--dir", "/opt"),
    ("--dir", "/mnt"),
    ("--dir", "/srv"),
)


class Root:
    """What of the machine's root directory and /proc containers see, looked up once.

    ``links`` are the names that belong to /usr, with the target of the symbolic link (empty:
    a directory of its own); ``read_only`` and ``hidden`` are paths in /proc that would let a
    container's root change or read the machine.
    """

    def __init__(self, links: dict[str, str], proc: Container[str]) -> None:
        self.links = links
        self.read_only = [f"/proc/{name}" for name in _READ_ONLY if name in proc]
        self.hidden = [f"/proc/{name}" for name in _HIDDEN if name in proc]


def sandbox_arguments(spec: SpecJson, *, root: Root, written: str, sysfs: str) -> list[str]:
    """Give bubblewrap's arguments for a container, up to the command.

    ``written`` is the directory that holds ``etc.WRITTEN``; ``sysfs`` one with the pod's sysfs,
    or an empty one.
    """
    opening, closing = openings(mount["target"] for mount in spec["mounts"])
    return [
        *_NAMESPACES,
        *("--cap-drop", "ALL"),
        *(word for name in CAPABILITIES for word in ("--cap-add", f"CAP_{name.upper()}")),
        *(("--hostname", spec["hostname"]) if spec["hostname"] else ()),
        *_usr(root.links),
        *("--proc", "/proc", "--dev", "/dev"),
        *(word for path in root.read_only for word in ("--ro-bind", path, path)),
        *(word for path in root.hidden for word in ("--ro-bind", "/dev/null", path)),
        *("--ro-bind-try", sysfs, "/sys"),
        *(word for words in _PRIVATE for word in words),
        *_etc(written),
        *opening,
        *(word for mount in spec["mounts"] for word in _mount(mount)),
        *closing,
        *(() if spec["cwd"].startswith("/usr") else ("--dir", spec["cwd"] or "/")),
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
    return ["/usr/bin/sh", "-c", f'echo >&{READY_FD}; exec {READY_FD}>&- "$@"', "sh", *bounded(command)]


def bounded(argv: Sequence[str]) -> list[str]:
    """Give the command line that takes the last capabilities away and becomes the command.

    bubblewrap leaves them in the bounding set, and makes its own ambient. With CAP_SETPCAP,
    which a container has, a process may give them up.
    """
    bounds = ",".join(("-all", *(f"+{name}" for name in CAPABILITIES)))
    return [
        *("/usr/bin/setpriv", "--no-new-privs", f"--bounding-set={bounds}"),
        *("--inh-caps=-all", "--ambient-caps=-all", "--", *argv),
    ]


def environment(spec: SpecJson) -> dict[str, str]:
    """Give a container's whole environment: the spec's, and what every runtime adds."""
    added = {"PATH": DEFAULT_PATH, "HOME": "/root", "HOSTNAME": spec["hostname"]}
    if spec["tty"]:
        added["TERM"] = "xterm"
    return {key: value for key, value in {**added, **spec["env"]}.items() if value or key in spec["env"]}


def join_arguments(pid: int, argv: list[str], env: dict[str, str], cwd: str, *, tty: bool) -> list[str]:
    """Give the command line that runs a program in the namespaces of a container's pid 1.

    The program gets the container's capabilities and no more, ``env`` and nothing else, and
    with a terminal a session that it controls.
    """
    namespaces = ("--mount", "--uts", "--ipc", "--net", "--pid", "--root", "--wd")
    settings = (f"{key}={value}" for key, value in env.items())
    return [
        *("nsenter", "--target", str(pid), *namespaces, "--"),
        *(("/usr/bin/setsid", "--ctty") if tty else ()),
        *bounded(["/usr/bin/env", "-i", f"--chdir={cwd or '/'}", *settings, *argv]),
    ]


def _setting(key: str, value: str) -> tuple[str, ...]:
    return ("--setenv", key, value) if _is_shell_name(key) else ()


def _is_shell_name(key: str) -> bool:
    return key.isascii() and key.isidentifier() and key not in _SHELL_OWN


def _usr(links: dict[str, str]) -> list[str]:
    arguments = ["--ro-bind", "/usr", "/usr"]
    for name, target in links.items():
        arguments += ("--symlink", target, f"/{name}") if target else ("--ro-bind", f"/{name}", f"/{name}")
    return arguments


def _etc(written: str) -> list[str]:
    arguments = ["--dir", "/etc"]
    for name in SHARED:
        arguments += ("--ro-bind-try", f"/etc/{name}", f"/etc/{name}")
    for name in WRITTEN:
        arguments += ("--ro-bind", f"{written}/{name}", f"/etc/{name}")
    return [*arguments, "--symlink", "/proc/self/mounts", "/etc/mtab"]


def _mount(mount: MountJson) -> list[str]:
    how = "--ro-bind" if mount["read_only"] else "--bind"
    return [*parents(mount["target"]), how, mount["source"], mount["target"]]
