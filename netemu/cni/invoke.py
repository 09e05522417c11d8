"""The runtime of one node: wires pods with whatever configuration its net.d directory holds."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

from netemu.cni import chain
from netemu.cni.attachment import Attachment, Call
from netemu.cni.chain import Answer, Chain
from netemu.cni.config import NetworkConfig, find_config, load_config
from netemu.cni.records import Record, Records
from netemu.cni.result import Result
from netemu.errors import NetemuError


class PluginDriver(Protocol):
    """Runs plugins that are programs."""

    async def call(self, call: Call) -> Answer:
        """Run one plugin to its end."""
        ...


class BlockingDriver(Protocol):
    """Runs plugins that are functions of this process."""

    def can_run(self, network: NetworkConfig) -> bool:
        """Tell whether it has all plugins of a network."""
        ...

    def call(self, call: Call) -> Answer:
        """Run one plugin to its end; blocks."""
        ...


class CniRuntime:
    """Adds, deletes and checks attachments of one node, as a kubelet's runtime does.

    ``net_d`` is the node's /etc/cni/net.d, ``results`` its /var/lib/cni/results, both as paths
    of this process; functions run in the calling thread. Calls for different pods may run at
    the same time, for one pod they may not.
    """

    def __init__(
        self,
        *,
        net_d: Path,
        results: Path,
        programs: PluginDriver,
        functions: BlockingDriver | None = None,
    ) -> None:
        self._net_d = net_d
        self._records = Records(results)
        self._programs = programs
        self._functions = functions
        self._loaded: tuple[object, NetworkConfig] | None = None

    @property
    def is_ready(self) -> bool:
        """Whether there is a configuration."""
        return find_config(self._net_d) is not None

    def load(self) -> NetworkConfig:
        """Read the configuration that counts now.

        Raises:
            CniNotReadyError: there is none; Kubernetes' words.
            CniConfigError: it cannot be used.

        """
        path = find_config(self._net_d)
        stamp = (path, _version(path)) if path else None
        if self._loaded is None or stamp is None or self._loaded[0] != stamp:
            self._loaded = (stamp, load_config(self._net_d))
        return self._loaded[1]

    async def add(self, attachment: Attachment) -> Result:
        """Wire a pod. A failure leaves nothing behind.

        Raises:
            CniNotReadyError: there is no configuration.
            CniPluginError: a plugin refused.

        """
        network = self.load()
        result = Result(raw=await self._drive(network, chain.add(network, attachment)) or {})
        self._records.save(Record(network=network, attachment=attachment, result=result))
        return result

    def is_in_process(self) -> bool:
        """Tell whether the configuration's plugins are all functions of this process.

        Raises:
            CniNotReadyError: there is no configuration.

        """
        return self._functions is not None and self._functions.can_run(self.load())

    async def delete(self, attachment: Attachment) -> None:
        """Undo ``add``; nothing happens if it was undone, or if there never was a configuration."""
        record = self._records.find(attachment)
        if record is not None:
            chained = chain.delete(record.network, record.attachment, record.result.raw)
            await self._drive(record.network, chained)
        elif self.is_ready:
            # ADD may have been cut off by a crash; plugins find their own by the container ID.
            network = self.load()
            await self._drive(network, chain.delete(network, attachment, None))
        self._records.forget(attachment)

    async def check(self, attachment: Attachment) -> None:
        """Ask the plugins whether all is as they left it.

        Raises:
            CniPluginError: it is not, or the attachment was never made.

        """
        record = self._records.find(attachment)
        if record is None:
            raise NetemuError(f"container {attachment.container_id} has no {attachment.ifname}")
        await self._drive(record.network, chain.check(record.network, record.attachment, record.result))

    def attachments(self) -> tuple[Record, ...]:
        """List what was added and not deleted, also by a process that died since."""
        return self._records.list()

    async def _drive(self, network: NetworkConfig, calls: Chain) -> Answer:
        if self._functions is not None and self._functions.can_run(network):
            return drive_blocking(self._functions, calls)
        return await drive(self._programs, calls)


def _version(path: Path) -> tuple[int, int]:
    stat = path.stat()
    return stat.st_mtime_ns, stat.st_size


async def drive(driver: PluginDriver, calls: Chain) -> Answer:
    """Run a chain's calls one after the other."""
    try:
        call = next(calls)
        while True:
            try:
                answer = await driver.call(call)
            except NetemuError as err:
                call = calls.throw(err)
            else:
                call = calls.send(answer)
    except StopIteration as end:
        return end.value  # type: ignore[no-any-return]


def drive_blocking(driver: BlockingDriver, calls: Chain) -> Answer:
    """Run a chain's calls one after the other in the calling thread."""
    try:
        call = next(calls)
        while True:
            try:
                answer = driver.call(call)
            except NetemuError as err:
                call = calls.throw(err)
            else:
                call = calls.send(answer)
    except StopIteration as end:
        return end.value  # type: ignore[no-any-return]
