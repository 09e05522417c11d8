"""Watching a stand-in, which only has a log; and a container's descriptors."""

from __future__ import annotations

import asyncio
import os
import pty
import termios

import pytest

from netemu.cluster.attachments import AttachedDescriptors, AttachedLog


class PlayedLog:
    """A log that a test writes; it notes whether its reader was closed."""

    def __init__(self) -> None:
        self.lines: asyncio.Queue[bytes] = asyncio.Queue()
        self.is_closed = False

    async def pieces(self):
        try:
            while piece := await self.lines.get():
                yield piece
        finally:
            self.is_closed = True


class PlayedSession:
    """A shim's session with given descriptors."""

    def __init__(self, stdin_fd, stdout_fd, stderr_fd) -> None:
        self.stdin_fd, self.stdout_fd, self.stderr_fd = stdin_fd, stdout_fd, stderr_fd
        self.closed = 0

    async def wait(self):
        return 0

    async def close(self):
        self.closed += 1


@pytest.fixture
def terminal():
    ends = pty.openpty()
    yield ends
    os.close(ends[1])


async def test_a_stand_ins_log_is_its_output_until_it_ends():
    log = PlayedLog()
    attached = AttachedLog(log.pieces())
    for piece in (b"one\n", b"two\n", b""):
        log.lines.put_nowait(piece)

    assert await attached.wait() == 0
    assert [os.read(attached.stdout_fd, 100) for _ in range(2)] == [b"one\ntwo\n", b""]
    os.close(attached.stdout_fd)


async def test_who_leaves_a_stand_in_ends_the_session():
    log = PlayedLog()
    attached = AttachedLog(log.pieces())
    async with asyncio.TaskGroup() as group:
        waiting = group.create_task(attached.wait())
        await asyncio.sleep(0)
        await attached.close()
    os.close(attached.stdout_fd)

    assert (waiting.result(), log.is_closed) == (0, True)


async def test_a_session_that_nobody_waited_for_leaves_no_descriptor():
    attached = AttachedLog(PlayedLog().pieces())
    await attached.close()
    await attached.close()

    assert os.read(attached.stdout_fd, 1) == b""
    os.close(attached.stdout_fd)


async def test_a_terminal_is_resized_even_when_its_input_ended(terminal):
    master, slave = terminal
    attached = AttachedDescriptors(PlayedSession(master, None, None), stdin_once=False)
    os.close(attached.stdin_fd)
    await attached.resize(101, 33)

    assert termios.tcgetwinsize(slave) == (33, 101)
    await attached.close()
    await attached.close()


@pytest.mark.parametrize(
    ("stderr_fd", "stdin_once", "ends"),
    [
        pytest.param(None, True, True, id="terminal"),
        pytest.param(2, True, False, id="input-of-one"),
        pytest.param(2, False, True, id="input-of-many"),
    ],
)
def test_who_has_no_more_input_has_left_unless_the_container_hears_of_it(stderr_fd, stdin_once, ends):
    attached = AttachedDescriptors(PlayedSession(None, 1, stderr_fd), stdin_once=stdin_once)

    assert attached.ends_with_input is ends
