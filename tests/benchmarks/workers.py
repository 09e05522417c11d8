"""Programs of this directory that measure in namespaces of their own, a line asked, a line answered."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from results import MeasurementError


class Worker:
    """One such program, at work."""

    def __init__(self, what: str, process: subprocess.Popen[str]) -> None:
        self._what = what
        self._process = process
        self.first = self._read()

    def ask(self, word: str) -> float:
        """Ask for one measurement."""
        assert self._process.stdin is not None, "it is piped"
        self._process.stdin.write(f"{word}\n")
        self._process.stdin.flush()
        return float(self._read()["value"])

    def _read(self) -> dict[str, Any]:
        assert self._process.stdout is not None, "it is piped"
        line = self._process.stdout.readline()
        if not line:
            assert self._process.stderr is not None, "it is piped"
            raise MeasurementError(f"{self._what}: {self._process.stderr.read().strip()[-500:]}")
        read: dict[str, Any] = json.loads(line)
        return read


@contextmanager
def working(program: str, *words: str) -> Iterator[Worker]:
    """Have a program at work for the length of a block, in new network and mount namespaces."""
    argv = ["unshare", "--net", "--mount", *_argv(program, *words)]
    pipe = subprocess.PIPE
    with subprocess.Popen(argv, stdin=pipe, stdout=pipe, stderr=pipe, text=True) as process:
        try:
            yield Worker(" ".join((program, *words)), process)
        finally:
            process.kill()


def run(program: str, *words: str) -> None:
    """Run a program to its end.

    Raises:
        MeasurementError: it failed.

    """
    done = subprocess.run(_argv(program, *words), capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise MeasurementError(f"{program} {' '.join(words)}: {done.stderr.strip()[-500:]}")


def _argv(program: str, *words: str) -> list[str]:
    return [sys.executable, str(Path(__file__).with_name(program)), *words]
