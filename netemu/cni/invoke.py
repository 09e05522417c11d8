"""The runtimes of one node: wire pods with whatever configuration its net.d directory holds."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

from netemu.cni import chain
from netemu.cni.attachment import Attachment, Call
from netemu.cni.chain import Answer, Chain
from netemu.cni.config import NetworkConfig, find_config, load_config
from netemu.cni.records import Record
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


class Attachments(Protocol):
    """Remembers attachments beyond the end of this process: ``Records``, or what does the same."""

    def save(self, record: Record) -> None:
        """Note an attachment that was made."""
        ...

    def find(self, attachment: Attachment) -> Record | None:
        """Find what was noted."""
        ...

    def forget(self, attachment: Attachment) -> None:
        """Note that it is gone; idempotent."""
        ...


class Runtime:
    """What both runtimes of a node know: its configuration, and the attachments that were made.

    ``net_d`` is the node's /etc/cni/net.d, as a path of this process. Calls for different pods may
    run at the same time, for one pod they may not.
    """

    def __init__(self, net_d: Path, records: Attachments) -> None:
        self._net_d = net_d
        self._records = records
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

    def _keep(self, network: NetworkConfig, attachment: Attachment, answer: Answer) -> Result:
        result = Result(raw=answer or {})
        self._records.save(Record(network=network, attachment=attachment, result=result))
        return result

    def _deletion(self, attachment: Attachment) -> tuple[NetworkConfig, Chain] | None:
        """Plan how to undo an attachment; nothing, if nothing was made and nothing could have been."""
        record = self._records.find(attachment)
        if record is not None:
            return record.network, chain.delete(record.network, record.attachment, record.result.raw)
        if not self.is_ready:
            return None
        # ADD may have been cut off by a crash; plugins find their own by the container ID.
        network = self.load()
        return network, chain.delete(network, attachment, None)

    def _check(self, attachment: Attachment) -> tuple[NetworkConfig, Chain]:
        record = self._records.find(attachment)
        if record is None:
            raise NetemuError(f"container {attachment.container_id} has no {attachment.ifname}")
        return record.network, chain.check(record.network, record.attachment, record.result)


class CniRuntime(Runtime):
    """Adds, deletes and checks attachments of one node as a kubelet's runtime does, with programs."""

    def __init__(self, programs: PluginDriver, net_d: Path, records: Attachments) -> None:
        super().__init__(net_d, records)
        self._programs = programs

    async def add(self, attachment: Attachment) -> Result:
        """Wire a pod. A failure leaves nothing behind.

        Raises:
            CniNotReadyError: there is no configuration.
            CniPluginError: a plugin refused.

        """
        network = self.load()
        return self._keep(network, attachment, await drive(self._programs, chain.add(network, attachment)))

    async def delete(self, attachment: Attachment) -> None:
        """Undo ``add``; nothing happens if it was undone, or if there never was a configuration."""
        planned = self._deletion(attachment)
        if planned is not None:
            await drive(self._programs, planned[1])
        self._records.forget(attachment)

    async def check(self, attachment: Attachment) -> None:
        """Ask the plugins whether all is as they left it.

        Raises:
            CniPluginError: it is not, or the attachment was never made.

        """
        await drive(self._programs, self._check(attachment)[1])


class InProcessRuntime(Runtime):
    """The same with functions of this process, in the calling thread.

    What it has no functions for it leaves alone, and says so.
    """

    def __init__(self, functions: BlockingDriver, net_d: Path, records: Attachments) -> None:
        super().__init__(net_d, records)
        self._functions = functions

    def add(self, attachment: Attachment) -> Result | None:
        """Wire a pod, as ``CniRuntime.add``; ``None`` if that needs programs."""
        network = self.load()
        if not self._functions.can_run(network):
            return None
        answer = drive_blocking(self._functions, chain.add(network, attachment))
        return self._keep(network, attachment, answer)

    def delete(self, attachment: Attachment) -> bool:
        """Undo ``add``; false if that needs programs."""
        planned = self._deletion(attachment)
        if planned is not None:
            network, calls = planned
            if not self._functions.can_run(network):
                return False
            drive_blocking(self._functions, calls)
        self._records.forget(attachment)
        return True

    def check(self, attachment: Attachment) -> bool:
        """Ask the plugins whether all is as they left it; false if that needs programs."""
        network, calls = self._check(attachment)
        if not self._functions.can_run(network):
            return False
        drive_blocking(self._functions, calls)
        return True


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
