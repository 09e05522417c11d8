"""[IO] Subcommands that say one thing and end."""

from __future__ import annotations

import os
import signal
import sys

from netemu.agnhost import pause as pausing
from netemu.agnhost import webserver
from netemu.agnhost.flags import parse_flags


def entrypoint(_args: tuple[str, ...]) -> int:
    """Print this program's whole command line, as Go prints a slice."""
    print(f"[{' '.join(sys.argv)}]")
    return 0


def pause(args: tuple[str, ...]) -> int:
    """Wait until we are told to end; the code says how."""
    parse_flags(args, {})
    signals = {signal.SIGINT, signal.SIGTERM}
    signal.pthread_sigmask(signal.SIG_BLOCK, signals)
    print(pausing.SAID, flush=True)
    return 1 if signal.sigwait(signals) == signal.SIGINT else 2


def effective_user(_args: tuple[str, ...]) -> int:
    """Print the effective user's number."""
    print(f"Effective uid: {os.geteuid()}")
    return 0


def file_of_webserver(args: tuple[str, ...]) -> int:
    """Write what test-webserver answers for a path, for the server that plays it outside."""
    sys.stdout.buffer.write(webserver.encode(webserver.find(args[0])))
    return 0
