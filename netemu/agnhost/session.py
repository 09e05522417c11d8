"""One HTTP connection without its socket: bytes in, requests out, responses to bytes. Sans-I/O.

RFC 9112, the server's side of HTTP/1.x.
"""

from __future__ import annotations

import time
from http import HTTPStatus

from netemu.agnhost.model import Address, Request, Response

MAX_HEADER_BYTES = 32 * 1024
MAX_BODY_BYTES = 1024 * 1024

_END_OF_HEAD = b"\r\n\r\n"
_MAX_CHUNK_LINE_BYTES = 256
_WITHOUT_BODY = frozenset({101, 204, 304})


class _Refused(Exception):
    """A request that cannot be answered."""

    def __init__(self, status: int, words: str) -> None:
        super().__init__(words)
        self.status = status


class _Head:
    """A request's first lines, and what they say of the rest."""

    def __init__(self, text: str) -> None:
        first, *lines = text.split("\r\n")
        self.method, self.target, self.version = _request_line(first)
        self.headers = tuple(_header(line) for line in lines)
        self._by_name = {name.lower(): value for name, value in self.headers}
        if self.version == "1.1" and "host" not in self._by_name:
            raise _Refused(400, "missing required Host header")
        self.is_chunked = self._by_name.get("transfer-encoding", "").lower() == "chunked"
        self.length = self._length()
        self.awaits_continue = self._by_name.get("expect", "").lower() == "100-continue"

    @property
    def is_last(self) -> bool:
        """Whether the client wants no further answer on this connection."""
        wishes = {word.strip().lower() for word in self._by_name.get("connection", "").split(",")}
        return "close" in wishes or (self.version == "1.0" and "keep-alive" not in wishes)

    def _length(self) -> int:
        lengths = {value for name, value in self.headers if name.lower() == "content-length"}
        if "transfer-encoding" in self._by_name and (lengths or not self.is_chunked):
            raise _Refused(400 if lengths else 501, "unsupported transfer encoding")
        if not lengths:
            return 0
        text = lengths.pop()
        if lengths or not (text.isascii() and text.isdecimal()):
            raise _Refused(400, "bad Content-Length")
        return int(text)


