"""The words in which an app says what it does: where it listens, what it answers. Pure."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import cached_property
from typing import NamedTuple, Protocol
from urllib.parse import parse_qs, urlsplit

from netemu.runtime.container import AppSpec, Port


class Address(NamedTuple):
    """A peer's address and port."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"{self.host}:{self.port}"


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
    ) -> None:
        self.method = method
        self.target = target
        self.headers = headers
        self.client = client
        self.body = body
        self.version = version

    @property
    def line(self) -> str:
        """The request line."""
        return f"{self.method} {self.target} HTTP/{self.version}"

    @property
    def path(self) -> str:
        """The target's path."""
        return urlsplit(self.target).path

    @cached_property
    def query(self) -> dict[str, str]:
        """The query's parameters, the first value of each."""
        return {key: values[0] for key, values in parse_qs(urlsplit(self.target).query).items()}

    def header(self, name: str) -> str:
        """Give a header's first value; empty without one."""
        return next((value for key, value in self.headers if key.lower() == name), "")


class Response(NamedTuple):
    """An HTTP response; content-length is added when it is sent."""

    body: bytes = b""
    status: int = 200
    content_type: str = "text/plain; charset=utf-8"
    headers: tuple[tuple[str, str], ...] = ()
    close: bool = False


HttpAnswer = Callable[[Request], Response | Awaitable[Response]]
DatagramAnswer = Callable[[bytes, Address], bytes | None]


class Http(NamedTuple):
    """Serve HTTP."""

    answer: HttpAnswer


class EchoStream(NamedTuple):
    """Send every byte back, until the client ends its side."""


class Greet(NamedTuple):
    """Say one thing and close."""

    text: bytes


class Datagrams(NamedTuple):
    """Answer datagrams; None is no answer."""

    answer: DatagramAnswer


Service = Http | EchoStream | Greet | Datagrams


class Listener(NamedTuple):
    """One socket of an app."""

    port: Port
    service: Service


class Surroundings(Protocol):
    """What an app can do in its pod."""

    async def resolve(self, host: str) -> str:
        """Look an address up as the pod would.

        Raises:
            LookupFailedError: there is none.

        """
        ...

    async def http_get(self, address: Address, target: str, *, within_s: float) -> bytes:
        """Get a body; OSError or ValueError say why there is none."""
        ...

    async def exchange(self, address: Address, data: bytes, *, within_s: float) -> bytes:
        """Send a datagram and give the answer; OSError says why there is none."""
        ...

    def exit(self, code: int) -> None:
        """End the container."""
        ...


class LookupFailedError(Exception):
    """A name has no address; the text is a resolver's."""


class AppError(Exception):
    """An app cannot start: its container ends with this code, and with these words in its log."""

    def __init__(self, message: str, exit_code: int = 1) -> None:
        super().__init__(message)
        self.exit_code = exit_code


Build = Callable[[AppSpec, Surroundings], tuple[Listener, ...]]


def echo_datagram(data: bytes, _client: Address) -> bytes:
    """Answer a datagram with itself."""
    return data


def on_ports(spec: AppSpec, service: Service) -> tuple[Listener, ...]:
    """Serve on all TCP ports of a spec; all its UDP ports echo."""
    echo = Datagrams(echo_datagram)
    return tuple(Listener(port, service if port.protocol == "TCP" else echo) for port in spec.ports)
