"""The stand-in server: one process owns the sockets of every played container of a cluster.

A socket belongs to the network namespace that it was made in, so that one loop serves pods of
all nodes. It outlives the daemon, which finds it again by its control socket.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import os
import resource
import signal
import socket
from pathlib import Path
from typing import Any

import msgspec

from netemu.linux.memory import give_back_when_idle
from netemu.logs import setup_logs
from netemu.runtime.container import AppSpec
from netemu.runtime.errors import ControlError
from netemu.standin.control import Control
from netemu.standin.errands import Errands, parse_outcome
from netemu.standin.host import Host


def main() -> None:
    """Serve until SIGTERM."""
    parser = argparse.ArgumentParser(prog="python -m netemu.standin.server", description=__doc__)
    parser.add_argument("--socket", type=Path, required=True, help="the control socket")
    parser.add_argument("--netns-dir", type=Path, required=True, help="where network namespaces have names")
    options = parser.parse_args()
    run(options.socket, options.netns_dir)


def run(path: Path, netns_dir: Path) -> None:
    """Be the server, until SIGTERM."""
    setup_logs()
    _raise_descriptor_limit()
    asyncio.run(serve(path, netns_dir))


async def serve(path: Path, netns_dir: Path) -> None:
    """Serve apps on request of whoever may open the control socket."""
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGTERM, stopped.set)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    control = Control()
    async with asyncio.TaskGroup() as group:
        errands = Errands(control.tell_one)
        control.left = errands.fail
        host = Host(group, netns_dir, control.tell_all, errands.run)
        listener = await loop.create_unix_server(
            lambda: control.make_client(lambda request: _take(host, errands, request)),
            sock=bind_private(path),
        )
        gc.freeze()
        thrift = group.create_task(give_back_when_idle(), name="memory")
        await stopped.wait()
        thrift.cancel()
        listener.close()
        path.unlink(missing_ok=True)
        for state in host.states():
            host.stop(state.id)


def bind_private(path: Path) -> socket.socket:
    """Bind a socket that only its owner may connect to, in place of what is there."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    before = os.umask(0o177)
    try:
        listener.bind(str(path))
    finally:
        os.umask(before)
    return listener


def _take(host: Host, errands: Errands, request: dict[str, Any]) -> Any:
    match request["op"]:
        case "hello":
            return {"pid": os.getpid()}
        case "start":
            return host.start(msgspec.convert(request["spec"], AppSpec))
        case "stop":
            return host.stop(request["app"])
        case "finish":
            return errands.finish(parse_outcome(request["outcome"]))
        case "list":
            return host.states()
        case other:
            raise ControlError(f"unknown operation {other!r}")


def _raise_descriptor_limit() -> None:
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


if __name__ == "__main__":
    main()
