"""The shim's loop."""

from __future__ import annotations

import os

import pytest

from netemu.runtime.control import Control, Loop


@pytest.fixture
def pipe():
    ends = os.pipe()
    yield ends
    for fd in ends:
        os.close(fd)


def test_what_is_watched_is_called_when_there_is_something_to_read(pipe):
    loop, heard = Loop(), []
    loop.watch(pipe[0], lambda: heard.append(os.read(pipe[0], 9)))
    os.write(pipe[1], b"hello")

    loop.turn()

    assert heard == [b"hello"]


@pytest.mark.parametrize("times", [1, 2])
def test_forgetting_is_idempotent(pipe, times):
    loop = Loop()
    loop.watch(pipe[0], lambda: None)

    assert [loop.forget(pipe[0]) for _ in range(times)] == [None] * times


def test_no_descriptor_at_all_can_be_forgotten():
    assert Loop().forget(-1) is None  # the worker of a pod has no sandbox that tells when it is made


class Asker:
    """A client that remembers what it was refused."""

    def __init__(self):
        self.refused = []

    def refuse(self, request, refusal):
        self.refused.append((request["op"], str(refusal)))


def test_a_request_that_goes_wrong_in_a_way_nobody_thought_of_is_refused(tmp_path):
    def take(client, request):
        raise RuntimeError("odd")

    asker = Asker()
    Control(Loop(), str(tmp_path / "s"), take, lambda client: None).take(asker, {"op": "create"})

    assert asker.refused == [("create", "create: RuntimeError('odd')")]
