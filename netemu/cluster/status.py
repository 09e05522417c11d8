"""[IO] What a cluster is now, for ``netemu status``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec

from netemu.cluster.api_address import LOOPBACK, read_port
from netemu.cluster.places import node_rows
from netemu.cluster.processes import DAEMON, find_process
from netemu.cluster.ready import ask_ready
from netemu.cluster.record import Record
from netemu.cluster.saved import get_saved
from netemu.settings import Paths

WORKER_MODULE = b"netemu.dns.server"


def read_status(name: str, paths: Paths) -> dict[str, Any]:
    """Say what a cluster is: settings, places, and our processes with their pids.

    ``state`` is "running", "starting" (the API answers, something is still missing) or
    "stopped" (the daemon is not there; what it made may still forward packets).

    Raises:
        NoClusterError: there is none of that name.

    """
    settings = get_saved(name, paths)
    record = Record(paths.run)
    ready, waits_for = ask_ready(paths.api_socket)
    running = find_process(record, DAEMON) is not None
    return {
        "name": name,
        "state": "running" if ready else "starting" if running else "stopped",
        "waitsFor": "" if ready else waits_for,
        "settings": msgspec.to_builtins(settings),
        "nodes": node_rows(name, paths),
        "processes": _processes(record),
        "apiSocket": str(paths.api_socket),
        "apiServer": f"https://{LOOPBACK}:{read_port(paths)}" if read_port(paths) else "",
        "stateDirectory": str(paths.state),
        "runDirectory": str(paths.run),
    }


def _processes(record: Record) -> list[dict[str, Any]]:
    found = []
    for name, _facts in record.entries("process"):
        running = find_process(record, name)
        if running is not None:
            found.append({"name": name, "pid": running.pid})
            found += [{"name": "dns", "pid": pid} for pid in _workers(running.pid)]
    return found


def _workers(pid: int) -> list[int]:
    try:
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        return [int(c) for c in children if WORKER_MODULE in Path(f"/proc/{c}/cmdline").read_bytes()]
    except FileNotFoundError:
        return []
