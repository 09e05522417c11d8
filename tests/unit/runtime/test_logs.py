from __future__ import annotations

import asyncio
import io
import time

import pytest

from netemu.runtime.cri import render_entry
from netemu.runtime.logfile import LogFile
from netemu.runtime.logs import read_log, tail_offset

SECOND_NS = 1_000_000_000


async def read(path, **options):
    return b"".join([chunk async for chunk in read_log(path, **options)])


@pytest.fixture
def path(tmp_path):
    """A log of three lines, one of them in two parts, written one second after the other until now."""
    now_ns = time.time_ns()
    entries = [("a", False), ("b-", True), ("b", False), ("c", False)]
    (tmp_path / "0.log").write_bytes(
        b"".join(
            render_entry(now_ns - (60 - 20 * number) * SECOND_NS, "stdout", text.encode(), partial=partial)
            for number, (text, partial) in enumerate(entries)
        )
    )
    return tmp_path / "0.log"


@pytest.mark.parametrize(
    ("options", "text"),
    [
        pytest.param({}, b"a\nb-b\nc\n", id="all"),
        pytest.param({"tail_lines": 1}, b"c\n", id="last-line"),
        pytest.param({"tail_lines": 0}, b"", id="no-line"),
        pytest.param({"tail_lines": 99}, b"a\nb-b\nc\n", id="more-than-there-are"),
        pytest.param({"since_s": 10}, b"c\n", id="young-ones"),
        pytest.param({"limit_bytes": 3}, b"a\nb", id="cut-off"),
    ],
)
async def test_a_reader_sees_the_part_that_it_asked_for(path, options, text):
    assert await read(path, **options) == text


async def test_timestamps_come_before_lines_and_not_before_their_parts(path):
    lines = (await read(path, timestamps=True)).splitlines()

    assert [line.split(b" ", 1)[1] for line in lines] == [b"a", b"b-b", b"c"]


async def test_a_log_that_does_not_exist_is_empty(tmp_path):
    assert await read(tmp_path / "none.log") == b""
    assert await read(tmp_path / "none" / "none.log", follow=True) == b""


async def test_an_entry_that_a_crash_cut_off_is_left_out(path):
    with path.open("ab") as file:
        file.write(b"2016-10-06T00:17\n")

    assert await read(path) == b"a\nb-b\nc\n"


async def test_following_ends_when_the_writer_closes(tmp_path):
    log = LogFile(str(tmp_path / "0.log"))
    log.write("stdout", [(b"before", False)])
    chunks = read_log(tmp_path / "0.log", follow=True, ended=lambda: False)

    assert await anext(chunks) == b"before\n"
    log.write("stdout", [(b"after", False)])
    assert await anext(chunks) == b"after\n"
    log.write("stdout", [(b"last", False)])
    log.close()
    assert [chunk async for chunk in chunks] == [b"last\n"]


async def test_following_goes_on_through_a_rotation_and_loses_nothing(tmp_path):
    words = [f"line-{number}".encode() for number in range(50)]
    log = LogFile(str(tmp_path / "0.log"), rotate_at_bytes=400)

    async def write():
        for word in words:
            log.write("stdout", [(word, False)])
            await asyncio.sleep(0)
            await asyncio.sleep(0)
        log.close()

    async with asyncio.timeout(60), asyncio.TaskGroup() as group:
        log.write("stdout", [(b"first", False)])
        reader = group.create_task(read(tmp_path / "0.log", follow=True, ended=lambda: False))
        await asyncio.sleep(0)
        group.create_task(write())

    assert reader.result().splitlines() == [b"first", *words]


async def test_following_a_log_of_a_container_that_has_ended_ends_at_once(path):
    assert await read(path, follow=True, ended=lambda: True) == b"a\nb-b\nc\n"


@pytest.mark.parametrize("lines", [0, 1, 2, 1000, 5000])
def test_the_tail_is_found_across_blocks(lines):
    every = [b"%d %s\n" % (number, b"x" * (number % 90)) for number in range(3000)]
    file = io.BytesIO(b"".join(every))

    file.seek(tail_offset(file, lines))

    assert file.read() == b"".join(every[len(every) - min(lines, len(every)) :])
