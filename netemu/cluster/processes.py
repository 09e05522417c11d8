"""[IO] The processes beside the daemon: started once, found again by the record, restarted when dead."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Protocol

from netemu.cluster.record import Record
from netemu.cluster.world import NodePlace
from netemu.errors import NetemuError
from netemu.linux import process
from netemu.linux.process import ProcessId
from netemu.settings import Paths

ENVIRONMENT = ("PATH", "LANG", "LC_ALL", "HOME", "TERM", "NETEMU_STATE_DIR", "NETEMU_RUN_DIR")
GONE_WITHIN_S = 10.0
DAEMON = "daemon"
STANDIN = "standin"
SHIM = "netemu.runtime.server"
"""The module that a shim is."""
_MARK = "NETEMU_MARK"


class Start(Protocol):
    """A way to start a process that outlives this one."""

    def __call__(self, argv: Sequence[str], log_path: Path, *, env: Mapping[str, str]) -> ProcessId:
        """Start it; what it says is appended to ``log_path``."""
        ...


def shim_name(node: str) -> str:
    """Name a node's shim in the record."""
    return f"shim-{node}"


def find_process(record: Record, name: str) -> ProcessId | None:
    """Find a recorded process that still runs."""
    match record.facts("process", name):
        case {"pid": pid, "start_ticks": start_ticks}:
            found = ProcessId(pid, start_ticks)
            return found if process.is_alive(found) else None
        case {"mark": mark}:  # whoever started it died before it could say more
            return process.find_marked(f"{_MARK}={mark}")
        case _:
            return None


def ensure_process(
    record: Record,
    name: str,
    argv: Sequence[str],
    log_path: Path,
    start: Start = process.start_detached,
) -> ProcessId:
    """Give the recorded process of that name, started now if it does not run.

    It bears a mark that is recorded first: whenever we die, somebody finds it.
    """
    found = find_process(record, name)
    if found is not None:
        return found
    log_path.parent.mkdir(parents=True, exist_ok=True)
    mark = os.urandom(8).hex()
    record.add("process", name, {"mark": mark})
    made = start(argv, log_path, env=environment() | {_MARK: mark})
    record.extend("process", name, {"mark": mark, "pid": made.pid, "start_ticks": made.start_ticks})
    return made


def environment() -> dict[str, str]:
    """Give what our processes see of the caller's environment.

    One arena: glibc makes one for each thread otherwise, which costs megabytes and saves nothing
    in a process whose threads wait for the kernel.
    """
    return {name: os.environ[name] for name in ENVIRONMENT if name in os.environ} | {"MALLOC_ARENA_MAX": "1"}


def python(module: str, *args: str) -> tuple[str, ...]:
    """Give the argv of one of our modules, run by this very interpreter.

    ``-P``: no module is taken from the directory that somebody happens to call us in.
    """
    return (sys.executable, "-P", "-m", module, *args)


def standin_argv(paths: Paths) -> tuple[str, ...]:
    """Give the argv of the stand-in server, whose process wires pods as well."""
    return python("netemu.cluster.hands", "--state", str(paths.state), "--run", str(paths.run))


def shim_argv(paths: Paths, node: NodePlace) -> tuple[str, ...]:
    """Give the argv of a node's shim."""
    return python(
        SHIM,
        *("--node", node.name),
        *("--hostname", node.name),
        *("--netns", node.netns),
        *("--netns-dir", str(paths.netns)),
        *("--state", str(paths.node_state(node.name))),
        *("--run", str(paths.node_run(node.name))),
        *("--cluster-run", str(paths.run)),
    )


def end_processes(record: Record, names: Sequence[str]) -> None:
    """Kill recorded processes and wait until they are gone; the kernel ends their children too."""
    found = {name: find_process(record, name) for name in names}
    for running in found.values():
        if running is not None:
            process.kill(running, signal.SIGKILL)
    for name, running in found.items():
        if running is not None and not process.wait_gone(running, GONE_WITHIN_S):
            raise NetemuError(f"{name} (pid {running.pid}) does not end", hint="netemu down again.")
        record.remove("process", name)
