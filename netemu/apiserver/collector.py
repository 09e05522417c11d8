"""[IO] The garbage collector, which also empties namespaces: one object after the other."""

from __future__ import annotations

import asyncio
from contextlib import suppress

from netemu.api.errors import ApiError, ConflictError, NotFoundError
from netemu.api.kinds import EVENTS_EVENT, NAMESPACE, Kind
from netemu.apiserver import garbage
from netemu.apiserver.emptying import Left, conditions, finalized
from netemu.apiserver.options import DeleteOptions, Preconditions
from netemu.apiserver.owners import is_ending
from netemu.apiserver.registry import Registry
from netemu.clock import Clock, system_clock
from netemu.errors import NetemuError
from netemu.logs import Log

log = Log(__name__)

RETRY_S = 1.0


class Collector:
    """Collects the garbage of one registry."""

    def __init__(self, registry: Registry, clock: Clock = system_clock) -> None:
        self._registry = registry
        self._clock = clock
        self._owners = registry.owners

    async def run(self) -> None:
        """Collect until cancelled."""
        while True:
            await self._owners.wait()
            await self.collect()
            await asyncio.sleep(0)

    async def collect(self) -> None:
        """Collect all that can be collected now, and empty the namespaces that end."""
        await self._collect()
        while (name := self._registry.ending.take()) is not None:
            await self._empty(name)
            await self._collect()

    async def _collect(self) -> None:
        while (node := self._owners.take()) is not None:
            for step in garbage.plan(self._owners, node):
                await self._try(step)
            await asyncio.sleep(0)

    async def _empty(self, name: str) -> None:
        """Delete what is in a namespace; let it go when nothing is left."""
        try:
            namespace = self._registry.get(NAMESPACE, "", name)
            for kind in self._emptied():
                await self._delete_all(kind, name)
            left = [
                Left(kind, obj) for kind in self._emptied() for obj in self._registry.list(kind, name).items
            ]
            said = conditions(namespace, left, self._clock())
            patch = {"status": {"conditions": said}}
            namespace = await self._registry.patch(NAMESPACE, "", name, patch, subresource="status")
            if not left:
                await self._registry.update(NAMESPACE, finalized(namespace), subresource="finalize")
        except NotFoundError:
            return  # gone by itself
        except NetemuError as err:
            log.warning("namespace.held", namespace=name, code=err.code, error=err.message)
            asyncio.get_running_loop().call_later(RETRY_S, self._registry.ending.look_at, name)
        except Exception as err:  # one odd object must not keep other namespaces from their end
            log.error("namespace.failed", exc=err, namespace=name, delay_s=RETRY_S)
            asyncio.get_running_loop().call_later(RETRY_S, self._registry.ending.look_at, name)

    async def _delete_all(self, kind: Kind, namespace: str) -> None:
        for obj in self._registry.list(kind, namespace).items:
            if not is_ending(obj):
                with suppress(NotFoundError):
                    await self._registry.delete(kind, namespace, obj["metadata"]["name"])
                await asyncio.sleep(0)

    def _emptied(self) -> list[Kind]:
        return [
            kind for kind in self._registry.kinds.stored() if kind.namespaced and kind is not EVENTS_EVENT
        ]

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
        except Exception as err:  # one odd object must not end what collects all others
            log.error("garbage.failed", exc=err, node="/".join(step.node), delay_s=RETRY_S)
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
