"""Play the talk on a cluster of its own: every step is a command, its output, and what it shows.

The steps are in ``demo_steps``. A step whose output does not show what it should ends the demo
with exit status 1; the cluster is removed in any case, unless ``--keep``.
"""

from __future__ import annotations

import argparse
import os
import re
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import NoReturn

from demo_steps import PARTS, Step

CLUSTER = "demo"
ROOT = Path(__file__).parent.parent
KUBECONFIG = f"/tmp/{CLUSTER}.kubeconfig"  # the user's own stays as it is
NETEMU = ROOT / ".venv" / "bin" / "netemu"
TIMEOUT_S = 120
LOOK_AGAIN_S = 0.2


class DemoError(Exception):
    """A step does not show what it should."""


def main() -> None:
    """Play the parts asked for, all by default."""
    parser = argparse.ArgumentParser(prog="scripts/demo", description=__doc__.partition("\n")[0])
    parser.add_argument("--keep", action="store_true", help="leave the cluster for you to play with")
    options = parser.parse_args()
    if os.geteuid() != 0:
        sys.exit("error: the demo makes network namespaces and needs root\n  sudo scripts/demo")
    signal.signal(signal.SIGTERM, _interrupted)
    began_s = time.monotonic()
    try:
        _netemu("down")  # what an earlier --keep may have left
        steps = _play()
    except (DemoError, KeyboardInterrupt) as err:
        print(f"\nThe demo failed: {err}" if str(err) else "\nInterrupted.", file=sys.stderr)
        sys.exit(1 if str(err) else 130)
    finally:
        if options.keep:
            print(f"\nThe cluster stays: export NETEMU_CLUSTER={CLUSTER}; netemu get all; netemu down")
        else:
            _netemu("down")
    print(f"\nAll {steps} steps showed what they should, in {time.monotonic() - began_s:.1f} s.")


def _play() -> int:
    captured: dict[str, str] = {}
    count = 0
    for title, steps in PARTS.items():
        print(f"\n\033[1m{title}\033[0m" if sys.stdout.isatty() else f"\n{title}\n{'=' * len(title)}")
        for step in steps:
            _play_step(step, captured)
            count += 1
    return count


def _play_step(step: Step, captured: dict[str, str]) -> None:
    command = _filled(step.command, captured)
    print(f"\n$ {command}", flush=True)
    deadline_s = time.monotonic() + step.within_s
    while True:
        status, output = _run(command)
        problem = _problem(step, status, output, captured)
        if not problem or time.monotonic() > deadline_s:
            break
        time.sleep(LOOK_AGAIN_S)
    print(_shortened(output, step.lines))
    if problem:
        raise DemoError(f"{command}: {problem}")
    for name, pattern in step.captures.items():
        found = re.search(pattern, output, re.MULTILINE)
        if found is None:
            raise DemoError(f"{command}: its output has no {name} ({pattern})")
        captured[name] = found[1]
    print(f"  => {_filled(step.shows, captured)}", flush=True)


def _problem(step: Step, status: int, output: str, captured: Mapping[str, str]) -> str:
    if status != step.status:
        return f"exit status {status} instead of {step.status}"
    for pattern in step.expect:
        if not re.search(_filled(pattern, captured, escape=True), output, re.MULTILINE):
            return f"its output does not show /{pattern}/"
    for pattern in step.absent:
        if re.search(_filled(pattern, captured, escape=True), output, re.MULTILINE):
            return f"its output shows /{pattern}/"
    return ""


def _filled(text: str, captured: Mapping[str, str], *, escape: bool = False) -> str:
    """Put captured values in place of ``<name>``."""
    for name, value in captured.items():
        text = text.replace(f"<{name}>", re.escape(value) if escape else value)
    return text


def _run(command: str) -> tuple[int, str]:
    program, *words = shlex.split(command)
    argv = [str(NETEMU) if program == "netemu" else program, *words]
    try:
        done = subprocess.run(
            argv,
            cwd=ROOT,
            env={**os.environ, "NETEMU_CLUSTER": CLUSTER, "KUBECONFIG": KUBECONFIG},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=TIMEOUT_S,
            check=False,
        )
    except subprocess.TimeoutExpired as err:
        raise DemoError(f"{command}: no end after {TIMEOUT_S} s") from err
    return done.returncode, done.stdout.decode(errors="replace").rstrip("\n")


def _shortened(output: str, lines: int) -> str:
    """Show the beginning of a long output, saying so."""
    found = output.split("\n")
    rest = [f"… {len(found) - lines} more lines"] if len(found) > lines else []
    return "\n".join(f"  {line}" for line in [*found[:lines], *rest])


def _netemu(*words: str) -> None:
    subprocess.run([NETEMU, *words, "--cluster", CLUSTER], check=True, stderr=subprocess.DEVNULL)


def _interrupted(_signal: int, _frame: object) -> NoReturn:
    raise KeyboardInterrupt


if __name__ == "__main__":
    main()
