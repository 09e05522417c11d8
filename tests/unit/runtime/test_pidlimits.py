"""Which kernels bound the processes of a PID namespace."""

from __future__ import annotations

import pytest

from netemu.runtime.pidlimits import is_bounded_by_namespaces


@pytest.mark.parametrize(
    ("release", "bounds"),
    [
        ("6.1.0-28-amd64", False),
        ("6.13.12", False),
        ("6.14.0-rc1", True),
        ("6.14-rc1", True),
        ("6.18.44-fc", True),
        ("7.0.1", True),
    ],
)
def test_a_kernel_bounds_pid_namespaces_since_6_14(release, bounds):
    assert is_bounded_by_namespaces(release) is bounds
