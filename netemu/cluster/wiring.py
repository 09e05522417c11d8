"""[IO] Join planners to the kernel: everything that runs inside one daemon."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack

from netemu.agent.work import Source
from netemu.api.kinds import CONFIG_MAP, NODE, PLANNED, POD, SECRET, SERVICE
from netemu.api.views.core import Node
from netemu.apiserver.admission import TokenAdmission
from netemu.apiserver.client import LocalClient
from netemu.apiserver.collector import Collector
from netemu.apiserver.http import serve
from netemu.apiserver.registry import Registry
from netemu.clock import system_clock
from netemu.cluster import api_access, bootstrap
from netemu.cluster.catalogue import UserCatalogue
from netemu.cluster.network import CniNetwork, install_configuration
from netemu.cluster.node import NodeParts
from netemu.cluster.overlay import peer_of
from netemu.cluster.podaccess import Reach
from netemu.cluster.processes import STANDIN, shim_argv, shim_name, standin_argv
from netemu.cluster.readiness import Readiness, wait_dns
from netemu.cluster.record import Record
from netemu.cluster.services import ServiceVariables
from netemu.cluster.supervisor import Supervisor
from netemu.cluster.world import World
from netemu.controllers.loop import run_controllers
from netemu.controllers.registry import RECONCILERS
from netemu.controllers.rootca import publisher
from netemu.controllers.tokensecrets import token_filler
from netemu.events.expiry import Expiry
from netemu.informer.cache import Cache, Change
from netemu.informer.watch import Handler, Informer
from netemu.linux import netns
from netemu.logs import Log
from netemu.naming import NodeName
from netemu.proxy.loop import Proxy
from netemu.runtime.client import ShimClient
from netemu.runtime.container import ContainerState
from netemu.scheduler.loop import run_scheduler
from netemu.settings import Paths, Settings
from netemu.standin.client import StandinClient
from netemu.store.sqlite import SqliteStore

log = Log(__name__)

NETWORK_LOOK_S = 0.2


async def run_cluster(world: World, settings: Settings, paths: Paths, record: Record) -> None:
    """Serve the API and run everything that follows it, until cancelled."""
    store = SqliteStore.open(paths.state / "store.db")
    registry = Registry(store, settings, system_clock, admit=TokenAdmission())
    client = LocalClient(registry)
    cache = Cache()
    informer = Informer(client, cache, PLANNED)
    services = ServiceVariables(cache)
    catalogue = UserCatalogue(paths.state / "images.yaml")
    readiness = Readiness()
    async with AsyncExitStack() as stack:
        stack.callback(store.close)
        access = stack.enter_context(api_access.opened(world, settings, paths, registry))
        nodes = {}
        for place in world.nodes:
            install_configuration(place, settings, paths)
            parts = NodeParts(
                place,
                world,
                settings,
                paths,
                client=client,
                cache=cache,
                network=CniNetwork(place, paths, record),
                catalogue=catalogue.current,
                services=services,
                issue_token=access.issue_token,
                clock=system_clock,
            )
            stack.callback(parts.close)
            nodes[place.name] = parts
        reach = Reach(
            {name: parts.agent for name, parts in nodes.items()},
            {name: parts.containers for name, parts in nodes.items()},
            {name: parts.ns_fd for name, parts in nodes.items()},
            paths.netns,
        )
        await bootstrap.ensure(client, settings)
        for parts in nodes.values():
            await parts.reporter.register()
        reconcilers = (*RECONCILERS, publisher(access.ca), token_filler(access.issue_lasting, access.ca))
        proxy = Proxy(cache, informer, settings)
        for parts in nodes.values():
            proxy.add_node(parts.place.name, [parts.place.address.ip], parts.ns_fd)
        serving = serve(
            registry,
            reach,
            paths.api_socket,
            readiness.waits_for,
            guard=access.guard,
            secure=access.secure,
        )
        await stack.enter_async_context(serving)
        async with asyncio.TaskGroup() as group:
            group.create_task(informer.run(), name="informer")
            await informer.wait_synced()
            group.create_task(
                run_controllers(client, cache, informer, clock=system_clock, reconcilers=reconcilers),
                name="controllers",
            )
            group.create_task(Collector(registry).run(), name="garbage collector")
            group.create_task(run_scheduler(client, cache, informer, clock=system_clock), name="scheduler")
            group.create_task(proxy.run(), name="proxy")
            group.create_task(Expiry(client, system_clock).run(), name="events")
            informer.on_change(SERVICE, services.service_changed)
            informer.on_change(NODE, _to_overlays(nodes, cache))
            informer.on_change(POD, _to_agents(nodes))
            for kind in (CONFIG_MAP, SECRET):
                informer.on_change(kind, _to_all_agents(nodes))
            for parts in nodes.values():
                group.create_task(parts.recorder.run(), name=f"recorder {parts.place.name}")
                group.create_task(parts.agent.run(), name=f"agent {parts.place.name}")
                group.create_task(_watch_network(parts), name=f"network {parts.place.name}")
            _supervise(group, nodes, paths, record)
            with netns.opened(paths.netns / world.nodes[0].netns) as ns_fd:
                await wait_dns(readiness, settings, ns_fd, expect_dns=settings.cni != "none")
            log.info("cluster.ready", cluster=settings.name)


def _to_overlays(nodes: dict[NodeName, NodeParts], cache: Cache) -> Handler:
    def changed(change: Change) -> None:
        node = cache.find(NODE, change.key, Node)
        peer = peer_of(node) if node is not None else None
        for parts in nodes.values():
            parts.overlay.sync(change.key.name, peer)

    return changed


def _to_agents(nodes: dict[NodeName, NodeParts]) -> Handler:
    def changed(change: Change) -> None:
        names = {obj["spec"].get("nodeName") for obj in (change.old, change.new) if obj is not None}
        for name in names:
            if name in nodes:
                nodes[name].agent.pod_changed(change)

    return changed


def _to_all_agents(nodes: dict[NodeName, NodeParts]) -> Handler:
    def changed(change: Change) -> None:
        for parts in nodes.values():
            parts.agent.object_changed(change)

    return changed


async def _watch_network(parts: NodeParts) -> None:
    """Notice a CNI configuration that comes or goes, as a kubelet's runtime does."""
    while True:
        if await parts.reporter.report():
            parts.agent.network_changed()
        await asyncio.sleep(NETWORK_LOOK_S)


