"""[IO] What an app asks of others over sockets that are made for it: HTTP, a datagram."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from contextlib import closing
from urllib.parse import urljoin, urlsplit

from netemu.agnhost.model import Address, Reply

OpenSocket = Callable[[socket.AddressFamily, int, int], socket.socket]
"""Makes a socket that does not block, of a family, a kind and a protocol."""

_READ_BYTES = 64 * 1024
_MAX_ANSWER_BYTES = 4 * 1024 * 1024
_MOST_REDIRECTS = 10
_REDIRECTS = frozenset({301, 302, 303, 307, 308})


class ConnectError(OSError):
    """No connection could be made; its cause says why."""


async def fetch(open_socket: OpenSocket, address: Address, target: str, *, within_s: float) -> Reply:
    """Get an answer over a connection of its own, and follow redirects on the same host.

    Raises:
        TimeoutError: it took too long.
        ConnectError: there is nobody; other OSErrors: the connection broke.
        ValueError: what came is no HTTP.

    """
    async with asyncio.timeout(within_s):
        for _ in range(_MOST_REDIRECTS):
            reply, location = await _get(open_socket, address, target)
            place = urlsplit(urljoin(f"http://{address}{target}", location))
            if reply.status not in _REDIRECTS or not location or place.netloc != str(address):
                return reply
            target = place.path + (f"?{place.query}" if place.query else "")
    raise ValueError(f"stopped after {_MOST_REDIRECTS} redirects")


class ExchangeError(OSError):
    """Nothing came back to ``local``, the address that was sent from; its cause says why."""

    def __init__(self, local: str) -> None:
        super().__init__()
        self.local = local


async def exchange(
    open_socket: OpenSocket, address: Address, data: bytes, *, within_s: float, sctp: bool = False
) -> bytes:
    """Send a datagram, or an SCTP message, and give the first that comes back.

    Raises:
        OSError: it cannot be sent.
        ExchangeError: it was refused, or (by a TimeoutError) none came.

    """
    kind = (socket.SOCK_STREAM, socket.IPPROTO_SCTP) if sctp else (socket.SOCK_DGRAM, 0)
    with closing(open_socket(family_of(address.host), *kind)) as sock:
        loop, is_sent = asyncio.get_running_loop(), False
        try:
            async with asyncio.timeout(within_s):
                await loop.sock_connect(sock, address)
                await loop.sock_sendall(sock, data)
                is_sent = True
                return await loop.sock_recv(sock, _READ_BYTES)
        except OSError as err:
            if not is_sent:
                raise
            raise ExchangeError(str(Address(*sock.getsockname()[:2]))) from err


def family_of(host: str) -> socket.AddressFamily:
    """Give the family of an address."""
    return socket.AF_INET6 if ":" in host else socket.AF_INET


async def _get(open_socket: OpenSocket, address: Address, target: str) -> tuple[Reply, str]:
    loop = asyncio.get_running_loop()
    with closing(open_socket(family_of(address.host), socket.SOCK_STREAM, 0)) as sock:
        try:
            await loop.sock_connect(sock, address)
        except OSError as err:
            raise ConnectError(err.errno, err.strerror) from err
        request = f"GET {target} HTTP/1.1\r\nHost: {address}\r\nUser-Agent: Go-http-client/1.1\r\n"
        await loop.sock_sendall(sock, f"{request}Connection: close\r\n\r\n".encode())
        data = bytearray()
        while more := await loop.sock_recv(sock, _READ_BYTES):
            data += more
            if len(data) > _MAX_ANSWER_BYTES:
                raise ValueError(f"the answer is larger than {_MAX_ANSWER_BYTES} bytes")
            if (answer := parse_answer(bytes(data), has_ended=False)) is not None:
                return answer
    if (answer := parse_answer(bytes(data), has_ended=True)) is None:
        raise ValueError("EOF" if not data else "unexpected EOF")
    return answer


def parse_answer(data: bytes, *, has_ended: bool) -> tuple[Reply, str] | None:
    """Read an HTTP answer and the place it leads to; None while it is not complete.

    Raises:
        ValueError: it is none.

    """
    head, found, body = data.partition(b"\r\n\r\n")
    if not found:
        return None
    first, *lines = head.decode("latin-1").split("\r\n")
    words = first.split(" ", 2)
    if len(words) < 2 or not words[0].startswith("HTTP/1.") or not words[1].isdecimal():
        raise ValueError(f"malformed HTTP response {first!r}")
    if words[1].startswith("1"):  # 100 Continue and the like come before the answer
        return parse_answer(body, has_ended=has_ended)
    headers = {
        name.strip().lower(): value.strip() for name, _, value in (one.partition(":") for one in lines)
    }
    whole = _body(headers, body, has_ended=has_ended)
    return None if whole is None else (Reply(int(words[1]), whole), headers.get("location", ""))


def _body(headers: dict[str, str], body: bytes, *, has_ended: bool) -> bytes | None:
    if headers.get("transfer-encoding", "").lower() == "chunked":
        return _join_chunks(body)
    if (length := headers.get("content-length", "")).isdecimal():
        return body[: int(length)] if len(body) >= int(length) else None
    return body if has_ended else None


def _join_chunks(data: bytes) -> bytes | None:
    joined, offset = bytearray(), 0
    while (end := data.find(b"\r\n", offset)) >= 0:
        size = int(data[offset:end].partition(b";")[0], 16)
        if size == 0:
            return bytes(joined)
        joined += data[end + 2 : end + 2 + size]
        offset = end + 2 + size + 2
    return None
