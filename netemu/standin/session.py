"""One HTTP connection without its socket: bytes in, requests out, responses to bytes. Sans-I/O."""

from __future__ import annotations

from http import HTTPStatus

import h11

from netemu.standin.apps.model import Address, Request, Response

MAX_HEADER_BYTES = 32 * 1024
MAX_BODY_BYTES = 1024 * 1024

_SERVER = (b"server", b"netemu")


class Session:
    """A server's side of a connection, through all its requests."""

    def __init__(self, client: Address) -> None:
        self._client = client
        self._h11 = h11.Connection(h11.SERVER, max_incomplete_event_size=MAX_HEADER_BYTES)
        self._head: h11.Request | None = None
        self._body = bytearray()
        self.refusal: Response | None = None

    @property
    def is_over(self) -> bool:
        """Whether nothing more can be answered: the socket is to be closed."""
        return self._h11.our_state in {h11.MUST_CLOSE, h11.CLOSED, h11.ERROR}

    @property
    def is_idle(self) -> bool:
        """Whether the client has asked for nothing since the last answer."""
        return self._h11.their_state is h11.IDLE and not self._h11.trailing_data[0]

    def feed(self, data: bytes) -> None:
        """Add what was read; empty data is the end."""
        if self.refusal is None:
            self._h11.receive_data(data)

    def next_request(self) -> Request | None:
        """Give the next request that is complete; None while there is none, or after ``refusal``."""
        try:
            while True:
                event = self._h11.next_event()
                if isinstance(event, h11.Request):
                    self._head, self._body = event, bytearray()
                elif isinstance(event, h11.Data):
                    self._body += event.data
                    if len(self._body) > MAX_BODY_BYTES:
                        self._refuse(413, f"the body is larger than {MAX_BODY_BYTES} bytes")
                        return None
                elif isinstance(event, h11.EndOfMessage):
                    return self._request()
                else:
                    return None
        except h11.RemoteProtocolError as err:
            self._refuse(err.error_status_hint, str(err))
            return None

    def continuation(self) -> bytes:
        """Give what a client that asked ``Expect: 100-continue`` is waiting for; else nothing."""
        if not self._h11.they_are_waiting_for_100_continue:
            return b""
        return self._h11.send(h11.InformationalResponse(status_code=100, headers=[])) or b""

    def answer(self, response: Response) -> bytes:
        """Render the response to the last request; the next one may follow."""
        if self._h11.our_state not in {h11.IDLE, h11.SEND_RESPONSE}:
            return b""
        headers = [
            (b"content-type", response.content_type.encode()),
            (b"content-length", str(len(response.body)).encode()),
            _SERVER,
            *((key.encode(), value.encode()) for key, value in response.headers),
        ]
        if response.close:
            headers.append((b"connection", b"close"))
        data = (
            self._h11.send(
                h11.Response(status_code=response.status, headers=headers, reason=_reason(response.status))
            )
            or b""
        )
        if _has_body(self._head, response):
            data += self._h11.send(h11.Data(data=response.body)) or b""
        data += self._h11.send(h11.EndOfMessage()) or b""
        if self._h11.states == {h11.CLIENT: h11.DONE, h11.SERVER: h11.DONE}:
            self._h11.start_next_cycle()
        return data

    def _request(self) -> Request | None:
        head = self._head
        if head is None:
            return None
        return Request(
            head.method.decode("ascii"),
            head.target.decode("ascii"),
            tuple((key.decode("ascii"), value.decode("latin-1")) for key, value in head.headers.raw_items()),
            client=self._client,
            body=bytes(self._body),
            version=head.http_version.decode("ascii"),
        )

    def _refuse(self, status: int, words: str) -> None:
        self.refusal = Response(f"{words}\n".encode(), status, close=True)


def _has_body(head: h11.Request | None, response: Response) -> bool:
    return (
        bool(response.body) and response.status not in {204, 304} and (head is None or head.method != b"HEAD")
    )


def _reason(status: int) -> bytes:
    try:
        return HTTPStatus(status).phrase.encode()
    except ValueError:
        return b"Unknown"
