"""Mount points where a container's root has none: missing parents, and places below /usr.

/usr is the machine's and only read, so nothing can be made in it. The directory in which a mount
point is missing is covered by an empty one, and all that the machine has there is put back. What a
container itself makes beside that is its own, and little.
"""

from __future__ import annotations

import os

TYPE_CHECKING = False  # typing.TYPE_CHECKING without importing typing (0.6 MB a shim)
if TYPE_CHECKING:
    from collections.abc import Iterable

USR = "/usr/"
ROOM_BYTES = 1 << 20


def parents(target: str) -> list[str]:
    """Give bubblewrap's arguments that make a mount point's parents, for everyone to pass."""
    parts = target.strip("/").split("/")[:-1]
    paths = ["/" + "/".join(parts[:count]) for count in range(1, len(parts) + 1)]
    return [word for path in paths if not f"{path}/".startswith(USR) for word in ("--dir", path)]


def openings(targets: Iterable[str]) -> tuple[list[str], list[str]]:
    """Give bubblewrap's arguments that make room below /usr, and those that close it afterwards."""
    covered = sorted({_nearest(target) for target in targets if target.startswith(USR)} - {""}, key=len)
    opening: list[str] = []
    for directory in covered:
        opening += ["--size", str(ROOM_BYTES), "--tmpfs", directory]
        with os.scandir(directory) as entries:
            for entry in sorted(entries, key=lambda entry: entry.name):
                if entry.is_symlink():
                    opening += ["--symlink", os.readlink(entry.path), entry.path]
                else:
                    opening += ["--ro-bind", entry.path, entry.path]
    return opening, [word for directory in reversed(covered) for word in ("--remount-ro", directory)]


def _nearest(target: str) -> str:
    """Give the directory of the machine that lacks the way to a mount point; empty if none does."""
    if os.path.lexists(target):
        return ""
    directory = os.path.dirname(target)
    while not os.path.isdir(directory):
        directory = os.path.dirname(directory)
    return directory
