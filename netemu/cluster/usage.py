"""[IO] What the containers of every node use: the shims know of processes, stand-ins have none."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping

from netemu.agent.ports import Shim
from netemu.agent.work import PodWork
from netemu.apiserver.usage import ContainerUsage, NodeUsage
from netemu.cluster.node import NodeParts
from netemu.naming import NodeName
from netemu.runtime.client import ContainerStats
from netemu.runtime.errors import DisconnectedError

NOTHING = ContainerStats(0.0, 0)


class ClusterUsage:
    """Asks the shims of all nodes that are on."""

    def __init__(self, nodes: Mapping[NodeName, NodeParts], is_off: Callable[[str], bool]) -> None:
        self._nodes = nodes
        self._is_off = is_off

    async def usage(self) -> NodeUsage:
        """Give what runs on each node; one whose shim does not answer is left out."""
        on = [parts for name, parts in self._nodes.items() if not self._is_off(name)]
        async with asyncio.TaskGroup() as group:
            asked = {
                str(parts.place.name): group.create_task(usage_of(parts.agent.pods(), parts.containers.shim))
                for parts in on
            }
        answers = {node: task.result() for node, task in asked.items()}
        return {node: usage for node, usage in answers.items() if usage is not None}


async def usage_of(pods: Iterable[PodWork], shim: Shim | None) -> list[ContainerUsage] | None:
    """Tell what the running containers of a node's pods have used; ``None`` where nobody can say.

    Played containers share one process with all others of the cluster: theirs is nothing.
    """
    try:
        stats = await shim.stats() if shim is not None else None
    except DisconnectedError:
        stats = None
    if stats is None:
        return None
    return [
        ContainerUsage(state.id, work.uid, name, *stats.get(state.id, NOTHING)[:2])
        for work in pods
        for name, state in work.running()
    ]
