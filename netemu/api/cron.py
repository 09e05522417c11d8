"""When a CronJob is due: five fields, or a word, in a time zone. Pure.

Source: the rules of ``robfig/cron`` version 3, which Kubernetes uses: a day must match both the
day of month and the day of week, unless neither is ``*``: then one is enough. What the clocks
skip in spring is not due; what they show twice in autumn is due twice.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, tzinfo
from typing import NamedTuple

from msgspec import Struct

_MONTHS = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"]
_DAYS = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"]

_WORDS = {
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
    "@monthly": "0 0 1 * *",
    "@weekly": "0 0 * * 0",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@hourly": "0 * * * *",
}
_EVERY = "@every "
_DURATION = re.compile(r"([0-9]*\.?[0-9]+)(h|ms|m|s)")
_SECONDS = {"h": 3600.0, "m": 60.0, "s": 1.0, "ms": 0.001}

HORIZON_DAYS = 366 * 5
"""How far ahead a next time is looked for: the 29th of February comes within."""


class _Bounds(NamedTuple):
    low: int
    high: int
    names: tuple[str, ...] = ()


_FIELDS = (
    _Bounds(0, 59),
    _Bounds(0, 23),
    _Bounds(1, 31),
    _Bounds(1, 12, ("", *_MONTHS)),
    _Bounds(0, 6, tuple(_DAYS)),
)


class _Field(NamedTuple):
    values: frozenset[int]
    is_star: bool


class Schedule(Struct, frozen=True):
    """When something is due; ``every_s`` is set for ``@every``, which knows no clock."""

    minute: _Field
    hour: _Field
    day: _Field
    month: _Field
    weekday: _Field
    every_s: int = 0

    def next_after(self, moment_s: float, zone: tzinfo = UTC) -> float | None:
        """Give the first time after a moment; ``None`` if there is none within five years."""
        if self.every_s:
            return float(int(moment_s) + self.every_s)
        start = datetime.fromtimestamp(moment_s, zone)
        for days in range(HORIZON_DAYS):
            day = datetime(start.year, start.month, start.day) + timedelta(days=days)
            if self._is_on(day):
                due = next((at_s for at_s in self._times_of(day, zone) if at_s > moment_s), None)
                if due is not None:
                    return due
        return None

    def _is_on(self, day: datetime) -> bool:
        if day.month not in self.month.values:
            return False
        by_date, by_weekday = day.day in self.day.values, day.isoweekday() % 7 in self.weekday.values
        if self.day.is_star or self.weekday.is_star:
            return by_date and by_weekday
        return by_date or by_weekday

    def _times_of(self, day: datetime, zone: tzinfo) -> Iterator[float]:
        for hour in sorted(self.hour.values):
            found: set[float] = set()
            for minute in self.minute.values:
                wall = day.replace(hour=hour, minute=minute)
                found.update(_moments(wall, zone))
            yield from sorted(found)


def parse_schedule(text: str) -> Schedule:
    """Read a schedule.

    Raises:
        ValueError: it is none; in the words of the library that Kubernetes uses.

    """
    if not text:
        raise ValueError("empty spec string")
    if text.startswith(_EVERY):
        return _every(text)
    if text.startswith("@") and text not in _WORDS:
        raise ValueError(f"unrecognized descriptor: {text}")
    fields = _WORDS.get(text, text).split()
    if len(fields) != 5:
        raise ValueError(f"expected exactly 5 fields, found {len(fields)}: [{' '.join(fields)}]")
    minute, hour, day, month, weekday = map(_field, fields, _FIELDS)
    return Schedule(minute, hour, day, month, weekday)


def _every(text: str) -> Schedule:
    duration = text.removeprefix(_EVERY)
    parts = _DURATION.findall(duration)
    if not parts or "".join(number + unit for number, unit in parts) != duration:
        raise ValueError(f'failed to parse duration {text}: time: invalid duration "{duration}"')
    seconds = sum(float(number) * _SECONDS[unit] for number, unit in parts)
    never = _Field(frozenset(), is_star=False)
    return Schedule(never, never, never, never, never, every_s=max(1, int(seconds)))


def _field(text: str, bounds: _Bounds) -> _Field:
    values: set[int] = set()
    is_star = False
    for part in text.split(","):
        found, star = _range(part, bounds)
        values |= found
        is_star |= star
    return _Field(frozenset(values), is_star)


def _range(text: str, bounds: _Bounds) -> tuple[set[int], bool]:
    span, slash, step_text = text.partition("/")
    if "/" in step_text:
        raise ValueError(f"too many slashes: {text}")
    star = span in ("*", "?")
    if star:
        low, high = bounds.low, bounds.high
    else:
        first, dash, last = span.partition("-")
        if "-" in last:
            raise ValueError(f"too many hyphens: {text}")
        low = _number(first, bounds)
        high = _number(last, bounds) if dash else bounds.high if slash else low
    step = _integer(step_text) if slash else 1
    if low < bounds.low:
        raise ValueError(f"beginning of range ({low}) below minimum ({bounds.low}): {text}")
    if high > bounds.high:
        raise ValueError(f"end of range ({high}) above maximum ({bounds.high}): {text}")
    if low > high:
        raise ValueError(f"beginning of range ({low}) beyond end of range ({high}): {text}")
    if step == 0:
        raise ValueError(f"step of range should be a positive number: {text}")
    return set(range(low, high + 1, step)), star and step == 1


def _number(text: str, bounds: _Bounds) -> int:
    name = text.lower()
    return bounds.names.index(name) if name and name in bounds.names else _integer(text)


def _integer(text: str) -> int:
    if not text.isascii() or not text.removeprefix("-").isdigit():
        raise ValueError(f'failed to parse int from {text}: strconv.Atoi: parsing "{text}": invalid syntax')
    return int(text)


def _moments(wall: datetime, zone: tzinfo) -> Iterator[float]:
    """Give the moments at which the clocks of a zone show a time: one, two or none."""
    for fold in (0, 1):
        moment = wall.replace(tzinfo=zone, fold=fold).astimezone(UTC)
        if moment.astimezone(zone).replace(tzinfo=None, fold=0) == wall:
            yield moment.timestamp()
