"""How long lists in pages may go on: as long as etcd's history in Kubernetes.

Source: apiserver ``pkg/storage/etcd3/compact.go``: every five minutes, all that was past five minutes
before is forgotten. Those who follow changes are served from a cache that forgets by number only.
"""

from __future__ import annotations

import asyncio

from netemu.apiserver.registry import Registry

EVERY_S = 300.0


class PastLists:
    """Ends lists that were begun too long ago."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry
        self._mark = registry.revision

    def forget(self) -> None:
        """End lists of before the last time that this was called."""
        self._registry.end_lists(self._mark)
        self._mark = self._registry.revision

    async def run(self) -> None:
        """Forget from time to time, until cancelled."""
        while True:
            await asyncio.sleep(EVERY_S)
            self.forget()
