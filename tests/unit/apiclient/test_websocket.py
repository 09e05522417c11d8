"""WebSocket frames of a client."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netemu.apiclient.websocket import (
    FrameParser,
    Message,
    Opcode,
    ProtocolError,
    accept_of,
    new_key,
    render_frame,
)


def server_frame(opcode, data, *, final=True):
    """Write a frame as servers do: without a mask."""
    first = (0x80 if final else 0) | opcode
    if len(data) < 126:
        return struct.pack("!BB", first, len(data)) + data
    if len(data) < 1 << 16:
        return struct.pack("!BBH", first, 126, len(data)) + data
    return struct.pack("!BBQ", first, 127, len(data)) + data


def parse(*pieces):
    parser = FrameParser()
    return [message for piece in pieces for message in parser.feed(piece)]


@given(
    messages=st.lists(
        st.tuples(st.sampled_from([Opcode.TEXT, Opcode.BINARY, Opcode.PING]), st.binary(max_size=300))
    ),
    size=st.integers(1, 50),
)
def test_messages_come_out_whole_however_the_bytes_come_in(messages, size):
    stream = b"".join(server_frame(opcode, data) for opcode, data in messages)

    assert parse(*(stream[i : i + size] for i in range(0, len(stream), size))) == messages


@pytest.mark.parametrize("length", [0, 125, 126, 65535, 65536, 200_000])
def test_every_length_has_its_header(length):
    data = bytes(length)

    assert parse(server_frame(Opcode.BINARY, data)) == [Message(Opcode.BINARY, data)]


def test_fragments_are_joined_around_a_ping():
    frames = (
        server_frame(Opcode.BINARY, b"a", final=False),
        server_frame(Opcode.PING, b"?"),
        server_frame(Opcode.CONTINUATION, b"b", final=False),
        server_frame(Opcode.CONTINUATION, b"c"),
    )

    assert parse(*frames) == [Message(Opcode.PING, b"?"), Message(Opcode.BINARY, b"abc")]


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"\x82\x81\x00\x00\x00\x00x", id="masked-by-server"),
        pytest.param(b"\xf2\x01x", id="reserved-bits"),
        pytest.param(b"\x83\x01x", id="unknown-opcode"),
        pytest.param(b"\x80\x01x", id="no-beginning"),
        pytest.param(b"\x82\x7f\x7f" + bytes(7), id="too-long"),
    ],
)
def test_what_is_no_frame_is_refused(data):
    with pytest.raises(ProtocolError):
        parse(data)


def test_a_client_masks_what_it_sends():
    assert render_frame(Opcode.BINARY, b"Hello", mask=bytes.fromhex("37fa213d")) == bytes.fromhex(
        "828537fa213d7f9f4d5158"
    )  # RFC 6455, 5.7


def test_the_handshake_is_proved_as_the_rfc_says():
    assert accept_of("dGhlIHNhbXBsZSBub25jZQ==") == "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
    assert new_key() != new_key()
