"""Watch one object many times over, and check that each watcher sees each change, in order.

``SOCKET PATH WATCHERS CHANGES``: prints "watching" when all are, and at the end JSON. Change N
has the annotation ``n: "N"``, of four digits. Nothing but the standard library.
"""

from __future__ import annotations

import asyncio
import json
import re
import sys
import time
from functools import partial

from raw_api import render_request

GIVE_UP_S = 60.0
_NUMBER = re.compile(rb'"n":"(\d{4})"')


class Watcher(asyncio.Protocol):
    """One watch; takes chunks apart, and looks at whole lines only."""

    def __init__(self, request: bytes, changes: int) -> None:
        self._request = request
        self._wanted = changes
        self._raw = b""
        self._line = b""
        self._next = 1
        self.is_in_order = True
        self.began = asyncio.Event()
        self.ended = asyncio.Event()

    @property
    def has_all(self) -> bool:
        """Tell whether each change was seen once, in order."""
        return self.is_in_order and self._next == self._wanted + 1

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Ask."""
        assert isinstance(transport, asyncio.WriteTransport)
        transport.write(self._request)

    def connection_lost(self, exc: Exception | None) -> None:
        """Wait no longer."""
        self.began.set()
        self.ended.set()

    def data_received(self, data: bytes) -> None:
        """Take what came."""
        self._raw += data
        if not self.began.is_set():
            head, end, self._raw = self._raw.partition(b"\r\n\r\n")
            if not end:
                self._raw = head
                return
            if b" 200 " in head[:20]:
                self.began.set()
        self._take(self._whole_chunks())

    def _whole_chunks(self) -> bytes:
        raw, at, pieces = self._raw, 0, []
        while (end := raw.find(b"\r\n", at)) >= 0:
            start = end + 2
            after = start + int(raw[at:end], 16)
            if after + 2 > len(raw):
                break
            pieces.append(raw[start:after])
            at = after + 2
        self._raw = raw[at:]
        return b"".join(pieces)

    def _take(self, data: bytes) -> None:
        lines, end, rest = (self._line + data).rpartition(b"\n")
        self._line = rest
        for number in _NUMBER.findall(lines + end):
            self.is_in_order &= int(number) == self._next
            self._next += 1
        if self._next > self._wanted or not self.is_in_order:
            self.ended.set()


def _same(watcher: Watcher) -> Watcher:
    return watcher


async def _watch(api_socket: str, path: str, count: int, changes: int) -> dict[str, float]:
    loop = asyncio.get_running_loop()
    watchers = [Watcher(render_request("GET", path), changes) for _ in range(count)]
    for watcher in watchers:
        await loop.create_unix_connection(partial(_same, watcher), api_socket)
    for watcher in watchers:
        await asyncio.wait_for(watcher.began.wait(), GIVE_UP_S)
    print("watching", flush=True)
    try:
        async with asyncio.timeout(GIVE_UP_S):
            for watcher in watchers:
                await watcher.ended.wait()
    except TimeoutError:
        print("some watchers did not see all in time", file=sys.stderr)
    return {"ended_s": time.monotonic(), "complete": sum(watcher.has_all for watcher in watchers)}


if __name__ == "__main__":
    where, what, *numbers = sys.argv[1:]
    print(json.dumps(asyncio.run(_watch(where, what, *map(int, numbers)))))
