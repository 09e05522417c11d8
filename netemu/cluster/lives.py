"""[IO] What runs for a node while it is on, and what it finds when it is switched on."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, MutableMapping

from netemu.agent.work import Source, parse_container_id
from netemu.api.kinds import POD
from netemu.cluster.node import Hardware, NodeParts
from netemu.cluster.processes import STANDIN, shim_argv, shim_name, standin_argv
from netemu.cluster.record import Record
from netemu.cluster.supervisor import Supervisor
from netemu.informer.cache import Cache, Change, key_of
from netemu.naming import NodeName
from netemu.runtime.client import ShimClient
from netemu.runtime.container import ContainerState
from netemu.runtime.errors import DisconnectedError
from netemu.settings import Paths
from netemu.standin.client import StandinClient
from netemu.standin.errands import Errand


class Adoption:
    """Collects what runs until every server of a node has answered once; then its agent starts."""

    def __init__(self, parts: NodeParts) -> None:
        self._parts = parts
        self._seen: dict[Source, tuple[ContainerState, ...]] = {}
        self._done = False

    def found(self, source: Source, states: tuple[ContainerState, ...]) -> None:
        """Note what runs under a server."""
        if self._done:
            self._parts.agent.parent_found(source, states)
            return
        self._seen[source] = states
        if len(self._seen) == 2:
            self._done = True
            self._parts.agent.adopt((s, state) for s, found in self._seen.items() for state in found)


class Lives:
    """The running parts of all nodes; ``nodes`` has those of each node's last start."""

    def __init__(
        self,
        nodes: MutableMapping[NodeName, NodeParts],
        cache: Cache,
        paths: Paths,
        record: Record,
        switch_on: Callable[[Hardware], NodeParts],
    ) -> None:
        self._nodes = nodes
        self._cache = cache
        self._paths = paths
        self._record = record
        self._switch_on = switch_on
        self._adoptions = {name: Adoption(parts) for name, parts in nodes.items()}
        self._standins: StandinClient | None = None

    async def run(self, node: NodeName) -> None:
        """Run a node until cancelled."""
        parts = self._nodes[node]
        async with asyncio.TaskGroup() as group:
            group.create_task(parts.recorder.run(), name=f"recorder {node}")
            group.create_task(parts.agent.run(), name=f"agent {node}")
            group.create_task(parts.watch_network(), name=f"network {node}")
            group.create_task(parts.keep_masquerade(), name=f"masquerade {node}")
            group.create_task(parts.beat(), name=f"heart {node}")
            group.create_task(self._shim(parts).run(), name=f"shim {node}")

    async def prepare(self, node: NodeName) -> None:
        """Make new parts of a node that was off: they know what the API says, and what is left."""
        parts = self._switch_on(self._nodes[node].hardware)
        self._adoptions[node] = Adoption(parts)
        for obj in self._cache.list(POD):
            if obj["spec"].get("nodeName") == node:
                parts.agent.pod_changed(Change(POD, key_of(obj), None, obj))
        await parts.reporter.register()
        parts.reporter.tell_start()
        await self._join_standins(node)

    async def silence(self, node: NodeName) -> None:
        """End the stand-ins of a node's pods."""
        parts = self._nodes[node]
        parts.containers.shim = None
        parts.network.shim = None
        standins = self._standins
        if standins is None:
            return
        bound = {
            obj["metadata"]["uid"] for obj in self._cache.list(POD) if obj["spec"].get("nodeName") == node
        }
        try:
            for state in await standins.list():
                uid = parse_container_id(state.id)[0]
                if uid in bound or parts.agent.work_of(uid) is not None:
                    await standins.stop(state.id)
        except DisconnectedError:
            return  # the server went, and all stand-ins with it

    async def _join_standins(self, node: NodeName) -> None:
        standins = self._standins
        if standins is None:
            return  # it is being started, and all nodes are told
        try:
            states = await standins.list()
        except DisconnectedError:
            return
        if standins is self._standins:
            self._nodes[node].containers.standins = standins
            self._adoptions[node].found("standin", states)

    async def keep_standins(self, errand: Callable[[StandinClient, Errand], None]) -> None:
        """Keep the stand-in server there until cancelled; ``errand`` is called for each that it has."""

        def found(client: StandinClient, states: tuple[ContainerState, ...]) -> None:
            client.on_errand = errand
            self._standins_found(client, states)

        supervisor = Supervisor(
            name=STANDIN,
            argv=standin_argv(self._paths),
            socket=self._paths.standin_socket,
            log_path=self._paths.run / "standin.log",
            record=self._record,
            connect=StandinClient.connect,
            found=found,
            lost=self._standins_lost,
            ended=self._standin_ended,
        )
        await supervisor.run()

    def _standins_found(self, client: StandinClient, states: tuple[ContainerState, ...]) -> None:
        self._standins = client
        for name, parts in self._nodes.items():
            parts.containers.standins = client
            self._adoptions[name].found("standin", states)

    def _standins_lost(self) -> None:
        self._standins = None
        for parts in self._nodes.values():
            parts.containers.standins = None

    def _standin_ended(self, state: ContainerState) -> None:
        for parts in self._nodes.values():
            if parts.agent.state_changed(state):
                return

    def _shim(self, parts: NodeParts) -> Supervisor[ShimClient]:
        name = parts.place.name
        adoption = self._adoptions[name]

        def found(client: ShimClient, states: tuple[ContainerState, ...]) -> None:
            parts.containers.shim = client
            parts.network.shim = client
            adoption.found("shim", states)

        def lost() -> None:
            parts.containers.shim = None
            parts.network.shim = None

        def ended(state: ContainerState) -> None:
            parts.agent.state_changed(state)

        return Supervisor(
            name=shim_name(name),
            argv=shim_argv(self._paths, parts.place),
            socket=self._paths.shim_socket(name),
            log_path=self._paths.run / f"{shim_name(name)}.log",
            record=self._record,
            connect=ShimClient.connect,
            found=found,
            lost=lost,
            ended=ended,
        )
