"""The control groups of one node's containers: limits of processes, memory and CPU, and what is used.

Works with version 2 where the machine hands its controllers down, with version 1 otherwise; where
neither can be written, containers go without. A node has one group in each hierarchy, named like its
network namespace and recorded before it is made, with one group in it for each container that is
processes.
"""

from __future__ import annotations

import json
import os
import time

TYPE_CHECKING = False  # typing.TYPE_CHECKING without importing typing (0.6 MB a shim)
if TYPE_CHECKING:
    from collections.abc import Iterator

    from netemu.runtime.wire import LimitsJson

ROOT = "/sys/fs/cgroup"
CONTROLLERS = ("pids", "memory", "cpu", "cpuacct")
MAX_PROCESSES = 1024  # of one container: a fork bomb ends there
_PERIOD_US = 100_000
# A quarter of a process's share of a busy processor: the machine and netemu itself go before containers.
_WEIGHTS = {False: ("cpu.shares", "256"), True: ("cpu.weight", "25")}
_LOOK_AGAIN_S = 0.002  # version 1 has no event for a group that became empty


class Usage:
    """What a container has used: processor time since its start, and memory that cannot be taken back."""

    def __init__(self, cpu_s: float, memory_bytes: int) -> None:
        self.cpu_s = cpu_s
        self.memory_bytes = memory_bytes


class Hierarchy:
    """A directory in which groups can be made, and the controllers that they then have."""

    def __init__(self, path: str, controllers: frozenset[str], *, is_unified: bool) -> None:
        self.path = path
        self.controllers = controllers
        self.is_unified = is_unified


def find_hierarchies(own: str = "/proc/self/cgroup", root: str = ROOT) -> list[Hierarchy]:
    """Find where this process may make groups; below its own, so that its own limits hold on."""
    if os.path.exists(f"{root}/cgroup.controllers"):
        # A group with processes in it hands nothing down, so ours are below the root, of what it hands down.
        handed = _read(f"{root}/cgroup.subtree_control").split()
        found = [Hierarchy(root, frozenset(CONTROLLERS) & {*handed}, is_unified=True)]
    else:
        found = list(_find_separate(_read(own), root))
    return [each for each in found if each.controllers and os.access(each.path, os.W_OK)]


def _find_separate(own: str, root: str) -> Iterator[Hierarchy]:
    """Find version 1's hierarchies; its files say ``4:memory:/some/group``."""
    for line in own.splitlines():
        _, names, path = line.split(":", 2)
        controllers = frozenset(CONTROLLERS) & {*names.split(",")}
        if controllers:
            mounted = f"{root}/{names}"
            below = f"{mounted}{path}".rstrip("/")
            yield Hierarchy(below if os.path.isdir(below) else mounted, controllers, is_unified=False)


class Cgroups:
    """The groups of a node's containers, opened before the node's own mounts hide them.

    ``limits_processes`` says whether they bound how many processes a container has.
    """

    def __init__(self, name: str, record: str, hierarchies: list[Hierarchy] | None = None) -> None:
        self._name = name
        self._record = record
        self._found = find_hierarchies() if hierarchies is None else hierarchies
        self._bases = [os.open(each.path, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC) for each in self._found]
        self.limits_processes = any("pids" in each.controllers for each in self._found)
        self._is_made = False
        self._members: set[str] = set()
        self._left: set[str] = set()

    def open(self, container: str, limits: LimitsJson) -> list[int]:
        """Make a container's groups and give the files that a process writes "0" into to join them.

        What the machine does not let us make now (there may be as many groups as it takes) is gone without.
        """
        self._left.discard(container)
        self._members.add(container)
        try:
            self._make_node()
            for hierarchy, base in zip(self._found, self._bases, strict=True):
                group = f"{self._name}/{container}"
                _make(group, base)
                for name, value in _settings(hierarchy, limits):
                    _write(f"{group}/{name}", value, base)
        except OSError:
            self._is_made = False  # somebody may have removed it: the next container tries again
        return self.files(container)

    def files(self, container: str) -> list[int]:
        """Give those files of groups that are made; none if there are none."""
        if container not in self._members:
            return []
        opened = (_open(f"{self._name}/{container}/cgroup.procs", base) for base in self._bases)
        return [fd for fd in opened if fd >= 0]

    def limit(self, container: str, limits: LimitsJson) -> None:
        """Change a container's limits; what it has no limit for stays as it is."""
        if container not in self._members:
            return
        for hierarchy, base in zip(self._found, self._bases, strict=True):
            for name, value in _settings(hierarchy, limits):
                _write(f"{self._name}/{container}/{name}", value, base)

    def usage(self, container: str) -> Usage | None:
        """Tell what a container has used; ``None`` where no group counts it."""
        if container not in self._members:
            return None
        cpu_s = memory = None
        for hierarchy, base in zip(self._found, self._bases, strict=True):
            group = f"{self._name}/{container}"
            if hierarchy.is_unified:
                cpu_s = _field(f"{group}/cpu.stat", "usage_usec", base) / 1e6
            elif "cpuacct" in hierarchy.controllers:
                cpu_s = int(_read(f"{group}/cpuacct.usage", base) or 0) / 1e9
            if "memory" in hierarchy.controllers:
                memory = _working_set(group, base, is_unified=hierarchy.is_unified)
        return None if cpu_s is None or memory is None else Usage(cpu_s, memory)

    def was_out_of_memory(self, container: str) -> bool:
        """Tell whether the kernel killed a process of a container for its memory limit."""
        if container not in self._members:
            return False
        return any(
            _field(f"{self._name}/{container}/{file}", "oom_kill", base)
            for hierarchy, base in zip(self._found, self._bases, strict=True)
            if "memory" in hierarchy.controllers
            for file in (["memory.events"] if hierarchy.is_unified else ["memory.oom_control"])
        )

    def remove(self, container: str) -> None:
        """Remove a container's groups; those that still have a process in them, with ``sweep``."""
        if container in self._members:
            self._members.discard(container)
            self._left.add(container)
            self.sweep()

    def sweep(self) -> None:
        """Remove what ``remove`` could not yet."""
        for container in list(self._left):
            gone = [_remove(f"{self._name}/{container}", base) for base in self._bases]
            if all(gone):
                self._left.discard(container)

    def _make_node(self) -> None:
        """Make the node's own group, recorded first; what an earlier shim left in it is removed."""
        if self._is_made or not self._found:
            return
        os.makedirs(self._record, exist_ok=True)
        with open(f"{self._record}/{self._name}", "w") as file:
            json.dump({"directories": [f"{each.path}/{self._name}" for each in self._found]}, file)
        for hierarchy, base in zip(self._found, self._bases, strict=True):
            _make(self._name, base)
            self._left |= _groups_in(self._name, base)
            if hierarchy.is_unified:
                handed = " ".join(f"+{name}" for name in hierarchy.controllers)
                _write(f"{self._name}/cgroup.subtree_control", handed, base)
            if "cpu" in hierarchy.controllers:
                name, weight = _WEIGHTS[hierarchy.is_unified]
                _write(f"{self._name}/{name}", weight, base)
        self._is_made = True
        self.sweep()


