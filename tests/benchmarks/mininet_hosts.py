"""Mininet with hosts on Linux bridges: what a host costs from the topology to a started network.

Run by the system's own Python inside a private namespace, with the folder that Debian's packages were
unpacked into (`scripts/mininet`) and the number of hosts; prints milliseconds for each host as JSON.
"""

from __future__ import annotations

import itertools
import json
import os
import sys
import time
from pathlib import Path

SWITCHES = 10


def main(unpacked: Path, hosts: int) -> None:
    """Start a network of ``hosts`` on a row of ten switches, and stop it again."""
    sys.path.insert(0, str(unpacked / "usr/lib/python3/dist-packages"))
    programs = [str(unpacked / part) for part in ("usr/bin", "usr/sbin", "sbin")]
    os.environ["PATH"] = ":".join([*programs, os.environ["PATH"]])
    from mininet.net import Mininet  # type: ignore[import-not-found]
    from mininet.nodelib import LinuxBridge  # type: ignore[import-not-found]

    start_s = time.monotonic()
    net = Mininet(topo=None, switch=LinuxBridge, controller=None, ipBase="10.0.0.0/8")
    switches = [net.addSwitch(f"s{number + 1}") for number in range(SWITCHES)]
    for left, right in itertools.pairwise(switches):
        net.addLink(left, right)
    for number in range(hosts):
        net.addLink(net.addHost(f"h{number + 1}"), switches[number % SWITCHES])
    net.start()
    started_s = time.monotonic()
    net.stop()
    per_host_ms = (started_s - start_s) / hosts * 1000
    stop_ms = (time.monotonic() - started_s) / hosts * 1000
    print(json.dumps({"hosts": hosts, "per_host_ms": per_host_ms, "per_host_stop_ms": stop_ms}))


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
