"""[IO] One node put together: agent, containers, probes, overlay, network, Node object."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Mapping
from typing import Any

from netemu.agent import machine
from netemu.agent.containers import Containers
from netemu.agent.images import node_images
from netemu.agent.loop import Agent
from netemu.agent.node import NodeReporter, node_object, renew_every_s
from netemu.agent.specs import Site
from netemu.agent.volumes import TokenIssuer, Volumes
from netemu.api.client import Client, Object
from netemu.api.kinds import CONFIG_MAP, PERSISTENT_VOLUME, PERSISTENT_VOLUME_CLAIM, SECRET
from netemu.api.views.core import Pod
from netemu.clock import Clock
from netemu.cluster.fabric import ETH0, open_masquerade
from netemu.cluster.network import CniNetwork
from netemu.cluster.overlay import VTEP_MAC, OverlaySyncer
from netemu.cluster.processes import python
from netemu.cluster.routes import Routes
from netemu.cluster.services import ServiceVariables
from netemu.cluster.world import VXLAN_LINK, NodePlace, World
from netemu.events.loop import Recorder
from netemu.image.index import Images
from netemu.informer.cache import Cache, Key
from netemu.linux import netns
from netemu.linux.netlink import Netlink
from netemu.linux.users import are_possible
from netemu.settings import Paths, Settings
from netemu.standin.catalogue import Catalogue

NETWORK_LOOK_S = 0.2


class Hardware:
    """What of a node stays when it is switched off and on: its namespace, its links, its wiring."""

    def __init__(
        self, place: NodePlace, world: World, settings: Settings, paths: Paths, network: CniNetwork
    ) -> None:
        self.place = place
        self.network = network
        self.ns_fd = netns.open_ns(paths.netns / place.netns)
        self.masquerade = open_masquerade(world, settings, self.ns_fd)
        self._netlink = Netlink.open(self.ns_fd)
        self.overlay = OverlaySyncer(
            settings.overlay,
            place.name,
            self._netlink,
            eth0=self._netlink.link_index(ETH0),
            vxlan=self._netlink.link_index(VXLAN_LINK) if settings.overlay == "vxlan" else 0,
        )

    def close(self) -> None:
        """Close the descriptors; the kernel's objects stay."""
        self._netlink.close()
        self.masquerade.close()
        self.network.close()
        os.close(self.ns_fd)


class NodeParts:
    """Everything of one node that runs in the daemon, for as long as the node is on."""

    def __init__(
        self,
        hardware: Hardware,
        world: World,
        settings: Settings,
        paths: Paths,
        *,
        client: Client,
        cache: Cache,
        catalogue: Callable[[], Catalogue],
        services: ServiceVariables,
        issue_token: TokenIssuer,
        routes: Routes,
        clock: Clock,
    ) -> None:
        place = hardware.place
        network = hardware.network
        self.place = place
        self.hardware = hardware
        self.network = network
        self.recorder = Recorder(client, clock, "kubelet", place.name)
        addresses = tuple(map(str, place.ips))
        self.containers = Containers(
            node=place.name,
            node_ips=addresses,
            settings=settings,
            paths=paths,
            catalogue=catalogue,
            worker_argv=_worker_argv(settings, paths),
            lookup=_lookup(cache),
            services=services.of,
            volumes=Volumes(
                paths.node_state(place.name), _lookup(cache), issue_token, Images(paths.images).find_root
            ),
            recorder=self.recorder,
            clock=clock,
            has_users=are_possible,
        )
        self.agent = Agent(
            cluster=world.cluster,
            site=Site(node=place.name, node_ips=addresses, settings=settings, paths=paths),
            node_netns=place.netns,
            client=client,
            cache=cache,
            network=network,
            containers=self.containers,
            recorder=self.recorder,
            routes=routes,
            clock=clock,
        )
        has = machine.capacity(
            paths.state,
            cpu=settings.node_cpu,
            memory=settings.node_memory,
            storage=settings.node_ephemeral_storage,
            max_pods=settings.max_pods,
        )
        node = node_object(
            place.name,
            addresses=addresses,
            pod_cidrs=list(map(str, place.pod_cidrs)),
            labels=machine.node_labels(place.name, place.zone),
            annotations={VTEP_MAC: place.vtep_mac},
            capacity=has,
            allocatable=machine.allocatable(has),
            info=machine.node_info(f"{place.name}.{world.cluster}"),
            has_users=are_possible(),
        )
        loaded = Images(paths.images)
        self.reporter = NodeReporter(
            client,
            node,
            network.problem,
            clock,
            self.recorder,
            images=lambda: node_images(loaded.images()),
            is_full=self.agent.disk.is_under_pressure,
        )
        self._renew_every_s = renew_every_s(settings.node_monitor_grace_period)

    async def beat(self) -> None:
        """Say that the node lives, until cancelled."""
        while True:
            await asyncio.sleep(self._renew_every_s)
            await self.reporter.renew()

    async def watch_network(self) -> None:
        """Notice a CNI configuration that comes or goes, as a kubelet's runtime does."""
        while True:
            if await self.reporter.report():
                self.agent.network_changed()
            await asyncio.sleep(NETWORK_LOOK_S)

    async def keep_masquerade(self) -> None:
        """Let pods reach what is outside, whatever somebody does to the rules for it."""

        def tell(message: str) -> None:
            self.reporter.tell("Warning", "MasqueradeChanged", message)

        await self.hardware.masquerade.keep(tell)


def _worker_argv(settings: Settings, paths: Paths) -> Callable[[str, Pod, str, str], tuple[str, ...]]:
    def argv(worker: str, pod: Pod, netns_name: str, address: str) -> tuple[str, ...]:
        del worker, pod, address  # the DNS server is the only one
        return python(
            "netemu.dns.server",
            *("--api-socket", str(paths.api_socket)),
            *("--domain", settings.cluster_domain),
            *(("--address", "::") if settings.has_ipv6 else ()),
            *("--listen-netns", netns_name),
            *("--netns-dir", str(paths.netns)),
        )

    return argv


def _lookup(cache: Cache) -> Callable[[str, str, str], Mapping[str, Any] | None]:
    kinds = {kind.kind: kind for kind in (CONFIG_MAP, SECRET, PERSISTENT_VOLUME, PERSISTENT_VOLUME_CLAIM)}

    def find(kind: str, namespace: str, name: str) -> Object | None:
        return cache.get(kinds[kind], Key(namespace, name))

    return find
