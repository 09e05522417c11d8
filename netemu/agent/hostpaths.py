"""[IO] Paths of one node that its pods may see: its own file system, and the programs it shares to read."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from netemu.agent.projections import Raw, VolumeError
from netemu.runtime.syscalls import make_below, open_below, set_mode_below

HOSTS = "/etc/hosts"
"""Every node has this file; programs look for it there."""

MACHINES = ("/usr", "/bin", "/lib", "/lib64", "/sbin")
"""What a node has in common with the machine, to read; all else is its own."""

_REFUSED = ("/proc", "/sys", "/dev", "/run", "/var/run", "/pods")
_TEMPORARY = ("tmp", "var/tmp")


def find_path(root: Path, volume: str, source: Raw) -> Path:
    """Find a path of a node for a volume, and make it if its type says so.

    Raises:
        VolumeError: the node has no such path for pods, or it is of another type.

    """
    path, wanted = locate(root, volume, source), _wanted(source)
    _make_common(root, wanted)
    below = None if is_machines(wanted) else root
    _check_type(volume, path, wanted, source.get("type") or "", below=below)
    return path


def locate(root: Path, volume: str, source: Raw) -> Path:
    """Say where a path of a node is that a volume may be, whether it is there or not.

    Raises:
        VolumeError: the node has no such path for pods.

    """
    wanted = _wanted(source)
    if ".." in PurePosixPath(wanted).parts or is_at(wanted, _REFUSED):
        raise failed(volume, f"hostPath {wanted} is not for pods: nodes have no such part of their own")
    is_shared = is_machines(wanted)
    path = Path(wanted) if is_shared else root / wanted.lstrip("/")
    real = Path(os.path.realpath(path))  # Path.resolve() raises RuntimeError for links in a circle
    if not (is_machines(str(real)) if is_shared else real.is_relative_to(root.resolve())):
        raise failed(volume, f"hostPath {wanted} leads out of the node")
    return path


def whole_node(root: Path) -> Iterator[tuple[str, str, bool]]:
    """Give all of a node's root directory as (where it is, its path, whether it is the machine's)."""
    for place in MACHINES:
        if Path(place).is_dir():
            yield place, place, True
    for entry in sorted(root.iterdir()):
        if entry.is_dir() and not entry.is_symlink() and not is_at(f"/{entry.name}", _REFUSED):
            yield str(entry), f"/{entry.name}", False


def is_machines(path: str) -> bool:
    """Tell whether a path is the machine's."""
    return is_at(path, MACHINES)


def is_at(path: str, places: tuple[str, ...]) -> bool:
    """Tell whether a path is one of some places, or below one."""
    return any(path == place or path.startswith(f"{place}/") for place in places)


def failed(volume: str, why: str) -> VolumeError:
    """Say that a volume cannot be made, as a kubelet does."""
    return VolumeError(f'MountVolume.SetUp failed for volume "{volume}" : {why}')


def _wanted(source: Raw) -> str:
    return str(PurePosixPath("/") / source.get("path", "/"))


def _make_common(root: Path, wanted: str) -> None:
    """Make what every machine has; nowhere else, whatever links containers make in there."""
    for place in _TEMPORARY:
        if is_at(wanted, (f"/{place}",)) and not (root / place).is_dir():
            make_below(str(root), str(root / place))
            set_mode_below(str(root), str(root / place), 0o1777)
    if wanted == HOSTS and not (root / "etc/hosts").exists():
        make_below(str(root), str(root / "etc"))
        new = open_below(str(root), str(root / "etc/hosts"), os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644)
        with open(new, "w") as file:
            file.write("127.0.0.1\tlocalhost\n")


def _check_type(volume: str, path: Path, wanted: str, kind: str, *, below: Path | None) -> None:
    """Make what is missing if the type says so, and refuse what is of another; ``below`` is the node's root,
    where containers may change what leads there meanwhile.
    """
    match kind:
        case "" | "DirectoryOrCreate" if below is not None and not path.exists():
            make_below(str(below), str(path))
        case "FileOrCreate" if below is not None and not path.exists():
            make_below(str(below), str(path.parent))
            os.close(open_below(str(below), str(path), os.O_WRONLY | os.O_CREAT, 0o644))
        case "" if not path.exists():
            raise failed(volume, f"hostPath {wanted} does not exist")
        case "Directory" | "DirectoryOrCreate" if not path.is_dir():
            raise failed(volume, f"hostPath type check failed: {wanted} is not a directory")
        case "File" | "FileOrCreate" if not path.is_file():
            raise failed(volume, f"hostPath type check failed: {wanted} is not a file")
        case "Socket" if not path.is_socket():
            raise failed(volume, f"hostPath type check failed: {wanted} is not a socket file")
        case "CharDevice" | "BlockDevice":  # which no path of a node is that pods may see
            device = "character" if kind == "CharDevice" else "block"
            raise failed(volume, f"hostPath type check failed: {wanted} is not a {device} device")
