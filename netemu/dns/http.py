"""[IO] Health and readiness over HTTP, as CoreDNS's ``health`` and ``ready`` answer."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

HEALTH_PORT = 8080
READY_PORT = 8181

_TIMEOUT_S = 5.0


class StatusPage:
    """One path that says 200 while something is so, and 503 while it is not."""

    def __init__(self, path: str, is_so: Callable[[], bool]) -> None:
        self._path = path
        self._is_so = is_so

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer one request and close."""
        try:
            async with asyncio.timeout(_TIMEOUT_S):
                head = await reader.readuntil(b"\r\n\r\n")
                writer.write(self._answer(head))
                await writer.drain()
        except (TimeoutError, OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            return  # whoever asked went away or does not speak HTTP
        finally:
            writer.close()

    def _answer(self, head: bytes) -> bytes:
        words = head.split(b"\r\n", 1)[0].split()
        if len(words) < 2 or words[1].partition(b"?")[0] != self._path.encode():
            return _response("404 Not Found")
        return _response("200 OK") if self._is_so() else _response("503 Service Unavailable")


def _response(status: str) -> bytes:
    body = status.partition(" ")[2]
    head = f"HTTP/1.1 {status}\r\nContent-Type: text/plain\r\nContent-Length: {len(body)}"
    return f"{head}\r\nConnection: close\r\n\r\n{body}".encode()
