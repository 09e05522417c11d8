"""A world without a kernel for every test."""

from __future__ import annotations

import pytest

from netemu.testing.world import World


@pytest.fixture(scope="session")
def new_world():
    """The class, for tests that make many."""
    return World


@pytest.fixture
async def world():
    return await World().start()
