"""[IO] What this kernel and machine offer, what is missing, and the command that mends it."""

from __future__ import annotations

from netemu.linux.probe import Check, probe


def examine() -> list[Check]:
    """Try everything that netemu needs; nothing is left behind."""
    return list(probe())
