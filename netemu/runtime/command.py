"""Where a command is found, and what a runtime says when it is not.

The words are those of runc and containerd: people search for them.
"""

from __future__ import annotations

import os
import stat

TYPE_CHECKING = False  # typing.TYPE_CHECKING without importing typing (0.6 MB a shim)
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

DEFAULT_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

_PLACES = ("/bin", "/sbin", "/usr/bin", "/usr/sbin", "/usr/local/bin")
_RUNTIME = (
    "failed to create containerd task: failed to create shim task: OCI runtime create failed: "
    "runc create failed: "
)
_CREATE = f"{_RUNTIME}unable to start container process: error during container init: "
_EXEC = "OCI runtime exec failed: exec failed: unable to start container process: "


def create_failure(why: str) -> str:
    """Say that a container could not be started."""
    return _CREATE + why


def runtime_failure(why: str) -> str:
    """Say that the OCI runtime did not come as far as the container's own process."""
    return _RUNTIME + why


def exec_failure(why: str) -> str:
    """Say that a program could not be started in a container."""
    return f"{_EXEC}{why}: unknown"


def located(argv: Sequence[str], resolve: Callable[[str], str]) -> list[str]:
    """Give a command line whose program is where this machine has it.

    Images have programs in /bin that Debian has in /usr/sbin (sysctl), and the other way round.
    """
    directory, slash, name = (argv[0] if argv else "").rpartition("/")
    if slash and directory in _PLACES and not os.path.exists(resolve(argv[0])):
        found = (f"{place}/{name}" for place in _PLACES if _is_program(resolve(f"{place}/{name}")))
        return [next(found, argv[0]), *argv[1:]]
    return list(argv)


def find_fault(argv: Sequence[str], path: str, cwd: str, resolve: Callable[[str], str]) -> str:
    """Say why a command cannot be executed; empty if it can.

    ``resolve(path)`` turns a path inside the container into one that this process can look at.
    """
    if not argv or not argv[0]:
        return "no command specified"
    name = argv[0]
    if "/" in name:
        return _fault_of(name, os.path.join(cwd or "/", name), resolve)
    if any(_is_program(resolve(os.path.join(part, name))) for part in path.split(":") if part):
        return ""
    return f'exec: "{name}": executable file not found in $PATH'


def _fault_of(name: str, path: str, resolve: Callable[[str], str]) -> str:
    real = resolve(path)
    if not os.path.exists(real):
        return f'exec: "{name}": stat {name}: no such file or directory'
    if os.path.isdir(real):
        return f'exec: "{name}": is a directory'
    return "" if _is_program(real) else f'exec: "{name}": permission denied'


def _is_program(path: str) -> bool:
    try:
        mode = os.stat(path).st_mode
    except OSError:
        return False
    return stat.S_ISREG(mode) and mode & 0o111 != 0
