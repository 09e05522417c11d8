"""IPC namespaces that the containers of a pod share: semaphores, message queues and shared memory.

Nobody has to live in one: it is kept by a descriptor, for as long as its pod has its files, so that
what a container left is there for the one after it.
"""

from __future__ import annotations

import os

from netemu.linux import libc
from netemu.runtime.syscalls import CLONE_NEWIPC
from netemu.runtime.users import make_ipc

TYPE_CHECKING = False  # typing.TYPE_CHECKING without importing typing (0.6 MB a shim)
if TYPE_CHECKING:
    from collections.abc import Callable

_OWN = "/proc/thread-self/ns/ipc"


class IpcSpaces:
    """The shared IPC namespaces of a node, by a directory that ends with their pod.

    ``make`` gives the descriptor of a new one, for a user namespace or (-1) for ours.
    """

    def __init__(self, make: Callable[[int], int] | None = None) -> None:
        self._make = make or _make
        self._by_place: dict[str, int] = {}

    def join(self, place: str, users_fd: int = -1) -> int:
        """Give the namespace of a pod, made now for its first container, perhaps in the pod's user
        namespace; -1 without a place.

        The descriptor stays ours. OSError if the kernel makes none.
        """
        self._let_go()
        if place and place not in self._by_place:
            self._by_place[place] = self._make(users_fd)
        return self._by_place.get(place, -1)

    def _let_go(self) -> None:
        """Close the namespaces of pods that are gone; one without processes ends with that."""
        for place in [place for place in self._by_place if not os.path.isdir(place)]:
            os.close(self._by_place.pop(place))


def _make(users_fd: int) -> int:
    """Make a namespace and stay where we are."""
    if users_fd >= 0:
        return make_ipc(users_fd)
    ours = os.open(_OWN, os.O_RDONLY | os.O_CLOEXEC)
    try:
        libc.unshare(CLONE_NEWIPC)
        made = os.open(_OWN, os.O_RDONLY | os.O_CLOEXEC)
        libc.setns(ours, CLONE_NEWIPC)
    finally:
        os.close(ours)
    return made
