from __future__ import annotations

import asyncio
import os
from types import SimpleNamespace

import pytest

from netemu.api.errors import NotFoundError
from netemu.cluster.errands import MOST_OUTPUT_BYTES, ErrandRunner, converse
from netemu.runtime.errors import DisconnectedError
from netemu.standin.errands import Errand, Outcome

OBJ = {"metadata": {"uid": "u1"}}
ERRAND = Errand(number=4, app="u1_app_0", argv=("ls", "/"), stdin=b"input")


class Session:
    """A command that says ``output`` once it has read its whole input."""

    def __init__(self, output=b"", code=0):
        self._output = output
        self._code = code
        self._ours, self.stdin_fd = os.pipe()
        self.stdout_fd, self._out = os.pipe()
        self.stderr_fd, self._err = os.pipe()
        for fd in (self.stdin_fd, self.stdout_fd, self.stderr_fd):
            os.set_blocking(fd, False)
        self.read = b""
        self.is_closed = False
        self._thread = asyncio.get_running_loop().run_in_executor(None, self._run)

    def _run(self):
        while data := os.read(self._ours, 65536):
            self.read += data
        os.close(self._ours)
        with open(self._out, "wb") as out:
            out.write(self._output)
        os.close(self._err)

    async def wait(self):
        await self._thread
        return self._code

    async def close(self):
        self.is_closed = True


class Reach:
    """Containers that can be entered, or an error."""

    def __init__(self, answer):
        self._answer = answer
        self.asked = []

    async def exec(self, pod, container, argv, *, stdin, tty):
        self.asked.append((pod, container, argv, stdin, tty))
        if isinstance(self._answer, Exception):
            raise self._answer
        self._answer = Session(*self._answer)
        return self._answer


class Sender:
    """Whoever an outcome is told; it may be gone."""

    def __init__(self, *, is_gone=False):
        self._is_gone = is_gone
        self.told = []

    async def finish(self, outcome):
        self.told.append(outcome)
        if self._is_gone:
            raise DisconnectedError("gone")


def nodes(*uids):
    """Nodes whose agents know pods."""
    works = {uid: SimpleNamespace(obj=OBJ) for uid in uids}
    empty = SimpleNamespace(agent=SimpleNamespace(work_of=lambda _: None))
    return {"node-1": empty, "node-2": SimpleNamespace(agent=SimpleNamespace(work_of=works.get))}


async def run(reach, sender, known=nodes("u1"), errand=ERRAND):  # noqa: B008 - a value
    async with asyncio.TaskGroup() as group:
        ErrandRunner(known, reach, group).take(sender, errand)


async def test_a_command_is_run_where_its_app_s_pod_is_and_both_its_outputs_are_told():
    reach, sender = Reach((b"hi\n", 3)), Sender()
    await run(reach, sender)

    assert reach.asked == [(OBJ, "app", ("/bin/sh", "-c", 'exec "$@" 2>&1', "sh", "ls", "/"), True, False)]
    assert sender.told == [Outcome(number=4, text=b"hi\n", code=3)]
    assert (reach._answer.read, reach._answer.is_closed) == (b"input", True)


@pytest.mark.parametrize(
    ("known", "answer", "error"),
    [
        pytest.param(nodes(), (), "container app is gone", id="no-pod"),
        pytest.param(
            nodes("u1"), NotFoundError("container not found"), "container not found", id="no-container"
        ),
        pytest.param(nodes("u1"), OSError("no more descriptors"), "no more descriptors", id="no-room"),
    ],
)
async def test_what_cannot_be_run_is_told_too(known, answer, error):
    sender = Sender()
    await run(Reach(answer), sender, known)

    assert sender.told == [Outcome(number=4, error=error)]


async def test_a_server_that_went_away_meanwhile_harms_nobody():
    sender = Sender(is_gone=True)
    await run(Reach((b"hi", 0)), sender)

    assert len(sender.told) == 1


async def test_more_than_a_pipe_holds_is_written_and_read():
    session = Session(b"o" * 300_000)

    assert await converse(session, b"i" * 300_000) == b"o" * 300_000
    assert session.read == b"i" * 300_000


async def test_no_more_is_remembered_than_anyone_wants_to_see():
    session = Session(b"o" * (MOST_OUTPUT_BYTES + 10))

    assert len(await converse(session, b"")) == MOST_OUTPUT_BYTES
