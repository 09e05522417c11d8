"""Containers of loaded images under a node's shim: their own root, runc, and nothing left behind."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from pathlib import Path

import pytest

from netemu.image.store import ImageStore
from netemu.runtime.container import ImageFiles, Mount, User
from netemu.runtime.logs import read_log
from netemu.testing.images import busybox_layer, docker_archive
from netemu.testing.shims import connect, end_of, eventually_equal, processes, run_to_end


@pytest.fixture
def files(places, tmp_path):
    """Give the files of an image, and the place of a container's own."""
    docker_archive(tmp_path / "box.tar", [busybox_layer()], tags=["box:v1"])
    store = ImageStore(places / "state/images")
    (image,) = store.load(tmp_path / "box.tar")

    def make(**fields):
        scratch = places / "state/nodes/node-1/pods/p/scratch"
        return ImageFiles(root=str(store.root(image)), scratch=str(scratch), **fields)

    return make


async def test_a_container_sees_its_image_and_nothing_of_the_machine(client, spec, files):
    state, said = await run_to_end(client, spec("ls /; hostname; ls /sys/class/net; exit 3", image=files()))

    assert said.split() == [*"bin dev etc proc sys tmp".split(), "web-1", "lo"]
    assert (state.exit_code, state.reason) == (3, "Error")