def remove_tree(directory: str, within_s: float = 5.0) -> bool:
    """Remove a node's group with those in it, once their processes, which were killed, are gone.

    Returns:
        Whether nothing is left.

    """
    deadline_s = time.monotonic() + within_s
    while True:
        for path, _, _ in os.walk(directory, topdown=False):
            _remove(path, None)
        if not os.path.isdir(directory):
            return True
        if time.monotonic() > deadline_s:
            return False
        time.sleep(_LOOK_AGAIN_S)


def _settings(hierarchy: Hierarchy, limits: LimitsJson) -> Iterator[tuple[str, str]]:
    memory, quota_us = limits["memory_bytes"], int(limits["cpus"] * _PERIOD_US)
    if "pids" in hierarchy.controllers:
        yield "pids.max", str(MAX_PROCESSES)
    if "memory" in hierarchy.controllers and memory:
        if hierarchy.is_unified:
            yield from (("memory.max", str(memory)), ("memory.swap.max", "0"), ("memory.oom.group", "1"))
        else:
            # With swap it may never be less than without: first when it grows, last when it shrinks.
            names = ("memory.memsw.limit_in_bytes", "memory.limit_in_bytes", "memory.memsw.limit_in_bytes")
            yield from ((name, str(memory)) for name in names)
    if "cpu" in hierarchy.controllers and quota_us:
        if hierarchy.is_unified:
            yield "cpu.max", f"{quota_us} {_PERIOD_US}"
        else:
            yield "cpu.cfs_quota_us", str(quota_us)


def _working_set(group: str, base: int, *, is_unified: bool) -> int:
    """Give the memory that counts against a limit, as a kubelet reports it."""
    used = int(_read(f"{group}/{'memory.current' if is_unified else 'memory.usage_in_bytes'}", base) or 0)
    field = "inactive_file" if is_unified else "total_inactive_file"
    return max(0, used - _field(f"{group}/memory.stat", field, base))


def _make(path: str, base: int) -> None:
    try:
        os.mkdir(path, dir_fd=base)
    except FileExistsError:
        return


def _groups_in(path: str, base: int) -> set[str]:
    fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC, dir_fd=base)
    try:
        with os.scandir(fd) as entries:
            return {entry.name for entry in entries if entry.is_dir()}
    finally:
        os.close(fd)


def _remove(path: str, base: int | None) -> bool:
    try:
        os.rmdir(path, dir_fd=base)
    except FileNotFoundError:
        return True
    except OSError:  # EBUSY: a process of it is on its way out
        return False
    return True


def _write(path: str, value: str, base: int) -> None:
    """Set a limit; one that this kernel does not have (swap) is not needed."""
    fd = _open(path, base)
    if fd < 0:
        return
    try:
        os.write(fd, value.encode())
    except OSError:
        return
    finally:
        os.close(fd)


def _open(path: str, base: int) -> int:
    """Open a file of a group to write; -1 if it is not there."""
    try:
        return os.open(path, os.O_WRONLY | os.O_CLOEXEC, dir_fd=base)
    except OSError:
        return -1


def _read(path: str, base: int | None = None) -> str:
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC, dir_fd=base)
    except OSError:
        return ""
    with open(fd) as file:
        return file.read()


def _field(path: str, name: str, base: int) -> int:
    words = (line.split() for line in _read(path, base).splitlines())
    return next((int(pair[1]) for pair in words if pair[0] == name), 0)
