"""Probes."""

from __future__ import annotations

import pytest

from netemu.api.errors import NotFoundError
from netemu.apiserver.health import CHECKS, PROBES, Health, probe


def asked(name, check="", missing="", *, verbose=False, excluded=()):
    return probe(name, check, missing, verbose=verbose, excluded=frozenset(excluded))


@pytest.mark.parametrize(
    ("health", "expected"),
    [
        pytest.param(asked("livez", missing="DNS"), Health("ok"), id="alive-though-not-ready"),
        pytest.param(asked("readyz"), Health("ok"), id="ready"),
        pytest.param(asked("readyz", missing="DNS"), Health("ok"), id="ready-though-the-cluster-is-not"),
        pytest.param(asked("readyz", "cluster"), Health("ok"), id="the-cluster-is-ready"),
        pytest.param(asked("readyz", "ping", "DNS"), Health("ok"), id="one-check"),
        pytest.param(asked("readyz", "poststarthook/rbac/bootstrap-roles"), Health("ok"), id="deep-check"),
        pytest.param(
            asked("readyz", "cluster", "DNS"),
            Health("internal server error: DNS\n", False),
            id="the-cluster-is-not-ready",
        ),
    ],
)
def test_a_probe_says_whether_all_is_well(health, expected):
    assert health == expected


@pytest.mark.parametrize("name", PROBES)
def test_a_verbose_probe_names_every_check(name):
    lines = asked(name, verbose=True).text.split("\n")

    assert lines == [*(f"[+]{check} ok" for check in CHECKS[name]), f"{name} check passed", ""]
    assert lines[:3] == ["[+]ping ok", "[+]log ok", "[+]etcd ok"]


def test_checks_that_are_left_out_are_told_apart_from_those_that_do_not_exist():
    text = asked("readyz", verbose=True, excluded=["shutdown", "zeta", "alpha"]).text

    assert "[+]shutdown excluded: ok\n" in text
    assert text.endswith(
        'warn: some health checks cannot be excluded: no matches for "alpha","zeta"\nreadyz check passed\n'
    )


def test_an_unknown_check_is_not_found():
    with pytest.raises(NotFoundError):
        asked("livez", "cluster")
