"""[IO] Takes pods' links out of a node, as many at once as wait for it."""

from __future__ import annotations

import asyncio
import errno
from collections.abc import Iterable
from concurrent.futures import Executor

from netemu.linux import messages
from netemu.linux.messages import Message
from netemu.linux.netlink import Netlink
from netemu.naming import IfName

# No link of a node is in a group for longer than it takes to delete it.
GROUP = 0x6E65
# The kernel's lock is held for 0.6 ms a link: others who configure links wait that long.
MOST_AT_ONCE = 64


def plan_deletion(names: Iterable[IfName]) -> list[Message]:
    """Delete links that may be gone already, all in one operation of the kernel."""
    grouped = [messages.link_group(name, GROUP).tolerating(errno.ENODEV) for name in names]
    return [*grouped, messages.delete_group(GROUP).tolerating(errno.ENODEV)]


class Unlinker:
    """Deletes links of one namespace.

    A link that is deleted alone waits some 20 ms for grace periods (RCU), a hundred that are
    deleted together wait once. Whoever comes while a deletion runs goes with the next.
    """

    def __init__(self, netlink: Netlink, thread: Executor) -> None:
        self._netlink = netlink
        self._thread = thread
        self._waiting: dict[IfName, None] = {}
        self._turn = asyncio.Lock()

    async def delete(self, name: IfName) -> None:
        """Delete a link; it may be gone already.

        Raises:
            KernelError: the kernel refused; others that were deleted with it do not hear of it.

        """
        self._waiting[name] = None
        async with self._turn:
            if name not in self._waiting:
                return  # it went with the one before
            batch = [name, *(other for other in self._waiting if other != name)][:MOST_AT_ONCE]
            for taken in batch:
                del self._waiting[taken]
            loop = asyncio.get_running_loop()
            await loop.run_in_executor(self._thread, self._netlink.batch, plan_deletion(batch))
