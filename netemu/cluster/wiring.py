"""[IO] Join planners to the kernel: everything that runs inside one daemon."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack

from netemu.api.kinds import CONFIG_MAP, NODE, PERSISTENT_VOLUME, PLANNED, POD, SECRET, SERVICE
from netemu.api.views.core import Node
from netemu.apiserver.aggregation.availability import Availability
from netemu.apiserver.client import LocalClient
from netemu.apiserver.collector import Collector
from netemu.apiserver.hooks.typechecks import check_policies
from netemu.apiserver.http import serve
from netemu.apiserver.pastlists import PastLists
from netemu.apiserver.quotastatus import keep_quotas
from netemu.apiserver.usage import UsageMeter
from netemu.clock import system_clock
from netemu.cluster import aggregating, api_access, balancing, bootstrap
from netemu.cluster.admission import admitting_registry
from netemu.cluster.balancing import Balancing
from netemu.cluster.catalogue import UserCatalogue
from netemu.cluster.errands import ErrandRunner
from netemu.cluster.lives import Lives
from netemu.cluster.network import CniNetwork, install_configuration
from netemu.cluster.node import Hardware, NodeParts
from netemu.cluster.overlay import peer_of
from netemu.cluster.podaccess import Reach
from netemu.cluster.power import Power
from netemu.cluster.proxying import open_proxying
from netemu.cluster.readiness import Readiness, answers_dns, runs_dns, wait_dns
from netemu.cluster.record import Record
from netemu.cluster.routes import Routes
from netemu.cluster.services import ServiceVariables
from netemu.cluster.switches import off_nodes
from netemu.cluster.usage import ClusterUsage
from netemu.cluster.wirer import WirerClient
from netemu.cluster.world import World
from netemu.controllers.loop import run_controllers
from netemu.controllers.nodelifecycle import node_lifecycle
from netemu.controllers.registry import RECONCILERS
from netemu.controllers.rootca import publisher
from netemu.controllers.signing import certificate_signer
from netemu.controllers.tokensecrets import token_filler
from netemu.events.expiry import Expiry
from netemu.events.loop import Recorder
from netemu.informer.cache import Cache, Change
from netemu.informer.watch import Handler, Informer
from netemu.linux import netns
from netemu.linux.memory import give_back_when_idle
from netemu.logs import Log
from netemu.naming import NodeName
from netemu.scheduler.loop import run_scheduler
from netemu.settings import Paths, Settings
from netemu.store.sqlite import SqliteStore

log = Log(__name__)

DNS_WITHIN_S = 20.0


async def run_cluster(world: World, settings: Settings, paths: Paths, record: Record) -> None:
    """Serve the API and run everything that follows it, until cancelled."""
    store = SqliteStore.open(paths.state / "store.db")
    registry = admitting_registry(store, settings, system_clock)
    client = LocalClient(registry)
    cache = Cache()
    informer = Informer(client, cache, PLANNED)
    proxy_recorder = Recorder(client, system_clock, "kube-proxy")
    proxy = open_proxying(cache, informer, settings, proxy_recorder)
    routes = Routes(cache, informer, proxy.applied)
    services = ServiceVariables(cache)
    catalogue = UserCatalogue(paths.state / "images.yaml")
    readiness = Readiness()
    async with AsyncExitStack() as stack:
        stack.callback(store.close)
        wirer = WirerClient(paths.wirer_socket)
        stack.callback(wirer.close)
        access = stack.enter_context(api_access.opened(world, settings, paths, registry))
        nodes: dict[NodeName, NodeParts] = {}

        def switch_on(hardware: Hardware) -> NodeParts:
            parts = NodeParts(
                hardware,
                world,
                settings,
                paths,
                client=client,
                cache=cache,
                catalogue=catalogue.current,
                services=services,
                issue_token=access.issue_token,
                routes=routes,
                clock=system_clock,
            )
            nodes[parts.place.name] = parts
            return parts

        for place in world.nodes:
            install_configuration(place, settings, paths)
            hardware = Hardware(place, world, settings, paths, CniNetwork(place, paths, record, wirer))
            stack.callback(hardware.close)
            switch_on(hardware)
        lives = Lives(nodes, cache, paths, record, switch_on)
        balancer = Balancing(
            client,
            cache,
            informer,
            system_clock,
            off_nodes(paths),
            world=world,
            settings=settings,
            paths=paths,
            record=record,
        )
        power = Power(
            world,
            paths,
            record,
            run=balancer.watched(lives.run),
            prepare=lives.prepare,
            silence=balancer.silenced(lives.silence),
        )
        reach = Reach(nodes, power.is_off, paths.netns)
        await registry.ips.repair()
        await bootstrap.ensure(client, settings)
        await balancing.ensure(registry, settings)
        for parts in nodes.values():
            if not power.is_off(parts.place.name):
                await parts.reporter.register()
        reconcilers = (
            *RECONCILERS,
            publisher(access.ca),
            token_filler(access.issue_lasting, access.ca),
            certificate_signer(access.sign),
            node_lifecycle(settings.node_monitor_grace_period, settings.node_lifecycle_controller),
        )
        for parts in nodes.values():
            proxy.add_node(parts.place.name, parts.place.ips, parts.hardware.ns_fd)
            balancer.add_node(parts.place.name, parts.hardware.ns_fd)
        aggregator = await aggregating.prepared(registry, reach, paths, access.ca)
        await stack.enter_async_context(
            serve(
                registry,
                reach,
                paths.api_socket,
                readiness.waits_for,
                guard=access.guard,
                secure=access.secure,
                meter=UsageMeter(ClusterUsage(nodes, power.is_off), system_clock),
                aggregator=aggregator,
            )
        )
        async with asyncio.TaskGroup() as group:
            group.create_task(informer.run(), name="informer")
            await informer.wait_synced()
            running = {
                "controllers": run_controllers(
                    client, cache, informer, clock=system_clock, reconcilers=reconcilers
                ),
                "garbage collector": Collector(registry).run(),
                "quotas": keep_quotas(registry),
                "scheduler": run_scheduler(client, cache, informer, clock=system_clock),
                "proxy": proxy.run(),
                "proxy events": proxy_recorder.run(),
                "balancer": balancer.run(),
                "events": Expiry(client, system_clock).run(),
                "past lists": PastLists(registry).run(),
                "policies": check_policies(registry),
                "memory": give_back_when_idle(),
                "aggregation": Availability(registry, aggregator.get, system_clock).run(),
            }
            for name, work in running.items():
                group.create_task(work, name=name)
            _tell_nodes(informer, nodes, cache, services)
            errands = ErrandRunner(nodes, reach, group)
            group.create_task(lives.keep_standins(errands.take), name="standins")
            group.create_task(power.run(), name="power")
            await _wait_ready(readiness, world, settings, paths, power, cache)
            log.info("cluster.ready", cluster=settings.name)


async def _wait_ready(
    readiness: Readiness, world: World, settings: Settings, paths: Paths, power: Power, cache: Cache
) -> None:
    on = [place for place in world.nodes if not power.is_off(place.name)]
    within_s = None if len(on) == len(world.nodes) else DNS_WITHIN_S
    if not on or settings.cni == "none":
        readiness.set("")  # no DNS pod can run: registered nodes are all there is
    elif settings.proxy_mode == "none":
        await wait_dns(readiness, "DNS pods to be ready", runs_dns(cache), within_s)
    else:
        with netns.opened(paths.netns / on[0].netns) as ns_fd:
            asked = answers_dns(settings, ns_fd)
            await wait_dns(readiness, f"DNS to answer at {settings.dns_ip}", asked, within_s)


def _tell_nodes(
    informer: Informer, nodes: dict[NodeName, NodeParts], cache: Cache, services: ServiceVariables
) -> None:
    informer.on_change(SERVICE, services.service_changed)
    informer.on_change(NODE, _to_overlays(nodes, cache))
    informer.on_change(POD, _to_agents(nodes))
    for kind in (CONFIG_MAP, SECRET):
        informer.on_change(kind, _to_all_agents(nodes))
    informer.on_change(PERSISTENT_VOLUME, _to_reclaimers(nodes))


def _to_overlays(nodes: dict[NodeName, NodeParts], cache: Cache) -> Handler:
    def changed(change: Change) -> None:
        node = cache.find(NODE, change.key, Node)
        peer = peer_of(node) if node is not None else None
        for parts in nodes.values():
            parts.hardware.overlay.sync(change.key.name, peer)

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


def _to_reclaimers(nodes: dict[NodeName, NodeParts]) -> Handler:
    def changed(change: Change) -> None:
        for parts in nodes.values():
            parts.agent.reclaimer.volume_changed(change)

    return changed
