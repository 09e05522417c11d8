"""How long something took, in few characters (apimachinery ``duration.HumanDuration``). Pure."""

from __future__ import annotations

MINUTE_S, HOUR_S = 60, 3600
YEAR_DAYS = 365


def human_duration(duration_s: float) -> str:
    """Write a duration in at most two units, the finer one only where it matters.

    Clocks differ: up to two seconds in the future are now, more is ``<invalid>``.
    """
    seconds = int(duration_s)
    if seconds < -1:
        return "<invalid>"
    if seconds < 2 * MINUTE_S:
        return f"{max(seconds, 0)}s"
    minutes = seconds // MINUTE_S
    if minutes < 10:
        return _two(minutes, "m", seconds % MINUTE_S, "s")
    if minutes < 3 * 60:
        return f"{minutes}m"
    hours = seconds // HOUR_S
    if hours < 8:
        return _two(hours, "h", minutes % 60, "m")
    if hours < 48:
        return f"{hours}h"
    days = hours // 24
    if days < 8:
        return _two(days, "d", hours % 24, "h")
    if days < 2 * YEAR_DAYS:
        return f"{days}d"
    years = days // YEAR_DAYS
    return _two(years, "y", days % YEAR_DAYS, "d") if years < 8 else f"{years}y"


def _two(much: int, unit: str, little: int, little_unit: str) -> str:
    return f"{much}{unit}{little}{little_unit}" if little else f"{much}{unit}"
