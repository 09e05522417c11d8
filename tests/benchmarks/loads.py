"""Run the load generator in network namespaces."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from cluster import in_netns
from results import MeasurementError

PORT = 5201
SECONDS = 1.0
ROUNDS = 5

_LOAD = str(Path(__file__).with_name("load.py"))


@contextmanager
def serving(netns: str) -> Iterator[None]:
    """Have a load server in a namespace for the length of a block."""
    argv = in_netns(netns, sys.executable, _LOAD, "serve", str(PORT))
    with subprocess.Popen(argv, stdout=subprocess.PIPE, text=True) as server:
        try:
            assert server.stdout is not None, "it is piped"
            if server.stdout.readline().strip() != "listening":
                raise MeasurementError(f"the load server did not start in {netns}")
            yield
        finally:
            server.kill()


def measure(netns: str, what: str, ip: str, port: int = PORT) -> float:
    """Give what a client in a namespace counts in a second: bytes, trips or connections."""
    argv = in_netns(netns, sys.executable, _LOAD, what, ip, str(port), str(SECONDS))
    done = subprocess.run(argv, capture_output=True, text=True, timeout=60, check=False)
    if done.returncode != 0:
        raise MeasurementError(f"{what} from {netns} to {ip}: {done.stderr.strip().splitlines()[-1]}")
    return float(done.stdout)
