from __future__ import annotations

import json

import pytest

from netemu.agnhost import echo_basic, grpc_health
from netemu.agnhost.hpack import Decoder
from netemu.agnhost.http2 import PREFACE, Answer, Http2Session, encode_headers, frame
from netemu.agnhost.model import Address, Request, Setting
from netemu.testing.surroundings import FakeSurroundings

DATA, HEADERS, SETTINGS, PING, GOAWAY, WINDOW_UPDATE, CONTINUATION = 0, 1, 4, 6, 7, 8, 9
END_STREAM, ACK, END_HEADERS, PADDED = 1, 1, 4, 8
PLAIN = Answer((("content-type", "text/plain"),), b"ok")


def session(answer=lambda _headers, _body: PLAIN):
    """Give a session that has greeted."""
    begun = Http2Session(answer)
    assert begun.feed(PREFACE) == frame(SETTINGS, 0, 0, b"")
    return begun


@pytest.mark.parametrize("step", [1, 5, 1000])
def test_a_request_is_answered_however_it_arrives(step):
    stream = PREFACE + frame(SETTINGS, 0, 0, b"") + frame(HEADERS, END_STREAM | END_HEADERS, 1, b"\x82")
    connection = Http2Session(lambda _headers, _body: PLAIN)
    sent = b"".join(connection.feed(stream[at : at + step]) for at in range(0, len(stream), step))

    assert sent == (
        frame(SETTINGS, 0, 0, b"")
        + frame(SETTINGS, ACK, 0, b"")
        + frame(HEADERS, END_HEADERS, 1, encode_headers(((":status", "200"), *PLAIN.headers)))
        + frame(DATA, END_STREAM, 1, b"ok")
    )


def test_a_body_in_pieces_is_put_together_and_its_room_given_back():
    bodies = []
    connection = session(lambda headers, body: bodies.append((headers, body)) or PLAIN)
    connection.feed(frame(HEADERS, 0, 1, b"\x83") + frame(CONTINUATION, END_HEADERS, 1, b"\x86"))
    granted = connection.feed(frame(DATA, 0, 1, b"ab"))
    connection.feed(frame(DATA, END_STREAM | PADDED, 1, b"\x02cd\0\0"))

    assert granted == frame(WINDOW_UPDATE, 0, 0, b"\0\0\0\2")
    assert bodies == [(((":method", "POST"), (":scheme", "http")), b"abcd")]


def test_a_request_without_a_body_may_continue_its_headers():
    connection = session()

    assert connection.feed(frame(HEADERS, END_STREAM, 1, b"\x82")) == b""
    assert connection.feed(frame(CONTINUATION, END_HEADERS, 1, b"\x86")).endswith(b"ok")


def test_pings_come_back_and_acknowledgements_end():
    assert session().feed(frame(PING, 0, 0, b"12345678")) == frame(PING, ACK, 0, b"12345678")
    assert session().feed(frame(SETTINGS, ACK, 0, b"")) == b""


def test_who_speaks_something_else_is_sent_away():
    connection = Http2Session(lambda _headers, _body: PLAIN)

    assert connection.feed(b"GET / HTTP/1.1\r\n")[3] == GOAWAY
    assert connection.is_over
    assert connection.feed(PREFACE) == b""


@pytest.mark.parametrize(
    "sent", [frame(GOAWAY, 0, 0, bytes(8)), b"\xff\xff\xff\0\0\0\0\0\1"], ids=["goodbye", "an-endless-frame"]
)
def test_some_frames_end_the_connection(sent):
    connection = session()
    connection.feed(sent)

    assert connection.is_over


def health(*args, now_s=lambda: 0.0):
    http, grpc = grpc_health.build(Setting(args, {}, "web-1"), FakeSurroundings(), now_s)
    return http.service.answer, grpc.service.answer


CHECK = ((":path", "/grpc.health.v1.Health/Check"),)


def asked(service=b""):
    message = b"\x0a" + bytes((len(service),)) + service if service else b""
    return b"\0" + len(message).to_bytes(4, "big") + message


def status(answer):
    return answer.body[-1] if answer.body else dict(answer.trailers)["grpc-status"]


def test_health_is_told_by_service():
    _, check = health("--service=shop")

    assert check(CHECK, asked(b"shop")).body == b"\0\0\0\0\2\x08\x01"
    assert check(CHECK, asked(b"shop")).trailers == (("grpc-status", "0"),)
    assert status(check(CHECK, asked())) == "5"


def test_health_is_lost_after_a_time_or_on_request():
    now_s = 0.0
    answer, check = health("--delay-unhealthy-sec=5", now_s=lambda: now_s)
    before = status(check(CHECK, asked()))
    now_s = 5.0

    assert (before, status(check(CHECK, asked()))) == (1, 2)
    answer, check = health()
    answer(Request("GET", "/make-not-serving", client=Address("10.0.0.1", 1)))
    assert status(check(CHECK, asked())) == 2
    answer(Request("GET", "/make-serving", client=Address("10.0.0.1", 1)))
    assert status(check(CHECK, asked())) == 1


def test_nothing_but_checks_is_known():
    _, check = health()

    assert status(check(((":path", "/grpc.health.v1.Health/Watch"),), asked())) == "12"


@pytest.mark.parametrize("length", [0, 126, 127, 128, 300, 16_000])
def test_headers_of_any_length_are_read_as_they_were_written(length):
    headers = (("a", "x" * length), ("b", "y"))

    assert Decoder().decode(encode_headers(headers)) == headers


def test_padding_and_priorities_are_left_out_of_headers():
    seen = []
    connection = session(lambda headers, _body: seen.append(headers) or PLAIN)
    padded = b"\x02" + b"\0\0\0\0\x10" + b"\x82" + b"\0\0"
    connection.feed(frame(HEADERS, END_STREAM | END_HEADERS | PADDED | 32, 1, padded))

    assert seen == [((":method", "GET"),)]


def test_headers_that_nobody_can_read_end_the_connection():
    connection = session()

    assert connection.feed(frame(HEADERS, END_STREAM | END_HEADERS, 1, b"\x80"))[3] == GOAWAY


def test_a_long_answer_is_sent_in_pieces():
    connection = session(lambda _headers, _body: Answer((), b"x" * 20_000))
    sent = connection.feed(frame(HEADERS, END_STREAM | END_HEADERS, 1, b"\x82"))

    assert frame(DATA, 0, 1, b"x" * 16_384) + frame(DATA, END_STREAM, 1, b"x" * 3_616) in sent


def test_echo_basic_says_the_same_over_http_2():
    surroundings = FakeSurroundings()
    _, h2c = echo_basic.build(Setting((), {"POD_NAME": "p"}, "web-1"), surroundings)
    asked = ((":method", "PUT"), (":path", "/a?b=c"), (":authority", "web"), ("x-trace", "7"))
    answer = h2c.service.answer(asked, b"")
    document = json.loads(answer.body)

    assert (h2c.number, answer.status, document["proto"], document["host"], document["path"]) == (
        3001,
        200,
        "HTTP/2.0",
        "web",
        "/a?b=c",
    )
    assert document["headers"] == {"X-Trace": ["7"]}
    assert h2c.service.answer(((":path", "/status/404"),), b"").status == 404
    assert h2c.service.answer(((":path", "/?delay=1s"),), b"").status == 501
