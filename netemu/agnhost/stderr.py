"""[IO] Lines on standard error, as Go's logger and klog write them."""

from __future__ import annotations

import os
import time

from netemu.agnhost.golang import klog_line, log_line


def say(line: str) -> None:
    """Write a line with the time in front of it."""
    os.write(2, f"{log_line(line, time.time())}\n".encode(errors="replace"))


def say_klog(line: str, source: str, severity: str = "I") -> None:
    """Write a line of klog; ``source`` is the original's file and line."""
    os.write(2, f"{klog_line(line, time.time(), source, severity)}\n".encode(errors="replace"))
