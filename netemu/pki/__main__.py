"""[IO] Make a cluster's keys in a process of its own, so that no other pays for the library."""

from __future__ import annotations

import argparse
from ipaddress import ip_address
from pathlib import Path

from netemu.clock import system_clock
from netemu.pki.files import PkiFiles
from netemu.pki.invoke import ensure_files


def main() -> None:
    """Make the files that are missing in ``--directory``."""
    parser = argparse.ArgumentParser(prog="netemu.pki")
    parser.add_argument("--directory", type=Path, required=True)
    parser.add_argument("--dns", action="append", default=[])
    parser.add_argument("--ip", action="append", default=[], type=ip_address)
    args = parser.parse_args()
    ensure_files(PkiFiles(args.directory), args.dns, args.ip, now_s=system_clock())


if __name__ == "__main__":
    main()
