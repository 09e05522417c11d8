"""Probes."""

from __future__ import annotations

import pytest

from netemu.api.errors import NotFoundError
from netemu.apiserver.health import Health, probe


def asked(name, check="", missing="", *, verbose=False, excluded=()):
    return probe(name, check, missing, verbose=verbose, excluded=frozenset(excluded))


@pytest.mark.parametrize(
    ("health", "expected"),
    [
        pytest.param(asked("livez", missing="DNS"), Health("ok"), id="alive-though-not-ready"),
        pytest.param(asked("readyz"), Health("ok"), id="ready"),
        pytest.param(asked("readyz", missing="DNS"), Health("DNS", False), id="waiting"),
        pytest.param(asked("readyz", missing="DNS", excluded=["cluster"]), Health("ok"), id="excluded"),
        pytest.param(asked("readyz", "ping", "DNS"), Health("ok"), id="one-check"),
        pytest.param(asked("readyz", "cluster", "DNS"), Health("DNS", False), id="the-other-check"),
        pytest.param(
            asked("healthz", verbose=True), Health("[+]ping ok\nhealthz check passed\n"), id="verbose"
        ),
        pytest.param(
            asked("readyz", missing="DNS", verbose=True),
            Health("[+]ping ok\n[-]cluster failed: waits for DNS\nreadyz check failed\n", False),
            id="verbose-waiting",
        ),
        pytest.param(
            asked("readyz", missing="DNS", verbose=True, excluded=["cluster"]),
            Health("[+]ping ok\n[+]cluster excluded: ok\nreadyz check passed\n"),
            id="verbose-excluded",
        ),
    ],
)
def test_a_probe_says_what_is_missing(health, expected):
    assert health == expected


def test_an_unknown_check_is_not_found():
    with pytest.raises(NotFoundError):
        asked("livez", "cluster")
