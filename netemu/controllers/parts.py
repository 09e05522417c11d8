"""Keys that say which part of their object is to be looked at, so that a change costs what it is.

A trigger may give a ``Part``; those of one key that come before it is planned are planned
together, as ``Parts``. A planner that gets them must come to the same end as with the whole key.
"""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any, NamedTuple


class Part(NamedTuple):
    """One part of what ``key`` stands for."""

    key: Any
    part: Any


class Parts(NamedTuple):
    """Some parts of what ``key`` stands for."""

    key: Any
    parts: frozenset[Any]


class Pending:
    """Which parts of the waiting keys changed."""

    def __init__(self) -> None:
        self._parts: dict[Hashable, set[Any] | None] = {}

    def add(self, key: Hashable) -> Hashable:
        """Note a key, or a part of one; give the key to wait for."""
        if not isinstance(key, Part):
            self._parts[key] = None
            return key
        noted = self._parts.setdefault(key.key, set())
        if noted is not None:
            noted.add(key.part)
        whole: Hashable = key.key
        return whole

    def take(self, key: Hashable) -> Hashable:
        """Give what is to be planned of a key, and forget it: the whole, unless only parts were noted."""
        parts = self._parts.pop(key, None)
        return key if parts is None else Parts(key, frozenset(parts))
