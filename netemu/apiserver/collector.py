"""[IO] The garbage collector: does what is planned about objects, one after the other."""

from __future__ import annotations

import asyncio

from netemu.api.errors import ApiError, ConflictError, NotFoundError
from netemu.apiserver import garbage
from netemu.apiserver.options import DeleteOptions, Preconditions
from netemu.apiserver.registry import Registry
from netemu.errors import NetemuError
from netemu.logs import Log

log = Log(__name__)

RETRY_S = 1.0


class Collector:
    """Collects the garbage of one registry."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry
        self._owners = registry.owners

    async def run(self) -> None:
        """Collect until cancelled."""
        while True:
            await self._owners.wait()
            await self.collect()
            await asyncio.sleep(0)

    async def collect(self) -> None:
        """Collect all that can be collected now."""
        while (node := self._owners.take()) is not None:
            for step in garbage.plan(self._owners, node):
                await self._try(step)
            await asyncio.sleep(0)

    async def _try(self, step: garbage.Step) -> None:
        try:
            await self._do(step)
        except NotFoundError:
            return  # gone by itself
        except ConflictError:
            self._owners.look_at(step.node)
        except (ApiError, NetemuError) as err:
            log.warning("garbage.held", node="/".join(step.node), code=err.code, error=err.message)
            asyncio.get_running_loop().call_later(RETRY_S, self._owners.look_at, step.node)

    async def _do(self, step: garbage.Step) -> None:
        found = self._owners.find(step.node)
        if found is None:
            return
        kind, node = found[0], step.node
        match step:
            case garbage.Look():
                self._owners.look_at(node)
            case garbage.Release(patch=patch):
                await self._registry.patch(kind, node.namespace, node.name, patch)
            case garbage.End(uid=uid, policy=policy):
                options = DeleteOptions(
                    propagation_policy=policy or None, preconditions=Preconditions(uid=uid)
                )
                await self._registry.delete(kind, node.namespace, node.name, options)
