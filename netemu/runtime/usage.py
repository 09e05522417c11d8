"""What containers use where no control group counts it: summed over their processes, by /proc; and
what those of images have written.
"""

from __future__ import annotations

import os

from netemu.runtime.pidspaces import mounts_of

_TICKS = os.sysconf("SC_CLK_TCK")
_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")


def processes_usage(pids: dict[str, int]) -> dict[str, list[float]]:
    """Give processor seconds and resident bytes of containers by the pids of their first processes.

    A process belongs to the container whose mount namespace it is in. Time of children that ended
    is their parents'. netemu's own workers, which are in the machine's namespace, are one process each.
    """
    if not pids:
        return {}
    shared = {mounts_of(1), mounts_of(os.getpid())}
    mounts = {container: mounts_of(pid) for container, pid in pids.items()}
    used = {
        container: list(_usage_of(str(pid))) if mounts[container] in shared else [0.0, 0.0]
        for container, pid in pids.items()
    }
    of = {seen: container for container, seen in mounts.items() if seen not in shared}
    for name in os.listdir("/proc") if of else ():
        if name.isdecimal() and (container := of.get(mounts_of(int(name)) or "-")):
            cpu_s, resident = _usage_of(name)
            used[container][0] += cpu_s
            used[container][1] += resident
    return used


def written_bytes(scratch: str, enough: int) -> int:
    """Give the bytes that a container has written over its image, counted until they are more than enough.

    Without an overlay the image itself was copied there, and nobody can tell.
    """
    if not os.path.isdir(f"{scratch}/workdir/work"):  # which an overlay makes
        return 0
    total = 0
    for directory, _, names in os.walk(f"{scratch}/upper"):
        for name in names:
            try:
                total += os.lstat(f"{directory}/{name}").st_blocks * 512
            except OSError:
                continue  # it has just gone
            if total > enough:
                return total
    return total


def _usage_of(pid: str) -> tuple[float, float]:
    try:
        with open(f"/proc/{pid}/stat", "rb") as stat:
            fields = stat.read().rpartition(b")")[2].split()
    except OSError:
        return 0.0, 0.0
    return sum(int(ticks) for ticks in fields[11:15]) / _TICKS, float(int(fields[21]) * _PAGE_BYTES)