class _Adoption:
    """Collects what runs until every server of a node has answered once; then its agent starts."""

    def __init__(self, parts: NodeParts) -> None:
        self._parts = parts
        self._seen: dict[Source, tuple[ContainerState, ...]] = {}
        self._done = False

    def found(self, source: Source, states: tuple[ContainerState, ...]) -> None:
        if self._done:
            self._parts.agent.parent_found(source, states)
            return
        self._seen[source] = states
        if len(self._seen) == 2:
            self._done = True
            self._parts.agent.adopt((s, state) for s, found in self._seen.items() for state in found)


def _supervise(
    group: asyncio.TaskGroup, nodes: dict[NodeName, NodeParts], paths: Paths, record: Record
) -> None:
    adoptions = {name: _Adoption(parts) for name, parts in nodes.items()}

    def standins_found(client: StandinClient, states: tuple[ContainerState, ...]) -> None:
        for name, parts in nodes.items():
            parts.containers.standins = client
            adoptions[name].found("standin", states)

    def standins_lost() -> None:
        for parts in nodes.values():
            parts.containers.standins = None

    def standin_ended(state: ContainerState) -> None:
        for parts in nodes.values():
            if parts.agent.state_changed(state):
                return

    standins = Supervisor(
        name=STANDIN,
        argv=standin_argv(paths),
        socket=paths.standin_socket,
        log_path=paths.run / "standin.log",
        record=record,
        connect=StandinClient.connect,
        found=standins_found,
        lost=standins_lost,
        ended=standin_ended,
    )
    group.create_task(standins.run(), name="standins")
    for parts in nodes.values():
        shim = _shim(parts, adoptions[parts.place.name], paths, record)
        group.create_task(shim.run(), name=f"shim {parts.place.name}")


def _shim(parts: NodeParts, adoption: _Adoption, paths: Paths, record: Record) -> Supervisor[ShimClient]:
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
        name=shim_name(parts.place.name),
        argv=shim_argv(paths, parts.place),
        socket=paths.shim_socket(parts.place.name),
        log_path=paths.run / f"{shim_name(parts.place.name)}.log",
        record=record,
        connect=ShimClient.connect,
        found=found,
        lost=lost,
        ended=ended,
    )
