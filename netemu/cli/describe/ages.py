"""Ages as kubectl prints them.

Source: apimachinery ``pkg/util/duration.HumanDuration``: two units where the second still says something.
"""

from __future__ import annotations

from netemu.clock import parse_rfc3339

MINUTE_S, HOUR_S, DAY_S = 60, 3600, 86400


def age_of(timestamp: str | None, now_s: float) -> str:
    """Say how long ago a moment of the API was."""
    return human_duration(now_s - parse_rfc3339(timestamp)) if timestamp else "<unknown>"


def human_duration(duration_s: float) -> str:
    """Render a duration in at most two units."""
    seconds = max(int(duration_s), 0)
    if seconds < 2 * MINUTE_S:
        return f"{seconds}s"
    if seconds < 10 * MINUTE_S:
        return _two(seconds, MINUTE_S, "m", 1, "s")
    if seconds < 3 * HOUR_S:
        return f"{seconds // MINUTE_S}m"
    if seconds < 8 * HOUR_S:
        return _two(seconds, HOUR_S, "h", MINUTE_S, "m")
    if seconds < 2 * DAY_S:
        return f"{seconds // HOUR_S}h"
    if seconds < 8 * DAY_S:
        return _two(seconds, DAY_S, "d", HOUR_S, "h")
    if seconds < 2 * 365 * DAY_S:
        return f"{seconds // DAY_S}d"
    return _two(seconds, 365 * DAY_S, "y", DAY_S, "d")


def _two(seconds: int, unit_s: int, unit: str, rest_s: int, rest_unit: str) -> str:
    whole, rest = divmod(seconds, unit_s)
    rest //= rest_s
    return f"{whole}{unit}{rest}{rest_unit}" if rest else f"{whole}{unit}"
