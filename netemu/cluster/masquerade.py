"""[IO] What a node's pods send to the outside leaves with the node's address: one table for each family.

Another hand may take it away (``nft flush ruleset``): it is looked for as often as flannel looks for its own.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from typing import NoReturn

from netemu.errors import KernelError
from netemu.linux.nft import NftContext
from netemu.logs import Log
from netemu.settings import Network

log = Log(__name__)

TABLE_NAME = "netemu-overlay"
LOOK_S = 5.0
"""flannel's ``--iptables-resync``."""

_TABLE = """
table {ip} {name} {{ }}
delete table {ip} {name}
table {ip} {name} {{
    comment "netemu cluster {cluster}: pods leave the pods range with their node's address"
    chain postrouting {{
        type nat hook postrouting priority 101; policy accept;
        {ip} saddr {pods} {ip} daddr != {pods} oifname "{link}" masquerade
    }}
}}
"""


class Masquerade:
    """Keeps the tables of one node; ``link`` is the one that leads out of it."""

    def __init__(self, ns_fd: int, cluster: str, pods: Iterable[Network], link: str) -> None:
        self._context = NftContext.open(ns_fd)
        by_family = {"ip" if each.version == 4 else "ip6": each for each in pods}
        self._tables = {
            ip: _TABLE.format(ip=ip, name=TABLE_NAME, cluster=cluster, pods=each, link=link)
            for ip, each in by_family.items()
        }
        self._left: dict[str, str] = {}

    def ensure(self) -> list[str]:
        """Have every table as it was left last; name those that another hand had changed since then.

        Nobody knows how the first look finds them: each is made, and none is named.

        Raises:
            KernelError: nftables refuses.

        """
        known = frozenset(self._left)
        changed = [ip for ip in self._tables if self._listed(ip) != self._left.get(ip)]
        for ip in changed:
            self._context.run(self._tables[ip])
            self._left[ip] = self._listed(ip)
        return [f"{ip} {TABLE_NAME}" for ip in changed if ip in known]

    async def keep(self, tell: Callable[[str], None]) -> NoReturn:
        """Look again and again, until cancelled; ``tell`` what was mended."""
        while True:
            await asyncio.sleep(LOOK_S)
            try:
                mended = await asyncio.to_thread(self.ensure)  # another load may hold nft's library
            except KernelError as err:
                log.warning("masquerade.failed", code=err.code, error=err.message)
                continue
            for table in mended:
                log.warning("masquerade.changed", table=table)
                tell(f"nftables table {table} was changed by another hand; loading it again")

    def close(self) -> None:
        """Let go of the namespace; the tables stay."""
        self._context.close()

    def _listed(self, ip: str) -> str:
        try:
            return self._context.run(f"list chain {ip} {TABLE_NAME} postrouting")
        except KernelError:
            return ""  # it is not there
