"""[IO] The network of one node's pods: namespaces that are recorded, wired by the node's CNI."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Protocol

from netemu.agent.node import network_problem
from netemu.agent.ports import Sandbox
from netemu.cluster.cni_files import OWN_PLUGINS, install_cni, read_cni
from netemu.cluster.podnetns import remove_netns, wired_in
from netemu.cluster.record import Record
from netemu.cluster.unlinking import Unlinker
from netemu.cluster.wirer import NodeWiring
from netemu.cluster.world import HOST_MTU_BYTES, NodePlace, vxlan_mtu_bytes
from netemu.cni.attachment import Attachment, PortMapping
from netemu.cni.config import CniConfigError, CniNotReadyError, render_default
from netemu.cni.drivers import ExecDriver
from netemu.cni.invoke import CniRuntime
from netemu.cni.records import Records
from netemu.linux import netns
from netemu.linux.netlink import Netlink
from netemu.naming import interface_name
from netemu.runtime.client import ShimClient
from netemu.runtime.errors import DisconnectedError
from netemu.settings import Paths, Settings

CONFIGURATION = "10-netemu.conflist"
NETNS_IN_NODE = Path("/run/netns")


class Wirer(Protocol):
    """Wires pods with netemu's own plugins, outside of the event loop's thread."""

    async def attach(self, node: NodeWiring, attachment: Attachment) -> tuple[str, ...] | None:
        """Make a pod's namespace and wire it; ``None`` if the wiring is left to programs."""
        ...

    async def detach(self, node: NodeWiring, attachment: Attachment) -> bool:
        """Undo ``attach``; false, and nothing was done, if that is left to programs."""
        ...


class CniNetwork:
    """Makes pods' namespaces and runs the node's CNI on them.

    ``shim`` is set while there is a connection; programs of foreign plugins run through it.
    """

    def __init__(self, place: NodePlace, paths: Paths, record: Record, wirer: Wirer) -> None:
        self.shim: ShimClient | None = None
        self._place = place
        self._paths = paths
        self._record = record
        self._wirer = wirer
        self._wiring = NodeWiring(place.name, place.netns)
        # Taking links away waits 20 ms for the kernel's grace periods: in a thread, with a socket of
        # its own, nobody waits with it.
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix=f"cni-{place.name}")
        with netns.opened(paths.netns / place.netns) as ns_fd:
            self._unlinking = Netlink.open(ns_fd)
        self._unlinker = Unlinker(self._unlinking, self._thread)
        state = paths.node_state(place.name)
        self._results = Records(state / "var/lib/cni/results")
        programs = ExecDriver(self._run_in_node)
        self._runtime = CniRuntime(programs, state / "etc/cni/net.d", self._results)

    def problem(self) -> str:
        """Say why pods cannot be wired now, as a kubelet does; empty when they can."""
        try:
            self._runtime.load()
        except CniNotReadyError:
            return network_problem("cni plugin not initialized")
        except CniConfigError as err:
            return network_problem(err.message)
        return ""

    async def attach(self, sandbox: Sandbox) -> tuple[str, ...]:
        """Make the namespace and wire it; idempotent. Returns the pod's addresses."""
        addresses = await self._wirer.attach(self._wiring, _attachment(sandbox, self._paths.netns))
        if addresses is not None:
            return addresses
        await self._need_shim().bind_netns(sandbox.netns)
        return (await self._runtime.add(_attachment(sandbox, NETNS_IN_NODE))).pod_ips

    async def detach(self, sandbox: Sandbox) -> None:
        """Undo ``attach``; idempotent."""
        if self._record.facts("netns", sandbox.netns) is None:
            return
        attachment = _attachment(sandbox, self._paths.netns)
        # Our plugin would do this as well, for one link at a time.
        await self._unlinker.delete(interface_name(attachment.container_id, attachment.ifname))
        if await self._wirer.detach(self._wiring, attachment):
            return
        await self._runtime.delete(_attachment(sandbox, NETNS_IN_NODE))
        if self.shim is not None:
            await self.shim.unbind_netns(sandbox.netns)
        remove_netns(self._paths.netns / sandbox.netns, self._record)

    def present(self) -> list[Sandbox]:
        """List the recorded namespaces of this node's pods; without addresses if they are not whole."""
        by_programs = {made.attachment.container_id: made for made in self._results.list()}
        found = []
        for name, facts in self._record.entries("netns"):
            if facts.get("node") == self._place.name:
                made = wired_in(facts) or by_programs.get(facts["uid"])
                is_there = netns.exists(name, self._paths.netns)
                found.append(
                    Sandbox(
                        uid=facts["uid"],
                        namespace=facts["namespace"],
                        name=facts["name"],
                        netns=name,
                        addresses=made.result.pod_ips if made is not None and is_there else (),
                    )
                )
        return found

    def close(self) -> None:
        """Close descriptors and end the thread; the kernel's objects stay."""
        self._thread.shutdown()
        self._unlinking.close()

    async def _run_in_node(
        self, argv: list[str], env: Mapping[str, str], stdin: bytes
    ) -> tuple[int, bytes, bytes]:
        done = await self._need_shim().run(argv, env=env, stdin=stdin)
        return done.exit_code, done.stdout, done.stderr

    def _need_shim(self) -> ShimClient:
        if self.shim is None:
            raise DisconnectedError(f"the shim of {self._place.name} is being restarted")
        return self.shim


def install_configuration(place: NodePlace, settings: Settings, paths: Paths) -> None:
    """Put the CNI configuration that the settings name, and our plugins, into a node.

    An existing configuration stays: it may be the user's.
    """
    state = paths.node_state(place.name)
    for program in OWN_PLUGINS:
        link = state / "opt/cni/bin" / program
        if not link.is_symlink():
            link.symlink_to(Path(sys.executable).parent / program)
    net_d = state / "etc/cni/net.d"
    if settings.cni == "none" or any(net_d.iterdir()):
        return
    if settings.cni:
        install_cni(read_cni(Path(settings.cni)), place, state)
    else:
        (net_d / CONFIGURATION).write_text(default_configuration(place, settings))


def default_configuration(place: NodePlace, settings: Settings) -> str:
    """Give the configuration list of our own plugins for one node."""
    return render_default(
        place.pod_cidrs,
        mtu=vxlan_mtu_bytes(settings) if settings.overlay == "vxlan" else HOST_MTU_BYTES,
        bridge_netfilter=settings.bridge_netfilter,
        alias=settings.name,
    )


def _attachment(sandbox: Sandbox, directory: Path) -> Attachment:
    """Say what the CNI is asked for, with the directory that has the names of namespaces."""
    return Attachment(
        container_id=sandbox.uid,
        netns=str(directory / sandbox.netns),
        pod_namespace=sandbox.namespace,
        pod_name=sandbox.name,
        pod_uid=sandbox.uid,
        first_id=sandbox.first_id,
        port_mappings=tuple(
            PortMapping(
                host_port=port.host_port,
                container_port=port.container_port,
                protocol=port.protocol.lower(),
                host_ip=port.host_ip,
            )
            for port in sandbox.ports
            if port.host_port
        ),
    )
