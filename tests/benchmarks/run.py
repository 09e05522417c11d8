"""Measure what the command line names, or everything; see README.md beside this file."""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
import time

import bench_api
import bench_commands
import bench_cycles
import bench_dns
import bench_memory
import bench_network
import bench_pods
import bench_rules
import bench_services
import bench_storm
import bench_thousand
import bench_up
from progress import say
from results import Measurement, MeasurementError, Result, render_table, to_json

MEASUREMENTS: dict[str, Measurement] = {
    "up": bench_up.measure,
    "pods": bench_pods.measure,
    "network": bench_network.measure,
    "services": bench_services.measure,
    "rules": bench_rules.measure,
    "storm": bench_storm.measure,
    "dns": bench_dns.measure,
    "memory": bench_memory.measure,
    "api": bench_api.measure,
    "commands": bench_commands.measure,
    "thousand": bench_thousand.measure,
    "cycles": bench_cycles.measure,
}


def main() -> int:
    """Measure; the exit status is 1 when something could not be measured."""
    options = _parser().parse_args()
    results: list[Result] = []
    failed: dict[str, str] = {}
    for name in options.names or MEASUREMENTS:
        start = time.monotonic()
        say(f"{name} …")
        try:
            results += MEASUREMENTS[name]()
        except MeasurementError as err:
            failed[name] = str(err)
            say(f"{name} could not be measured: {err}")
        say(f"{name} took {time.monotonic() - start:.1f} s")
    if options.json != "-":
        print(render_table(results))
    if options.json:
        _write_json(options.json, results, failed)
    return 1 if failed else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="scripts/bench", description=__doc__)
    parser.add_argument(
        "names", nargs="*", metavar="NAME", type=_name, help=f"one of: {', '.join(MEASUREMENTS)}"
    )
    parser.add_argument(
        "--json", metavar="FILE", help="write the results as JSON ('-': instead of the table)"
    )
    return parser


def _name(text: str) -> str:
    if text not in MEASUREMENTS:
        raise argparse.ArgumentTypeError(f"there is no measurement {text!r}: {', '.join(MEASUREMENTS)}")
    return text


def _write_json(path: str, results: list[Result], failed: dict[str, str]) -> None:
    document = {
        "machine": {
            "kernel": platform.release(),
            "cpus": os.cpu_count(),
            "python": platform.python_version(),
        },
        "results": [to_json(result) for result in results],
        "failed": failed,
    }
    text = json.dumps(document, indent=2) + "\n"
    if path == "-":
        sys.stdout.write(text)
    else:
        with open(path, "w") as file:
            file.write(text)


if __name__ == "__main__":
    sys.exit(main())
