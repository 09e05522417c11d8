"""A client of the API that costs next to nothing: bytes over the Unix socket, and no HTTP library."""

from __future__ import annotations

import asyncio
import json
import math
import re
import socket
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

from results import MeasurementError

RECEIVE_BYTES = 1 << 20
_LENGTH = re.compile(rb"\r\nContent-Length: *(\d+)\r\n", re.IGNORECASE)
_CHUNKED = re.compile(rb"\r\nTransfer-Encoding: *chunked\r\n", re.IGNORECASE)
_END = b"\r\n\r\n"


class Answer(NamedTuple):
    """What the API said."""

    status: int
    body: bytes


def render_request(
    method: str, path: str, body: bytes = b"", content_type: str = "application/json"
) -> bytes:
    """Write a request."""
    head = f"{method} {path} HTTP/1.1\r\nHost: localhost\r\nAccept: application/json\r\n"
    if body:
        head += f"Content-Type: {content_type}\r\nContent-Length: {len(body)}\r\n"
    return head.encode() + b"\r\n" + body


def body_bytes(head: bytes) -> int:
    """Read from an answer's head how long its body is.

    Raises:
        MeasurementError: it does not say.

    """
    found = _LENGTH.search(head)
    if found is None:
        raise MeasurementError(f"an answer without Content-Length: {head!r}")
    return int(found[1])


class RawConnection:
    """One connection that blocks."""

    def __init__(self, api_socket: str) -> None:
        self._sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._sock.settimeout(60.0)
        self._sock.connect(api_socket)

    def ask(self, request: bytes) -> Answer:
        """Send a request and take the whole answer."""
        self._sock.sendall(request)
        pieces, got = [self._sock.recv(RECEIVE_BYTES)], 0
        while _END not in pieces[0]:
            pieces[0] += self._receive()
        head, _, pieces[0] = pieces[0].partition(_END)
        if _CHUNKED.search(head + b"\r\n"):
            return Answer(_status(head), self._chunks(pieces[0]))
        length, got = body_bytes(head + b"\r\n"), len(pieces[0])
        while got < length:
            pieces.append(self._receive())
            got += len(pieces[-1])
        return Answer(_status(head), b"".join(pieces))

    def close(self) -> None:
        """Close it."""
        self._sock.close()

    def _chunks(self, data: bytes) -> bytes:
        """Take a long answer, which comes in pieces (RFC 9112, section 7.1)."""
        body: list[bytes] = []
        while True:
            while b"\r\n" not in data:
                data += self._receive()
            size, _, data = data.partition(b"\r\n")
            wanted = int(size, 16)
            pieces, got = [data], len(data)
            while got < wanted + 2:
                pieces.append(self._receive())
                got += len(pieces[-1])
            data = b"".join(pieces)
            body.append(data[:wanted])
            data = data[wanted + 2 :]
            if not wanted:
                return b"".join(body)

    def _receive(self) -> bytes:
        data = self._sock.recv(RECEIVE_BYTES)
        if not data:
            raise MeasurementError("the API closed a connection in the middle of an answer")
        return data


def _status(head: bytes) -> int:
    return int(head.split(b" ", 2)[1])


def create_all(
    api_socket: str, path: str, objects: Iterable[dict[str, Any]], in_flight: int, per_s: float = math.inf
) -> None:
    """Create objects: as fast as it goes with so many at once, or no more than so many a second.

    Raises:
        MeasurementError: one could not be created.

    """
    send_all(
        api_socket,
        [render_request("POST", path, json.dumps(obj).encode()) for obj in objects],
        in_flight,
        per_s,
    )


def send_all(api_socket: str, requests: Sequence[bytes], in_flight: int, per_s: float = math.inf) -> None:
    """Send requests: as fast as it goes with so many at once, or no more than so many a second.

    Raises:
        MeasurementError: one was refused.

    """
    try:
        asyncio.run(_send_all(api_socket, requests, in_flight, per_s))
    except* (MeasurementError, OSError, EOFError) as group:
        line = requests[0].partition(b" HTTP")[0].decode()
        raise MeasurementError(f"{line} …: {group.exceptions[0]}") from group


async def _send_all(api_socket: str, requests: Sequence[bytes], in_flight: int, per_s: float) -> None:
    start_s = asyncio.get_running_loop().time()
    waiting = ((start_s + number / per_s, request) for number, request in enumerate(requests))
    async with asyncio.TaskGroup() as group:
        for _ in range(in_flight):
            group.create_task(_send_some(api_socket, waiting))


async def _send_some(api_socket: str, waiting: Iterator[tuple[float, bytes]]) -> None:
    reader, writer = await asyncio.open_unix_connection(api_socket)
    time = asyncio.get_running_loop().time
    for due_s, request in waiting:
        if due_s > time():
            await asyncio.sleep(due_s - time())
        writer.write(request)
        head = await reader.readuntil(_END)
        body = await reader.readexactly(body_bytes(head))
        if _status(head) not in (200, 201):
            raise MeasurementError(f"{_status(head)} {body[:300]!r}")
    writer.close()
