"""The words in which an app says what it does: where it listens, what it answers. Pure."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from functools import cached_property
from typing import Literal, NamedTuple, Protocol
from urllib.parse import parse_qs

from netemu.agnhost.http2 import HeadersAnswer
from netemu.agnhost.tls import TlsState


class Address(NamedTuple):
    """A peer's address and port."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


class Request:
    """A complete HTTP request; header names are as they were sent."""

    def __init__(
        self,
        method: str,
        target: str,
        headers: tuple[tuple[str, str], ...] = (),
        *,
        client: Address,
        body: bytes = b"",
        version: str = "1.1",
        tls: TlsState | None = None,
    ) -> None:
        self.method = method
        self.target = target
        self.headers = headers
        self.client = client
        self.body = body
        self.version = version
        self.tls = tls

    @property
    def line(self) -> str:
        """The request line."""
        return f"{self.method} {self.target} HTTP/{self.version}"

    @property
    def path(self) -> str:
        """The target's path, as it was sent: it may begin with several slashes."""
        return self._parts[0]

    @cached_property
    def _parts(self) -> tuple[str, str]:
        target = self.target.partition("#")[0]
        if "://" in target.partition("?")[0]:  # as a proxy is asked (RFC 9112, 3.2.2)
            target = "/" + target.partition("://")[2].partition("/")[2]
        path, _, query = target.partition("?")
        return path, query

    @cached_property
    def query(self) -> dict[str, str]:
        """The query's parameters, the first value of each."""
        return _first_values(self._parts[1])

    @cached_property
    def form(self) -> dict[str, str]:
        """The parameters of query and body; the body's count more."""
        if self.header("content-type").partition(";")[0].strip() != "application/x-www-form-urlencoded":
            return self.query
        return {**self.query, **_first_values(self.body.decode(errors="replace"))}

    def header(self, name: str) -> str:
        """Give a header's first value; empty without one. ``name`` is in small letters."""
        return next((value for key, value in self.headers if key.lower() == name), "")

    def grouped_headers(self) -> dict[str, list[str]]:
        """Give all headers but Host by their canonical names, as Go's handlers see them."""
        grouped: dict[str, list[str]] = {}
        for key, value in self.headers:
            if key.lower() != "host":
                grouped.setdefault(canonical(key), []).append(value)
        return grouped


class Conversation(Protocol):
    """What is spoken on a connection after HTTP/1.1; ``is_over`` when nothing more can be said."""

    is_over: bool

    def feed(self, data: bytes) -> bytes:
        """Take what was read, and give what is to be sent."""
        ...


class Response(NamedTuple):
    """An HTTP response; content-length is added when it is sent.

    With ``close`` the connection ends after it, with ``abort`` before: nothing is said.
    ``upgrade`` goes on with the connection, after status 101.
    """

    body: bytes = b""
    status: int = 200
    content_type: str = "text/plain; charset=utf-8"
    headers: tuple[tuple[str, str], ...] = ()
    close: bool = False
    abort: bool = False
    upgrade: Conversation | None = None


HttpAnswer = Callable[[Request], Response | Awaitable[Response]]
DatagramAnswer = Callable[[bytes, Address], bytes | None]


class Http(NamedTuple):
    """Serve HTTP. Without ``access_log`` the app itself says in its log what it was asked."""

    answer: HttpAnswer
    access_log: bool = True


class Tls(NamedTuple):
    """Serve HTTP over TLS, with the files of a certificate and its key.

    ``authorities`` is a file of those whose clients' certificates are checked, if they show any.
    """

    answer: HttpAnswer
    certificate: str
    key: str
    authorities: str = ""


class EchoStream(NamedTuple):
    """Send every byte back, until the client ends its side."""


class Greet(NamedTuple):
    """Say one thing and close."""

    text: bytes


class Datagrams(NamedTuple):
    """Answer datagrams; None is no answer."""

    answer: DatagramAnswer


class Messages(NamedTuple):
    """Answer one message of each SCTP connection, and close; ``greeting`` is said unasked instead."""

    answer: DatagramAnswer
    greeting: bytes = b""


class LengthPrefixed(NamedTuple):
    """Answer messages of a stream that have their length in front of them (RFC 1035, 4.2.2)."""

    answer: DatagramAnswer


class Http2(NamedTuple):
    """Serve HTTP/2 to who knows that it is spoken: ``answer`` gets a request's headers and body.

    ``of_tls`` gives what answers instead on a connection with TLS.
    """

    answer: HeadersAnswer
    certificate: str = ""
    key: str = ""
    of_tls: Callable[[TlsState], HeadersAnswer] | None = None


Service = Http | Tls | Http2 | EchoStream | Greet | Datagrams | LengthPrefixed | Messages


class Listener(NamedTuple):
    """One socket of an app: on ``host``, or on every address of both families.

    An ``implied`` one gives way to whoever already listens there. ``complaint`` is said in front of why
    there can be no such socket.
    """

    number: int
    service: Service
    protocol: Literal["TCP", "UDP", "SCTP"] = "TCP"
    implied: bool = False
    host: str = ""
    complaint: str = ""


class Setting(NamedTuple):
    """What a container's process finds: its arguments, environment and host name."""

    args: tuple[str, ...]
    env: Mapping[str, str]
    hostname: str


class Output(NamedTuple):
    """What a command wrote to both its outputs, and its exit code."""

    text: bytes
    code: int


class Reply(NamedTuple):
    """An answer that was fetched over HTTP."""

    status: int
    body: bytes


class Surroundings(Protocol):
    """What an app can do in its pod."""

    async def resolve(self, host: str) -> str:
        """Look an address up as the pod would.

        Raises:
            LookupFailedError: there is none.

        """
        ...

    async def http_get(self, address: Address, target: str, *, within_s: float) -> Reply:
        """Get an answer; OSError or ValueError say why there is none."""
        ...

    async def exchange(self, address: Address, data: bytes, *, within_s: float) -> bytes:
        """Send a datagram and give the answer; OSError says why there is none."""
        ...

    async def exchange_sctp(self, address: Address, data: bytes, *, within_s: float) -> bytes:
        """Send a message over an SCTP connection and give the answer; OSError says why there is none."""
        ...

    async def run(self, argv: tuple[str, ...], stdin: bytes = b"") -> Output:
        """Run a program in the container; OSError says why it cannot be."""
        ...

    @property
    def is_ending(self) -> bool:
        """Whether the container was told to end."""
        ...

    def exit(self, code: int) -> None:
        """End the container."""
        ...

    def say(self, line: str) -> None:
        """Write a line to the container's standard output."""
        ...

    def log(self, line: str) -> None:
        """Write a line to the container's standard error, with the time in front of it."""
        ...


class LookupFailedError(Exception):
    """A name has no address; the text is a resolver's."""


class AppError(Exception):
    """An app cannot start: its container ends with this code, and with these words in its log."""

    def __init__(self, message: str, exit_code: int = 1) -> None:
        super().__init__(message)
        self.exit_code = exit_code


Build = Callable[[Setting, Surroundings], tuple[Listener, ...]]


def canonical(name: str) -> str:
    """Write a header's name as Go does: ``x-trace-ID`` is ``X-Trace-Id``."""
    return "-".join(part.capitalize() for part in name.split("-"))


def echo_datagram(data: bytes, _client: Address) -> bytes:
    """Answer a datagram with itself."""
    return data


def _first_values(text: str) -> dict[str, str]:
    return {key: values[0] for key, values in parse_qs(text, keep_blank_values=True).items()}
