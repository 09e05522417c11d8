"""[IO] Watch what is left of a node's disk, and evict pods before it is full.

All nodes share the machine's disk. A node that was given a size keeps to it; one that was not is
under pressure when netemu itself has taken too much of what the disk had left for it: files of
others put no node under pressure.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path

from netemu.agent.eviction import THRESHOLD_MET, Disk, Usage, choose, is_met, sentence, threshold_bytes
from netemu.agent.hostpaths import is_at, is_machines
from netemu.agent.specs import Site
from netemu.agent.work import PodWork
from netemu.api import quantity
from netemu.api.claims import DIRECTORY, claim_of
from netemu.clock import Clock

PERIOD_S = 10.0  # a kubelet's
SIGNAL = "nodefs.available"
_OF_ALL = ("/var/log", "/etc", "/opt")  # of a node, what no pod that sees it has filled alone
_BLOCK_BYTES = 512  # of st_blocks, whatever the file system has


class DiskWatch:
    """One node's disk. ``pods`` lists whom it has, ``evict`` ends one, ``tell`` speaks of the node."""

    def __init__(
        self,
        site: Site,
        pods: Callable[[], Iterable[PodWork]],
        evict: Callable[[PodWork, str], None],
        tell: Callable[[str, str], None],
        clock: Clock,
    ) -> None:
        kubelet = site.settings.kubelet
        self._site = site
        self._threshold = kubelet.eviction_hard.get(SIGNAL, "0")
        self._transition_s = kubelet.eviction_pressure_transition_period
        self._pods = pods
        self._evict = evict
        self._tell = tell
        self._clock = clock
        self._met_at_s: float | None = None

    def is_under_pressure(self) -> bool:
        """Tell whether too little is, or was lately, left."""
        return self._met_at_s is not None and self._clock() < self._met_at_s + self._transition_s

    async def run(self) -> None:
        """Look now and then until cancelled."""
        while True:
            await asyncio.sleep(PERIOD_S)
            await self.look()

    async def look(self) -> None:
        """See what is left, and evict one pod if that is too little."""
        disk = await self._measure()
        if not is_met(self._threshold, disk):
            return
        self._met_at_s = self._clock()
        self._tell(*THRESHOLD_MET)
        works = {work.uid: work for work in self._pods()}
        used = await asyncio.to_thread(lambda: {uid: self._usage(work) for uid, work in works.items()})
        chosen = choose((works[uid].obj, usage) for uid, usage in used.items())
        if chosen is not None:
            pod, usage = chosen
            self._evict(works[pod["metadata"]["uid"]], sentence(self._threshold, disk, pod, usage))

    async def _measure(self) -> Disk:
        settings, paths = self._site.settings, self._site.paths
        there = os.statvfs(paths.state)
        total, free = there.f_blocks * there.f_frsize, there.f_bavail * there.f_frsize
        if settings.node_ephemeral_storage:
            capacity = int(quantity.parse(settings.node_ephemeral_storage))
            taken = await asyncio.to_thread(size_of, paths.node_state(self._site.node))
            return Disk(capacity, max(min(capacity - taken, free), 0))
        if free >= threshold_bytes(self._threshold, total):
            return Disk(total, free)  # so it is also more than that part of less
        taken = await asyncio.to_thread(size_of, paths.state)
        return Disk(free + taken, free)

    def _usage(self, work: PodWork) -> Usage:
        directory = self._site.pod_dir(work.uid)
        logs = self._site.log_dir(work.key.namespace, work.key.name, work.uid)
        names = [container["name"] for container in work.obj["spec"]["containers"]]
        own = _by_container(directory / "containers")
        return Usage(
            containers={name: own.get(name, 0) + size_of(logs / name) for name in names},
            volumes=size_of(directory / "volumes") + sum(map(size_of, self._shared_places(work))),
        )

    def _shared_places(self, work: PodWork) -> Iterator[Path]:
        """Give what a pod has of the node's own file system, which a kubelet would not hold against it."""
        root, namespace = self._site.paths.node_state(self._site.node), work.key.namespace
        for volume in work.obj["spec"].get("volumes") or ():
            claim = claim_of(work.obj, volume)
            if claim:
                yield from (root / DIRECTORY.lstrip("/")).glob(f"*_{namespace}_{claim}")
            path = (volume.get("hostPath") or {}).get("path", "")
            if path.strip("/") and not is_machines(path) and not is_at(path, _OF_ALL):
                yield root / path.lstrip("/")


def size_of(place: Path) -> int:
    """Add up what the files below a directory take on its disk; 0 if it is not there."""
    total = 0
    waiting = [str(place)]
    while waiting:
        try:
            with os.scandir(waiting.pop()) as entries:
                for entry in entries:
                    total += entry.stat(follow_symlinks=False).st_blocks * _BLOCK_BYTES
                    if entry.is_dir(follow_symlinks=False):
                        waiting.append(entry.path)
        except OSError:
            continue  # it went meanwhile
    return total


def _by_container(directory: Path) -> Mapping[str, int]:
    """Give what containers of images wrote over them, by name; each attempt has a directory."""
    found: dict[str, int] = {}
    if directory.is_dir():
        for attempt in directory.iterdir():
            name = attempt.name.split("_")[1]
            found[name] = found.get(name, 0) + size_of(attempt)
    return found
