"""Apps that end leave nothing behind."""

from __future__ import annotations

import asyncio
import gc
import weakref

import pytest

from netemu.runtime.container import AppSpec
from netemu.standin.host import RunningApp


@pytest.fixture
def no_collection():
    gc.disable()
    yield
    gc.enable()


async def test_an_app_that_was_closed_is_gone_without_a_look_for_garbage(no_collection, tmp_path):
    async with asyncio.TaskGroup() as group:
        app = RunningApp(
            AppSpec(id="u_web_0", app="nginx", netns="n", log_path=str(tmp_path / "0.log")), group
        )
        app.log("served")
        gone = weakref.ref(app)
        app.close()
        del app

    assert gone() is None
    assert "served" in (tmp_path / "0.log").read_text()
