"""When schedules are due."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from netemu.api.cron import parse_schedule

BERLIN = ZoneInfo("Europe/Berlin")


def moment(text, zone=UTC):
    return datetime.fromisoformat(text).replace(tzinfo=zone).timestamp()


def due(schedule, after, zone=UTC, count=1):
    """The next times after a wall time of UTC, as text in the zone."""
    at_s, found = moment(after), []
    for _ in range(count):
        at_s = parse_schedule(schedule).next_after(at_s, zone)
        found.append(datetime.fromtimestamp(at_s, zone).strftime("%Y-%m-%d %H:%M"))
    return found


@pytest.mark.parametrize(
    ("schedule", "after", "expected"),
    [
        ("* * * * *", "2026-01-01 10:00:30", "2026-01-01 10:01"),
        ("*/15 * * * *", "2026-01-01 10:45", "2026-01-01 11:00"),
        ("5/20 * * * *", "2026-01-01 10:06", "2026-01-01 10:25"),
        ("0 9-17/4 * * *", "2026-01-01 09:00", "2026-01-01 13:00"),
        ("30 4 1,15 * *", "2026-01-02 00:00", "2026-01-15 04:30"),
        ("0 0 * * MON", "2026-01-01 00:00", "2026-01-05 00:00"),
        ("0 0 1 feb ?", "2026-01-01 00:00", "2026-02-01 00:00"),
        ("0 0 29 2 *", "2026-01-01 00:00", "2028-02-29 00:00"),
        ("0 0 13 * FRI", "2026-01-01 12:00", "2026-01-02 00:00"),
        ("0 0 */2 * FRI", "2026-01-01 12:00", "2026-01-02 00:00"),
        ("@hourly", "2026-01-01 10:00", "2026-01-01 11:00"),
        ("@weekly", "2026-01-01 10:00", "2026-01-04 00:00"),
        ("@yearly", "2026-01-01 10:00", "2027-01-01 00:00"),
        ("@every 1h30m", "2026-01-01 10:00", "2026-01-01 11:30"),
    ],
)
def test_the_next_time_is_the_first_one_that_all_fields_allow(schedule, after, expected):
    assert due(schedule, after) == [expected]


def test_what_the_clocks_skip_in_spring_is_not_due():
    assert due("30 2 * * *", "2026-03-28 12:00", BERLIN) == ["2026-03-30 02:30"]


def test_what_the_clocks_show_twice_in_autumn_is_due_twice():
    assert due("30 2 * * *", "2026-10-24 12:00", BERLIN, count=3) == [
        "2026-10-25 02:30",
        "2026-10-25 02:30",
        "2026-10-26 02:30",
    ]


def test_a_zone_shifts_the_day():
    assert parse_schedule("0 0 * * *").next_after(moment("2026-07-01 12:00"), BERLIN) == moment(
        "2026-07-01 22:00"
    )


def test_a_day_that_never_comes_is_not_waited_for():
    assert parse_schedule("0 0 31 2 *").next_after(moment("2026-01-01 00:00")) is None


@pytest.mark.parametrize(
    ("schedule", "words"),
    [
        ("* * * *", "expected exactly 5 fields, found 4: [* * * *]"),
        ("60 * * * *", "end of range (60) above maximum (59): 60"),
        ("* * 0 * *", "beginning of range (0) below minimum (1): 0"),
        ("* * * * 7", "end of range (7) above maximum (6): 7"),
        ("30-10 * * * *", "beginning of range (30) beyond end of range (10): 30-10"),
        ("*/0 * * * *", "step of range should be a positive number: */0"),
        ("1-2-3 * * * *", "too many hyphens: 1-2-3"),
        ("*/2/3 * * * *", "too many slashes: */2/3"),
        ("x * * * *", 'failed to parse int from x: strconv.Atoi: parsing "x": invalid syntax'),
        ("@often", "unrecognized descriptor: @often"),
        ("@every soon", 'failed to parse duration @every soon: time: invalid duration "soon"'),
        ("", "empty spec string"),
    ],
)
def test_a_schedule_that_is_none_is_refused_in_kubernetes_words(schedule, words):
    with pytest.raises(ValueError, match=f"^{re.escape(words)}$"):
        parse_schedule(schedule)
