"""A registry over a store in memory, with a clock that stands still until told."""

from __future__ import annotations

import asyncio
import random

import pytest

from netemu.api.kinds import NAMESPACE
from netemu.apiserver.registry import Registry
from netemu.settings import Settings
from netemu.testing.memory_store import MemoryStore

START_S = 1_700_000_000.0  # 2023-11-14T22:13:20Z


class Clock:
    """A moment that tests move."""

    def __init__(self) -> None:
        self.now_s = START_S

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def store() -> MemoryStore:
    return MemoryStore()


@pytest.fixture
def registry(store: MemoryStore, clock: Clock) -> Registry:
    made = Registry(store, Settings(), clock, rng=random.Random(1))
    asyncio.run(made.create(NAMESPACE, {"metadata": {"name": "default"}}))
    return made
