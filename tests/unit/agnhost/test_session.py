from __future__ import annotations

import pytest

from netemu.agnhost.model import Address, Response
from netemu.agnhost.session import MAX_BODY_BYTES, MAX_HEADER_BYTES, Session

GET = b"GET /a HTTP/1.1\r\nHost: web\r\n\r\n"


@pytest.fixture
def session():
    return Session(Address("10.0.0.1", 1234))


def requests(session):
    """Give all requests that are complete now, each answered with its path."""
    found = []
    while (request := session.next_request()) is not None:
        found.append(request)
        session.answer(Response(request.path.encode()))
    return found


@pytest.mark.parametrize("step", [1, 2, 7, 1000])
def test_requests_on_one_connection_come_one_after_the_other_however_they_arrive(session, step):
    stream = GET + GET.replace(b"/a", b"/b")
    found = []
    for start in range(0, len(stream), step):
        session.feed(stream[start : start + step])
        found += requests(session)

    assert [request.line for request in found] == ["GET /a HTTP/1.1", "GET /b HTTP/1.1"]
    assert not session.is_over


def test_a_pipelined_request_waits_for_the_answer_to_the_first(session):
    session.feed(GET + GET)
    first = session.next_request()

    assert first is not None
    assert session.next_request() is None
    session.answer(Response())
    assert session.next_request() is not None


def test_header_names_are_kept_as_they_were_sent(session):
    session.feed(b"GET / HTTP/1.1\r\nHost: web\r\nX-Trace-ID: 7\r\n\r\n")

    assert session.next_request().headers == (("Host", "web"), ("X-Trace-ID", "7"))


def test_a_chunked_body_is_put_together(session):
    session.feed(
        b"POST / HTTP/1.1\r\nHost: w\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n"
    )

    assert session.next_request().body == b"abcde"


def test_an_answer_has_its_length_and_type(session):
    session.feed(GET)
    session.next_request()

    head, _, body = session.answer(Response(b"hello")).partition(b"\r\n\r\n")

    assert head.splitlines()[0] == b"HTTP/1.1 200 OK"
    assert b"content-length: 5" in head.lower()
    assert b"content-type: text/plain; charset=utf-8" in head.lower()
    assert body == b"hello"


@pytest.mark.parametrize(
    ("asked", "response"),
    [
        pytest.param(b"HEAD / HTTP/1.1\r\nHost: w\r\n\r\n", Response(b"hello"), id="head"),
        pytest.param(GET, Response(b"hello", 204), id="no-content"),
        pytest.param(GET, Response(b""), id="empty"),
    ],
)
def test_some_answers_have_no_body(session, asked, response):
    session.feed(asked)
    session.next_request()

    assert session.answer(response).endswith(b"\r\n\r\n")
    session.feed(GET)
    assert session.next_request() is not None


@pytest.mark.parametrize(
    "asked",
    [
        pytest.param(b"GET / HTTP/1.1\r\nHost: w\r\nConnection: close\r\n\r\n", id="asked-for"),
        pytest.param(b"GET / HTTP/1.0\r\n\r\n", id="an-old-client"),
    ],
)
def test_a_connection_that_is_to_be_closed_is_over_after_the_answer(session, asked):
    session.feed(asked)
    session.next_request()
    session.answer(Response())

    assert session.is_over


def test_an_app_can_close_the_connection(session):
    session.feed(GET)
    session.next_request()

    assert b"connection: close" in session.answer(Response(close=True)).lower()
    assert session.is_over


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        pytest.param(b"NONSENSE\r\n\r\n", 400, id="not-http"),
        pytest.param(b"hostName\n", 400, id="one-line-of-something-else"),
        pytest.param(b"GET / HTTP/1.1\r\n\r\n", 400, id="no-host"),
        pytest.param(b"GET / HTTP/1.1\r\nX: " + b"x" * MAX_HEADER_BYTES + b"x", 431, id="endless-headers"),
        pytest.param(
            b"POST / HTTP/1.1\r\nHost: w\r\nContent-Length: %d\r\n\r\n%s"
            % (MAX_BODY_BYTES + 1, b"x" * (MAX_BODY_BYTES + 1)),
            413,
            id="too-large-a-body",
        ),
    ],
)
def test_what_cannot_be_answered_is_refused_and_the_connection_closed(session, sent, status):
    session.feed(sent)

    assert session.next_request() is None
    assert session.refusal.status == status
    assert session.answer(session.refusal).startswith(b"HTTP/1.1 %d" % status)
    assert session.is_over


def test_a_client_that_waits_for_leave_to_send_its_body_gets_it(session):
    session.feed(b"POST / HTTP/1.1\r\nHost: w\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n")

    assert session.next_request() is None
    assert session.continuation().startswith(b"HTTP/1.1 100")
    session.feed(b"ok")
    assert session.next_request().body == b"ok"


def test_a_client_that_goes_away_in_the_middle_gets_no_answer(session):
    session.feed(GET[:10])
    session.feed(b"")

    assert session.next_request() is None
    assert session.refusal is not None or session.is_over
