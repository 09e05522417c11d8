from __future__ import annotations

import pytest

from netemu.agnhost.client import parse_answer
from netemu.agnhost.model import Reply

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n1;x=y\r\n!\r\n0\r\n\r\n"


@pytest.mark.parametrize(
    ("data", "reply"),
    [
        pytest.param(OK, (Reply(200, b"hi"), ""), id="with-a-length"),
        pytest.param(CHUNKED, (Reply(200, b"hi!"), ""), id="chunked"),
        pytest.param(b"HTTP/1.1 100 Continue\r\n\r\n" + OK, (Reply(200, b"hi"), ""), id="after-100"),
        pytest.param(
            b"HTTP/1.1 302 Found\r\nlocation: /b\r\nContent-Length: 0\r\n\r\n",
            (Reply(302, b""), "/b"),
            id="to",
        ),
    ],
)
def test_an_answer_is_read_when_it_is_complete(data, reply):
    assert parse_answer(data, has_ended=False) == reply
    assert all(parse_answer(data[:length], has_ended=False) is None for length in range(len(data) - 7))


def test_an_answer_without_a_length_ends_with_the_connection():
    data = b"HTTP/1.0 404 Not Found\r\n\r\nno"

    assert parse_answer(data, has_ended=False) is None
    assert parse_answer(data, has_ended=True) == (Reply(404, b"no"), "")


@pytest.mark.parametrize("data", [b"SSH-2.0\r\n\r\n", b"HTTP/1.1 ok\r\n\r\n", b"HTTP/1.1\r\n\r\n"])
def test_what_is_no_answer_is_an_error(data):
    with pytest.raises(ValueError, match="malformed HTTP response"):
        parse_answer(data, has_ended=True)
