"""[IO] The DNS server process: ``python -m netemu.dns.server``, the container of a coredns pod.

It runs in the machine's network namespace, where the API's socket and the machine's resolvers
are; its listening sockets are made in the pod's. It goes on answering from what it knows while
the daemon is away. Everything heavy that it does not need is kept out: two of these run in each
cluster.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path


def main(arguments: list[str] | None = None) -> int:
    """Serve until SIGTERM, and a moment longer."""
    options = _parser().parse_args(arguments)
    sys.modules["ssl"] = None  # type: ignore[assignment]  # asyncio does without: 4 MB less each
    sys.modules["typing_extensions"] = None  # type: ignore[assignment]  # so does msgspec: 0.6 MB
    from netemu.dns.loop import run

    return run(options)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="netemu.dns.server", description=__doc__)
    parser.add_argument("--api-socket", type=Path, required=True, help="the daemon's Unix socket")
    parser.add_argument("--domain", default="cluster.local", help="the cluster domain")
    parser.add_argument("--listen-netns", default="", help="name of the network namespace to listen in")
    parser.add_argument("--netns-dir", type=Path, default=Path("/run/netns"), help="where it is named")
    parser.add_argument("--address", default="0.0.0.0", help="the address to listen on")
    parser.add_argument("--port", type=int, default=53)
    parser.add_argument("--resolv-conf", type=Path, default=Path("/etc/resolv.conf"))
    return parser


if __name__ == "__main__":
    sys.exit(main())
