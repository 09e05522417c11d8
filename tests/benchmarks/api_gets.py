"""Get one object again and again until standard input ends, then print each get's milliseconds.

A process of its own, so that what else the measurement does is not waited for.
"""

from __future__ import annotations

import json
import select
import sys
import time

from raw_api import RawConnection, render_request
from results import MeasurementError

EVERY_S = 0.005


def main(api_socket: str, path: str) -> None:
    """Get, and print the times as JSON."""
    connection, request = RawConnection(api_socket), render_request("GET", path)
    times_ms = []
    print("getting", flush=True)
    while not select.select([sys.stdin], [], [], EVERY_S)[0]:
        start = time.perf_counter()
        answer = connection.ask(request)
        times_ms.append((time.perf_counter() - start) * 1000)
        if answer.status != 200:
            raise MeasurementError(f"get {path}: {answer.status} {answer.body[:300]!r}")
    print(json.dumps(times_ms))


if __name__ == "__main__":
    main(*sys.argv[1:])
