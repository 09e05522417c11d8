"""Ages have at most two units."""

import pytest

from netemu.cli.describe.ages import age_of, human_duration


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (-5, "0s"),
        (0, "0s"),
        (119, "119s"),
        (120, "2m"),
        (125, "2m5s"),
        (600, "10m"),
        (3599, "59m"),
        (3 * 3600, "3h"),
        (3 * 3600 + 60, "3h1m"),
        (9 * 3600, "9h"),
        (47 * 3600, "47h"),
        (49 * 3600, "2d1h"),
        (8 * 86400, "8d"),
        (400 * 86400, "400d"),
        (800 * 86400, "2y70d"),
    ],
)
def test_a_duration_is_as_exact_as_helps(seconds, text):
    assert human_duration(seconds) == text


def test_the_age_of_a_moment_needs_one():
    assert age_of("1970-01-01T00:00:10Z", 70) == "60s"
    assert age_of(None, 70) == "<unknown>"
