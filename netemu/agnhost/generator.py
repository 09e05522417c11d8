"""[IO] ``agnhost logs-generator``: lines of a log, evenly over a time."""

from __future__ import annotations

import random
import signal
import sys
import time

from netemu.agnhost.flags import parse_arguments, parse_duration_flag, parse_number_flag
from netemu.agnhost.golang import render_duration
from netemu.agnhost.model import AppError
from netemu.agnhost.stderr import say_klog

_FLAGS = {"log-lines-total": "0", "run-duration": "0s"}
_SHORT = {"t": "log-lines-total", "d": "run-duration"}
_LETTERS = "bcdfghjklmnpqrstvwxz2456789"  # apimachinery's rand.String
_SOURCE = "logs_generator.go:76"


def run(args: tuple[str, ...]) -> int:
    """Write as many lines as the flags say."""
    flags, _ = parse_arguments(args, _FLAGS, _SHORT)
    total = parse_number_flag("log-lines-total", flags["log-lines-total"])
    duration_s = parse_duration_flag("run-duration", flags["run-duration"])
    if total <= 0:
        raise AppError(f"Invalid total number of lines: {total}", 255)
    if duration_s <= 0:
        raise AppError(f"Invalid duration: {render_duration(duration_s)}", 255)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(2))
    for number in range(total):
        say_klog(line(number), _SOURCE)
        time.sleep(duration_s / total)
    return 0


def line(number: int) -> str:
    """Make a line up, as if an API server had been asked for a pod."""
    method = random.choice(("GET", "POST", "PUT"))
    namespace = random.choice(("kube-system", "default", "ns"))
    pod = "".join(random.choices(_LETTERS, k=random.randrange(3, 5)))
    path = f"/api/v1/namespaces/{namespace}/pods/{pod}"
    return f"{number} {method} {path} {random.randrange(200, 600)}"
