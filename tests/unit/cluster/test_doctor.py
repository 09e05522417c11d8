from __future__ import annotations

import pytest

from netemu.cluster.doctor import check_frr, check_limits
from netemu.runtime.cgroups import Hierarchy


def hierarchies(*controllers, is_unified):
    return [Hierarchy("/", frozenset({name}), is_unified=is_unified) for name in controllers]


@pytest.mark.parametrize(
    ("is_unified", "detail"),
    [(False, "control groups, version 1"), (True, "control groups, version 2")],
)
def test_a_machine_that_can_limit_everything_is_well(is_unified, detail):
    check = check_limits(hierarchies("pids", "memory", "cpu", is_unified=is_unified))

    assert (check.ok, check.detail) == (True, detail)


@pytest.mark.parametrize(
    ("bounded", "words"),
    [(False, "no limit of processes, processor time:"), (True, "no limit of processor time:")],
)
def test_what_cannot_be_limited_is_named_and_not_needed(bounded, words):
    check = check_limits(hierarchies("memory", is_unified=False), bounded=bounded)

    assert not check.ok
    assert not check.required
    assert words in check.detail
    assert ("a fork bomb in one stops the machine" in check.remedy) is not bounded


def test_frr_is_needed_for_bgp_alone(tmp_path):
    check = check_frr([tmp_path])

    assert (check.ok, check.required) == (False, False)
    assert "scripts/frr" in check.remedy
