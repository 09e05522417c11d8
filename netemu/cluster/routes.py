"""[IO] Who is turned to: tells when no node sends connections to a pod any more."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator

from netemu.api.client import Object
from netemu.api.kinds import ENDPOINT_SLICE
from netemu.informer.cache import Cache, Change
from netemu.informer.watch import Informer

_READY_PODS = "routes.ready-pods"


class Routes:
    """Follows EndpointSlices; ``applied`` returns when all kernels hold what the slices say."""

    def __init__(self, cache: Cache, informer: Informer, applied: Callable[[], Awaitable[None]]) -> None:
        self._cache = cache
        self._applied = applied
        self._changed = asyncio.Event()
        cache.add_index(ENDPOINT_SLICE, _READY_PODS, _ready_pods)
        informer.on_change(ENDPOINT_SLICE, self._note)

    async def left(self, uid: str) -> None:
        """Return when no slice counts on a pod, and no kernel does."""
        while self._cache.by_index(ENDPOINT_SLICE, _READY_PODS, uid):
            await self._changed.wait()
        await self._applied()

    def _note(self, _change: Change) -> None:
        self._changed.set()
        self._changed = asyncio.Event()


def _ready_pods(obj: Object) -> Iterator[str]:
    """Give the UIDs of the pods that get connections before all others."""
    for endpoint in obj.get("endpoints") or ():
        conditions = endpoint.get("conditions") or {}
        uid = (endpoint.get("targetRef") or {}).get("uid")
        if uid and conditions.get("ready") is not False and not conditions.get("terminating"):
            yield uid
