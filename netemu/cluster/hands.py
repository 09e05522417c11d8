"""``python -m netemu.cluster.hands``: what works for the daemon on another processor, as one process.

Its loop is the stand-in server; a thread beside it wires pods. Neither keeps the other for long: most
of the wiring is time in the kernel, without the interpreter's lock. Apart they would cost 10 MB more.
"""

from __future__ import annotations

import sys

if __name__ == "__main__":  # who imports this may need them
    sys.modules["ssl"] = None  # type: ignore[assignment]  # asyncio does without: 4 MB
    sys.modules["typing_extensions"] = None  # type: ignore[assignment]  # so does msgspec: 0.6 MB

import argparse
import errno
import os
import socket
import threading
from collections.abc import Callable
from pathlib import Path

from netemu.logs import Log
from netemu.settings import Paths
from netemu.standin.server import bind_private, run

log = Log(__name__)

_PASSING = {errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM, errno.ECONNABORTED}
_PAUSE_S = 0.1
_LONGEST_PAUSE_S = 2.0


def main() -> None:
    """Work until SIGTERM."""
    parser = argparse.ArgumentParser(prog="python -m netemu.cluster.hands", description=__doc__)
    parser.add_argument("--state", type=Path, required=True)
    parser.add_argument("--run", type=Path, required=True)
    options = parser.parse_args()
    paths = Paths(state=options.state, run=options.run)
    listener = bind_private(paths.wirer_socket)
    listener.listen()
    threading.Thread(target=_wire, args=(listener, paths), name="wires", daemon=True).start()
    run(paths.standin_socket, paths.netns)


def _wire(listener: socket.socket, paths: Paths) -> None:
    """Wire pods for one daemon after the other."""
    from netemu.cluster.wires import Workshop, serve  # while the stand-in server starts

    try:
        while True:
            sock = accept(listener, threading.Event().wait)
            workshop = Workshop(paths)
            with sock:
                try:
                    serve(sock, workshop)
                except ConnectionError as err:
                    log.debug("wires.disconnected", error=str(err))
                except Exception as err:  # what somebody sent that nobody can read ends no application
                    log.error("wires.disconnected", exc=err)
                finally:
                    workshop.close()
    except BaseException as err:
        log.error("wires.failed", exc=err)
        os._exit(1)  # the daemon starts this process again


def accept(listener: socket.socket, pause: Callable[[float], object]) -> socket.socket:
    """Take the next connection, also if there is no descriptor for it just now.

    Nobody tells when there is one again, so it is tried after ``pause``, which gets seconds.
    """
    pause_s = _PAUSE_S
    while True:
        try:
            return listener.accept()[0]
        except OSError as err:
            if err.errno not in _PASSING:
                raise
            log.warning("wires.not_accepted", error=str(err), again_s=pause_s)
        pause(pause_s)
        pause_s = min(2 * pause_s, _LONGEST_PAUSE_S)


if __name__ == "__main__":
    main()
