"""Time as a parameter.

Inside netemu a moment is float seconds since the epoch; at the edge (the API, logs) it is
RFC 3339 text. Whoever needs the time takes a ``Clock``, so that tests can pass one.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime
from functools import lru_cache

Clock = Callable[[], float]

system_clock: Clock = time.time


def format_rfc3339(moment_s: float) -> str:
    """Render a moment as Kubernetes' ``metav1.Time``: whole seconds, UTC, ``Z``."""
    return _format_second(int(moment_s))


def parse_rfc3339(text: str) -> float:
    """Read RFC 3339 text.

    Raises:
        ValueError: ``text`` is not RFC 3339.

    """
    return datetime.fromisoformat(text).timestamp()


@lru_cache(maxsize=64)  # most moments are now: a new pod's objects name it forty times
def _format_second(second: int) -> str:
    return datetime.fromtimestamp(second, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
