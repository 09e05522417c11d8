"""[IO] ``netemud``: API, store, controllers, scheduler, agents and proxies of one cluster.

Run by ``netemu up``; its death leaves every process and every rule it made at work, and its
return finds them again.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import resource
import signal
import sys
from importlib import import_module
from pathlib import Path

from netemu.apiserver.lean import skip_client
from netemu.cluster.api_place import ensure_address, start_keys, wait_keys
from netemu.cluster.fabric import ensure_places
from netemu.cluster.host_access import ensure_access
from netemu.cluster.names import prepare_names
from netemu.cluster.processes import SHIM, STANDIN, ensure_process, shim_argv, shim_name, standin_argv
from netemu.cluster.record import Record
from netemu.cluster.saved import load_saved
from netemu.cluster.switches import off_nodes
from netemu.cluster.world import World, plan_world
from netemu.errors import NetemuError
from netemu.linux import process
from netemu.linux.process import ProcessId
from netemu.logs import Log, setup_logs
from netemu.settings import Paths, Settings

log = Log(__name__)


def main() -> None:
    """Run the daemon of the cluster in ``--state`` until SIGTERM."""
    parser = argparse.ArgumentParser(prog="netemud")
    parser.add_argument("--state", type=Path, required=True)
    parser.add_argument("--run", type=Path, required=True)
    parser.add_argument("--verbose", action="store_true")
    args = parser.parse_args()
    setup_logs(verbose=args.verbose)
    try:
        _run(Paths(state=args.state, run=args.run))
    except NetemuError as err:
        log.error("daemon.failed", exc=err, code=err.code)
        sys.exit(f"error: {_words(err)}")
    except BaseExceptionGroup as group:
        log.error("daemon.failed", exc=group)
        sys.exit(f"error: {_words(_first_of(group))}")


def _run(paths: Paths) -> None:
    settings = load_saved(paths)
    if settings is None:
        raise NetemuError(f"there is no cluster in {paths.state}", hint="netemu up")
    _raise_file_limit()
    gc.disable()
    world, record = plan_world(settings), Record(paths.run)
    keys = prepare_world(world, settings, paths, record)
    # Imported only now: the processes beside us start up while the libraries load.
    skip_client()
    from netemu.cluster.wiring import run_cluster

    collect_rarely()

    async def until_told() -> None:
        loop = asyncio.get_running_loop()
        task = asyncio.current_task()
        assert task is not None
        loop.add_signal_handler(signal.SIGTERM, task.cancel)
        loop.add_signal_handler(signal.SIGINT, task.cancel)
        wait_keys(keys, paths)
        await run_cluster(world, settings, paths, record)

    try:
        asyncio.run(until_told())
    except asyncio.CancelledError:
        log.info("daemon.stopped")


def collect_rarely() -> None:
    """Look for garbage less often than Python does by default.

    Most of what a daemon allocates stays: looking at all of it after each 700 new objects takes
    half the time of a bulk load. What was imported until now is not looked at any more. 100,000
    new objects are looked at within 20 ms, in which nobody is answered; all of them, every 50 million.
    """
    gc.freeze()
    gc.enable()
    gc.set_threshold(20_000, 5, 500)


def prepare_world(world: World, settings: Settings, paths: Paths, record: Record) -> ProcessId | None:
    """Make what is missing of the places, and start what is missing of the processes.

    Returns:
        Who makes the cluster's keys, until it is done.

    """
    keys = start_keys(settings, paths)
    prepare_names(paths)
    ensure_process(record, STANDIN, standin_argv(paths), paths.run / "standin.log", process.start_copied)
    ensure_places(world, settings, paths, record)
    ensure_address(world, settings, paths)
    off = off_nodes(paths)
    import_module(SHIM)  # once, so that all that start share it: 2 MB
    for node in world.nodes:
        for directory in ("etc/cni/net.d", "opt/cni/bin", "var/lib", "var/log"):
            (paths.node_state(node.name) / directory).mkdir(parents=True, exist_ok=True)
        paths.node_run(node.name).mkdir(parents=True, exist_ok=True)
        if node.name in off:
            continue
        log_path = paths.run / f"{shim_name(node.name)}.log"
        ensure_process(record, shim_name(node.name), shim_argv(paths, node), log_path, process.start_copied)
    if settings.host_access:
        ensure_access(world, settings, paths, record)
    return keys


def _first_of(group: BaseExceptionGroup[BaseException]) -> BaseException:
    """Give what went wrong first; the rest followed from it or is in the log."""
    first = group.exceptions[0]
    return _first_of(first) if isinstance(first, BaseExceptionGroup) else first


def _words(err: BaseException) -> str:
    """Give one line, the last of the log, for ``netemu up`` to repeat."""
    text = f"{err.message} {err.hint}" if isinstance(err, NetemuError) else f"{type(err).__name__}: {err}"
    return " ".join(text.split())


def _raise_file_limit() -> None:
    _soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


if __name__ == "__main__":
    main()
