from __future__ import annotations

import pytest

from netemu.agnhost import echo_basic
from netemu.agnhost.model import Address, Request, Setting
from netemu.agnhost.websocket import FrameEcho, echo, frame
from netemu.testing.surroundings import FakeSurroundings

TEXT, BINARY, CLOSE, PING, PONG = 1, 2, 8, 9, 10
MASK = b"\x01\x02\x03\x04"


def masked(kind, payload):
    """Give a frame as clients send it."""
    plain = frame(kind, payload)
    head = len(plain) - len(payload)
    hidden = bytes(byte ^ MASK[at % 4] for at, byte in enumerate(payload))
    return plain[:1] + bytes((plain[1] | 0x80,)) + plain[2:head] + MASK + hidden


def handshake(*headers):
    return Request("GET", "/ws", headers, client=Address("10.0.0.1", 1))


def test_a_handshake_is_answered_as_the_rfc_s_example():
    answer = echo(handshake(("Upgrade", "websocket"), ("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ==")))

    assert answer.status == 101
    assert dict(answer.headers)["Sec-WebSocket-Accept"] == "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="


def test_what_is_no_handshake_is_refused():
    assert echo(handshake()).status == 400


@pytest.mark.parametrize(("size", "step"), [(2, 1), (200, 7), (200, 1000), (70_000, 4096)])
def test_what_is_said_comes_back_however_it_arrives(size, step):
    conversation, sent = FrameEcho(), masked(BINARY, b"x" * size)
    answer = b"".join(conversation.feed(sent[at : at + step]) for at in range(0, len(sent), step))

    assert answer == frame(TEXT, b"x" * size)


def test_pings_and_goodbyes_are_answered():
    conversation = FrameEcho()

    assert conversation.feed(masked(PING, b"?") + masked(PONG, b"")) == frame(PONG, b"?")
    assert conversation.feed(masked(CLOSE, b"\x03\xe8bye")) == frame(CLOSE, b"\x03\xe8")
    assert conversation.is_over


@pytest.mark.parametrize(
    ("sent", "code"),
    [
        pytest.param(frame(TEXT, b"plain"), 1002, id="unmasked"),
        pytest.param(b"\x82\xff" + (1 << 40).to_bytes(8, "big"), 1009, id="too-long"),
    ],
)
def test_what_no_client_may_send_ends_it(sent, code):
    assert FrameEcho().feed(sent) == frame(CLOSE, code.to_bytes(2, "big"))


def test_echo_basic_has_one():
    listener, _ = echo_basic.build(Setting((), {}, "w"), FakeSurroundings())

    assert listener.service.answer(handshake()).status == 400
