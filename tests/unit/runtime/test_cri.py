from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netemu.runtime.cri import MAX_PART_BYTES, LineCutter, LogLine, parse_entry, render_entry

MOMENT_NS = 1475712429_669794202  # the example of CRI's own document


def test_an_entry_reads_as_in_the_document_of_cri():
    assert render_entry(MOMENT_NS, "stdout", b"line") == b"2016-10-06T00:07:09.669794202Z stdout F line\n"


@given(st.binary().filter(lambda data: b"\n" not in data), st.booleans())
def test_parsing_is_the_inverse_of_rendering(content, partial):
    entry = parse_entry(render_entry(MOMENT_NS, "stderr", content, partial=partial))

    assert entry == LogLine("2016-10-06T00:07:09.669794202Z", "stderr", partial, content)


@pytest.mark.parametrize(
    "line",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b"2016-10-06T00:07:09.66Z stdout F", id="cut-off"),
        pytest.param(b"2016-10-06T00:07:09.66Z nowhere F x", id="unknown-stream"),
        pytest.param(b"2016-10-06T00:07:09.66Z stdout X x", id="unknown-tag"),
    ],
)
def test_what_is_no_entry_is_refused(line):
    with pytest.raises(ValueError, match="not an entry"):
        parse_entry(line)


@pytest.mark.parametrize(
    ("said", "entries"),
    [
        pytest.param([b"a\n"], [(b"a", False)], id="one-line"),
        pytest.param([b"a\n\nb\n"], [(b"a", False), (b"", False), (b"b", False)], id="an-empty-line"),
        pytest.param([b"a", b"b\nc\n"], [(b"ab", False), (b"c", False)], id="a-line-in-two-reads"),
        pytest.param([b"a\nb"], [(b"a", False), (b"b", True)], id="no-newline-at-the-end"),
        pytest.param(
            [b"x" * MAX_PART_BYTES + b"y\n"],
            [(b"x" * MAX_PART_BYTES, True), (b"y", False)],
            id="a-long-line",
        ),
        pytest.param([], [], id="nothing"),
    ],
)
def test_a_stream_is_cut_into_lines_and_long_lines_into_parts(said, entries):
    cutter = LineCutter()

    assert [entry for data in said for entry in cutter.feed(data)] + cutter.end() == entries


def test_a_line_without_end_does_not_fill_memory():
    cutter = LineCutter()

    parts = cutter.feed(b"x" * (MAX_PART_BYTES * 3 + 5))

    assert parts == [(b"x" * MAX_PART_BYTES, True)] * 3
    assert cutter.end() == [(b"xxxxx", True)]
