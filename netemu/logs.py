"""Structured log lines on standard error: ``time level area.happened key=value …``.

Event names are ``area.happened`` (past tense or state), keys are fixed words (``node``,
``pod``, ``service``, ``key``, ``revision``, ``duration_s``, ``code``). The standard library
does the work: importing structlog alone costs 186 ms, a quarter of what ``netemu up`` may take.
"""

from __future__ import annotations

import json
import logging
import sys
from typing import Any


class Log:
    """Log events of one area of the program."""

    def __init__(self, name: str) -> None:
        self._logger = logging.getLogger(name)

    def debug(self, event: str, **fields: Any) -> None:
        """Log what only someone who looks for a fault wants to see."""
        self._write(logging.DEBUG, event, fields)

    def info(self, event: str, **fields: Any) -> None:
        """Log what happens rarely and matters to whoever reads the log later."""
        self._write(logging.INFO, event, fields)

    def warning(self, event: str, **fields: Any) -> None:
        """Log what went wrong and is tried again or worked around."""
        self._write(logging.WARNING, event, fields)

    def error(self, event: str, *, exc: BaseException | None = None, **fields: Any) -> None:
        """Log what went wrong for good, with its traceback if ``exc`` is given."""
        self._write(logging.ERROR, event, fields, exc)

    def _write(
        self, level: int, event: str, fields: dict[str, Any], exc: BaseException | None = None
    ) -> None:
        if self._logger.isEnabledFor(level):
            pairs = "".join(f" {key}={_render(value)}" for key, value in fields.items())
            self._logger.log(level, "%s%s", event, pairs, exc_info=exc)


def setup_logs(*, verbose: bool = False) -> None:
    """Send this process's log lines to standard error; called once, by its entry point."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(logging.Formatter("%(asctime)s.%(msecs)03d %(levelname).1s %(message)s", "%FT%T"))
    root = logging.getLogger("netemu")
    root.handlers[:] = [handler]
    root.setLevel(logging.DEBUG if verbose else logging.INFO)
    root.propagate = False


def _render(value: Any) -> str:
    text = str(value)
    return text if text and all(c.isprintable() and c not in ' "=' for c in text) else json.dumps(text)
