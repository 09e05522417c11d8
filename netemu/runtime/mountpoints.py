"""Mount points that are in other volumes, where containers make links.

bubblewrap follows links of a mount point, and makes what is missing, while the machine is still below
/oldroot: a link to there in one volume would let it make directories and files of the machine.
"""

from __future__ import annotations

import os

TYPE_CHECKING = False  # typing.TYPE_CHECKING without importing typing (0.6 MB a shim)
if TYPE_CHECKING:
    from collections.abc import Sequence

    from netemu.runtime.wire import MountJson

_STRAY = "it leads out of the volume that it is in"


def find_stray(mounts: Sequence[MountJson], cwd: str) -> str:
    """Say which mount point, or working directory, leads out of the volume that it is in; empty if none."""
    for count, mount in enumerate(mounts):
        if _is_stray(mount["target"], mounts[:count]):
            return f'error mounting to rootfs at "{mount["target"]}": {_STRAY}'
    return f'chdir to "{cwd}": {_STRAY}' if _is_stray(cwd, mounts) else ""


def _is_stray(target: str, mounts: Sequence[MountJson]) -> bool:
    """Follow a path through the volumes that are mounted, as links in one may lead into the next."""
    if ".." in target.split("/"):
        return True  # what is above a link only bubblewrap would know
    path = os.path.normpath(target)
    for _ in range(len(mounts) + 1):
        outer = _innermost(path, mounts)
        if outer is None:
            return False
        place, point = os.path.realpath(outer["source"]), _point_of(outer)
        real = os.path.realpath(place + path[len(point) :])
        if real != place and not real.startswith(f"{place}/"):
            return True
        found = point + real[len(place) :]
        if found == path:
            return False
        path = found
    return True


def _innermost(path: str, mounts: Sequence[MountJson]) -> MountJson | None:
    """Give the mount that a path is below; of two at the same place the later one is seen."""
    below = [mount for mount in mounts if path.startswith(f"{_point_of(mount)}/")]
    return max(reversed(below), key=lambda mount: len(_point_of(mount)), default=None)


def _point_of(mount: MountJson) -> str:
    return os.path.normpath(mount["target"]).rstrip("/")
