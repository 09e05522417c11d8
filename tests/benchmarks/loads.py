"""Run the load generator, which compares two ways, with its servers in network namespaces."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from results import MeasurementError

PORT = 5201  # for connections; the next one for what is sent over them
SECONDS = 4.0

_PAIRS = str(Path(__file__).with_name("pairs.py"))


@contextmanager
def serving(place: Path) -> Iterator[None]:
    """Have a server in a namespace for the length of a block."""
    argv = ["nsenter", f"--net={place}", sys.executable, _PAIRS, "serve", str(PORT)]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, text=True) as server:
        try:
            assert server.stdout is not None, "it is piped"
            if server.stdout.readline().strip() != "listening":
                raise MeasurementError(f"the server did not start in {place}")
            yield
        finally:
            server.kill()


def compare(what: str, *ways: tuple[Path, str]) -> dict[str, float]:
    """Compare what two ways give a second: each is the namespace of a client, and where it connects to."""
    port = PORT if what in {"connections", "latency"} else PORT + 1
    argv = [sys.executable, _PAIRS, what, *(f"{place}@{ip}:{port}" for place, ip in ways), str(SECONDS)]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=60 + SECONDS, check=False)
    if done.returncode != 0:
        raise MeasurementError(f"{what}: {done.stderr.strip().splitlines()[-1]}")
    seen: dict[str, float] = json.loads(done.stdout)
    return seen
