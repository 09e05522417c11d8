"""SPDY's frames: bytes and values."""

from __future__ import annotations

import contextlib
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netemu.apiserver.streams.dictionary import DICTIONARY
from netemu.apiserver.streams.spdy import (
    Data,
    Decoder,
    Encoder,
    GoAway,
    MoreHeaders,
    Ping,
    Reset,
    Settings,
    SpdyError,
    SynReply,
    SynStream,
    WindowUpdate,
)

streams = st.integers(1, 2**31 - 1)
numbers = st.integers(0, 2**32 - 1)
texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)
headers = st.dictionaries(st.text("abc-xyz", min_size=1, max_size=12), texts, max_size=5)
frames = st.one_of(
    st.builds(SynStream, streams, headers, st.booleans()),
    st.builds(SynReply, streams, headers, st.booleans()),
    st.builds(MoreHeaders, streams, headers, st.booleans()),
    st.builds(Reset, streams, numbers),
    st.builds(Settings, st.dictionaries(st.integers(1, 2**24 - 1), numbers, min_size=1, max_size=3)),
    st.builds(Ping, numbers),
    st.builds(GoAway, streams, numbers),
    st.builds(WindowUpdate, streams, numbers),
    st.builds(Data, streams, st.binary(min_size=1, max_size=300), st.booleans()),
)


def joined(pieces):
    """Give each stream's data as one, with whether it ended; and all other frames, in order."""
    others = [frame for frame in pieces if not isinstance(frame, Data)]
    data = {}
    for frame in [frame for frame in pieces if isinstance(frame, Data)]:
        before, fins = data.get(frame.stream, (b"", 0))
        data[frame.stream] = before + frame.data, fins + frame.fin
    return others, data


def test_the_dictionary_is_the_one_that_everybody_has():
    assert (len(DICTIONARY), zlib.adler32(DICTIONARY)) == (1423, 0xE3C6A7C2)


@given(st.lists(frames, max_size=6), st.integers(1, 50))
def test_reading_is_the_inverse_of_writing_in_pieces_of_any_size(given_frames, size):
    encoder, decoder = Encoder(), Decoder()
    data = b"".join(encoder.encode(frame) for frame in given_frames)

    read = [frame for at in range(0, len(data), size) for frame in decoder.feed(data[at : at + size])]

    assert joined(read) == joined(given_frames)


@given(st.lists(st.binary(max_size=100), max_size=5))
def test_no_bytes_do_worse_than_an_error(pieces):
    decoder = Decoder()
    with contextlib.suppress(SpdyError):
        for piece in pieces:
            list(decoder.feed(piece))


@given(st.sampled_from([1, 2, 3, 4, 6, 7, 8, 9]), st.binary(max_size=60))
def test_no_control_frame_does_worse_than_an_error(kind, payload):
    head = b"\x80\x03" + kind.to_bytes(2, "big") + len(payload).to_bytes(4, "big")
    with contextlib.suppress(SpdyError):
        list(Decoder().feed(head + payload))


def test_an_empty_last_frame_is_an_end():
    assert list(Decoder().feed(Encoder().encode(Data(3, b"", True)))) == [Data(3, b"", True)]


def test_the_end_comes_with_the_last_piece_only():
    data = Encoder().encode(Data(3, b"abcd", True))
    decoder = Decoder()

    first, second = list(decoder.feed(data[:10])), list(decoder.feed(data[10:]))

    assert (first, second) == ([Data(3, b"ab", False)], [Data(3, b"cd", True)])


def test_later_headers_are_compressed_against_earlier_ones():
    encoder = Encoder()
    value = {"streamtype": "a-long-value-that-nobody-expects"}

    first, second = (len(encoder.encode(SynStream(number, value))) for number in (1, 3))

    assert second < first


def test_header_names_have_no_case():
    assert list(Decoder().feed(Encoder().encode(SynStream(1, {"streamType": "error"})))) == [
        SynStream(1, {"streamtype": "error"})
    ]


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"\x80\x02\x00\x01\x00\x00\x00\x00", id="another-version"),
        pytest.param(b"\x80\x03\x00\x01\x00\xff\xff\xff", id="too-long"),
        pytest.param(b"\x80\x03\x00\x06\x00\x00\x00\x00", id="too-short"),
        pytest.param(b"\x80\x03\x00\x01\x00\x00\x00\x0e" + b"\1" * 14, id="not-compressed"),
    ],
)
def test_what_cannot_be_meant_is_an_error(data):
    with pytest.raises(SpdyError):
        list(Decoder().feed(data))


def test_headers_that_unpack_to_too_much_are_refused():
    bomb = Encoder().encode(SynStream(1, {"x": "a" * 300_000}))

    with pytest.raises(SpdyError, match="too long"):
        list(Decoder().feed(bomb))