class Session:
    """A server's side of a connection, through all its requests."""

    def __init__(self, client: Address, *, max_body_bytes: int = MAX_BODY_BYTES) -> None:
        self._client = client
        self._max_body_bytes = max_body_bytes
        self._buffer = bytearray()
        self._head: _Head | None = None
        self._body = bytearray()
        self._left_of_chunk: int | None = None
        self._is_answering = False
        self._has_ended = False
        self.is_over = False
        self.refusal: Response | None = None

    @property
    def is_idle(self) -> bool:
        """Whether the client has asked for nothing since the last answer."""
        return not (self._buffer or self._head or self._is_answering)

    def take_unread(self) -> bytes:
        """Give what came after the last request; it belongs to whatever follows HTTP."""
        unread, self._buffer = bytes(self._buffer), bytearray()
        return unread

    def feed(self, data: bytes) -> None:
        """Add what was read; empty data is the end."""
        self._has_ended = self._has_ended or not data
        if self.refusal is None:
            self._buffer += data

    def next_request(self) -> Request | None:
        """Give the next request that is complete; None while there is none, or after ``refusal``."""
        if self._is_answering or self.refusal is not None or self.is_over:
            return None
        try:
            if self._head is None:
                self._read_head()
            if self._head is not None and self._is_body_complete(self._head):
                return self._request(self._head)
            if self._has_ended:
                self._end()
        except (_Refused, ValueError) as err:
            status = err.status if isinstance(err, _Refused) else 400
            self.refusal = Response(f"{err}\n".encode(), status, close=True)
        return None

    def continuation(self) -> bytes:
        """Give what a client that asked ``Expect: 100-continue`` is waiting for; else nothing."""
        if self._head is None or not self._head.awaits_continue or self._body or self._buffer:
            return b""
        self._head.awaits_continue = False
        return b"HTTP/1.1 100 Continue\r\n\r\n"

    def answer(self, response: Response) -> bytes:
        """Render the response to the last request; the next one may follow."""
        if self.is_over:
            return b""
        head, self._head, self._is_answering = self._head, None, False
        self._body, self._left_of_chunk = bytearray(), None
        self.is_over = response.close or head is None or head.is_last or self.refusal is not None
        lines = [
            f"HTTP/1.1 {response.status} {_reason(response.status)}",
            f"Date: {_date()}",
            *(f"{name}: {value}" for name, value in response.headers),
        ]
        if response.content_type and not any(name.lower() == "content-type" for name, _ in response.headers):
            lines.append(f"Content-Type: {response.content_type}")
        if response.status not in _WITHOUT_BODY:
            lines.append(f"Content-Length: {len(response.body)}")
        if self.is_over:
            lines.append("Connection: close")
        text = "\r\n".join(line.replace("\r", " ").replace("\n", " ") for line in lines)
        is_bare = response.status in _WITHOUT_BODY or (head is not None and head.method == "HEAD")
        return text.encode("latin-1", "replace") + _END_OF_HEAD + (b"" if is_bare else response.body)

    def _read_head(self) -> None:
        while self._buffer.startswith(b"\r\n"):
            del self._buffer[:2]  # RFC 9112, 2.2: at least one empty line before a request is ignored
        text, found, _ = self._buffer.partition(_END_OF_HEAD)
        if len(text) > MAX_HEADER_BYTES:
            raise _Refused(431, f"the headers are larger than {MAX_HEADER_BYTES} bytes")
        if found:
            self._head = _Head(text.decode("latin-1"))
            del self._buffer[: len(text) + len(found)]
            if not self._head.is_chunked:
                self._check_size(self._head.length)
        else:
            line, is_line, _ = text.partition(b"\n")
            if is_line:  # answered at once, as Go does: `echo hostName | nc` waits, and sends no more
                _request_line(line.removesuffix(b"\r").decode("latin-1"))

    def _is_body_complete(self, head: _Head) -> bool:
        if head.is_chunked:
            return self._read_chunks()
        missing = head.length - len(self._body)
        self._body += self._buffer[:missing]
        del self._buffer[:missing]
        return len(self._body) == head.length

    def _read_chunks(self) -> bool:
        while True:
            if self._left_of_chunk is None:
                line, found, _ = self._buffer.partition(b"\r\n")
                if len(line) > _MAX_CHUNK_LINE_BYTES:
                    raise _Refused(400, "bad chunk")
                if not found:
                    return False
                self._left_of_chunk = int(line.partition(b";")[0].strip(), 16)
                self._check_size(len(self._body) + self._left_of_chunk)
                del self._buffer[: len(line) + 2]
            if self._left_of_chunk == 0:
                return self._skip_trailers()
            if len(self._buffer) < self._left_of_chunk + 2:
                return False
            self._body += self._buffer[: self._left_of_chunk]
            del self._buffer[: self._left_of_chunk + 2]
            self._left_of_chunk = None

    def _skip_trailers(self) -> bool:
        while True:
            line, found, _ = self._buffer.partition(b"\r\n")
            if len(line) > MAX_HEADER_BYTES:
                raise _Refused(431, "the trailers are too large")
            if not found:
                return False
            del self._buffer[: len(line) + 2]
            if not line:
                return True

    def _check_size(self, size: int) -> None:
        if size > self._max_body_bytes:
            raise _Refused(413, f"the body is larger than {self._max_body_bytes} bytes")

    def _end(self) -> None:
        if self._buffer or self._head is not None:
            raise _Refused(400, "unexpected end")
        self.is_over = True

    def _request(self, head: _Head) -> Request:
        self._is_answering = True
        return Request(
            head.method,
            head.target,
            head.headers,
            client=self._client,
            body=bytes(self._body),
            version=head.version,
        )


def _request_line(line: str) -> tuple[str, str, str]:
    words = line.split(" ")
    if len(words) != 3 or not words[0].isalpha() or not words[1] or words[2] not in {"HTTP/1.0", "HTTP/1.1"}:
        raise _Refused(400, "malformed HTTP request")
    return words[0], words[1], words[2].removeprefix("HTTP/")


def _header(line: str) -> tuple[str, str]:
    name, colon, value = line.partition(":")
    if not colon or not name or name != name.strip() or " " in name:
        raise _Refused(400, "malformed MIME header")
    return name, value.strip()


def _date() -> str:
    return time.strftime("%a, %d %b %Y %H:%M:%S GMT", time.gmtime())


def _reason(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "Unknown"
