"""The node that a plugin works on: its network namespace, its directory, what is known of both."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from netemu.linux import netns
from netemu.linux.netlink import Netlink

if TYPE_CHECKING:
    from netemu.linux.nft import NftContext


class Node:
    """One node, for one call (an executable) or for as long as its agent runs.

    ``ready`` remembers what was found or made in the kernel once (bridges, tables), so that
    the next pod need not look again; ``forget`` it when the kernel says otherwise.
    """

    def __init__(self, ns_fd: int, netlink: Netlink, root: Path) -> None:
        self.ns_fd = ns_fd
        self.netlink = netlink
        self.root = root
        self.ready: dict[str, object] = {}
        self._nft: NftContext | None = None

    @classmethod
    def here(cls) -> Node:
        """Take the namespace and the root directory that this process is in."""
        return cls(netns.open_ns(netns.OWN), Netlink.open(), Path("/"))

    @classmethod
    def open(cls, ns_path: Path, root: Path) -> Node:
        """Open a node from outside: its namespace by path, and the directory that is its ``/``."""
        ns_fd = netns.open_ns(ns_path)
        try:
            return cls(ns_fd, Netlink.open(ns_fd), root)
        except BaseException:
            os.close(ns_fd)
            raise

    @property
    def nft(self) -> NftContext:
        """The node's nftables; the library is loaded by those who need it."""
        from netemu.linux.nft import NftContext

        if self._nft is None:
            self._nft = NftContext.open(self.ns_fd)
        return self._nft

    def path(self, absolute: str) -> Path:
        """Find a path of the node in the directory that is its ``/``."""
        return self.root / absolute.lstrip("/")

    def forget(self) -> None:
        """Look at the kernel again next time."""
        self.ready.clear()

    def close(self) -> None:
        """Close what is open of the node."""
        if self._nft is not None:
            self._nft.close()
        self.netlink.close()
        os.close(self.ns_fd)
