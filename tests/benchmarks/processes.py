"""What the kernel says of processes."""

from __future__ import annotations

from pathlib import Path

from results import MeasurementError


def pss_mb(pid: int) -> float:
    """Give the proportional set size of a process in megabytes."""
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError as err:
        raise MeasurementError(f"process {pid}: {err}") from err
    (kilobytes,) = (int(line.split()[1]) for line in lines if line.startswith("Pss:"))
    return kilobytes / 1024
