"""Watchers of a container's output, fast and slow, with the shim's own loop."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from netemu.runtime.control import Loop
from netemu.runtime.logfile import LogFile
from netemu.runtime.streams import LoggedStreams

PIPE_BYTES = 64 * 1024


class Played:
    """A container's streams, and the command's ends of them."""

    def __init__(self, directory: Path) -> None:
        self.loop = Loop()
        self.log_path = directory / "0.log"
        read, self.command_out = os.pipe()
        self.command_in, stdin = os.pipe()
        os.set_blocking(self.command_out, False)
        self.streams = LoggedStreams(self.loop, LogFile(str(self.log_path)), stdin, {"stdout": read})

    def say(self, data: bytes) -> None:
        os.write(self.command_out, data)
        self.loop.turn()


@pytest.fixture
def played(tmp_path):
    made = Played(tmp_path)
    yield made
    made.streams.close()
    os.close(made.command_out)
    os.close(made.command_in)


def test_a_watcher_gets_what_is_said_from_then_on(played):
    played.say(b"before\n")
    (follower,) = played.streams.follow()
    played.say(b"after\n")

    assert os.read(follower.read_fd, 100) == b"after\n"
    os.close(follower.read_fd)


def test_the_log_has_everything_all_the_same(played):
    (follower,) = played.streams.follow()
    played.say(b"one\n")

    assert b"stdout F one\n" in played.log_path.read_bytes()
    os.close(follower.read_fd)


def test_who_leaves_does_not_disturb_the_container(played):
    (follower,) = played.streams.follow()
    os.close(follower.read_fd)
    played.say(b"one\n")
    played.say(b"two\n")

    assert b"stdout F two\n" in played.log_path.read_bytes()
    assert follower.is_gone


def test_who_does_not_read_holds_up_the_container_and_loses_nothing(played):
    (follower,) = played.streams.follow()
    for _ in range(4):
        played.say(b"x" * 16_384)
    played.say(b"y" * 16_384)
    assert follower.is_behind

    first = os.read(follower.read_fd, PIPE_BYTES)
    played.loop.turn()

    assert first + os.read(follower.read_fd, PIPE_BYTES) == b"x" * PIPE_BYTES + b"y" * 16_384
    os.close(follower.read_fd)


def test_a_container_goes_on_when_a_slow_watcher_leaves(played):
    (follower,) = played.streams.follow()
    for _ in range(5):
        played.say(b"x" * 16_383 + b"\n")
    os.close(follower.read_fd)
    played.loop.turn()
    played.say(b"two\n")

    assert b"stdout F two\n" in played.log_path.read_bytes()


def test_watchers_get_the_end_after_the_last_word(played):
    (follower,) = played.streams.follow()
    os.write(played.command_out, b"last")
    played.streams.close()

    assert [os.read(follower.read_fd, 100) for _ in range(2)] == [b"last", b""]
    os.close(follower.read_fd)


def test_input_is_shared_unless_there_is_only_one(played):
    shared = played.streams.open_input(only_one=False)
    last = played.streams.open_input(only_one=True)
    none_left = played.streams.open_input(only_one=False)
    os.write(shared, b"a")
    os.write(last, b"b")
    os.close(shared)
    os.close(last)

    assert (os.read(played.command_in, 9), os.read(played.command_in, 9), none_left) == (b"ab", b"", -1)
