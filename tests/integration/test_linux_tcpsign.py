"""Signed TCP segments, on the real kernel."""

from __future__ import annotations

from netemu.linux.tcpsign import can_sign


def test_a_kernel_of_debian_can_sign():
    assert can_sign()
