"""[IO] Logs of containers over HTTP, or over WebSocket.

Source of the protocols: apimachinery ``pkg/util/httpstream/wsstream``.
"""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator
from contextlib import aclosing

from aiohttp import web

from netemu.api.client import Object
from netemu.apiserver.logoptions import parse_log_options
from netemu.apiserver.onewaysocket import OneWaySocket, wants_socket
from netemu.apiserver.podaccess import PodAccess
from netemu.apiserver.podcontainers import choose_container
from netemu.apiserver.streams.upgrade import check_websocket

BINARY, TEXT = "binary.k8s.io", "base64.binary.k8s.io"
HEADERS = {"Content-Type": "text/plain", "Cache-Control": "no-cache, private"}


async def log_answer(request: web.BaseRequest, pod: Object, pod_access: PodAccess) -> web.StreamResponse:
    """Stream a container's output, until it ends or the client goes.

    Raises:
        BadRequestError: there is no such container, or nothing to read yet.

    """
    container = choose_container(pod, request.query.get("container", ""))
    options = parse_log_options(request.query, pod["metadata"]["name"])
    answer = _begun(request)
    if not pod["spec"].get("nodeName"):
        await answer.prepare(request)  # as Kubernetes: nothing was said yet, which is no error
        await answer.write_eof()
        return answer
    async with aclosing(await pod_access.logs(pod, container, options)) as pieces:
        await answer.prepare(request)
        telling = _tell(answer, pieces)
        await (answer.until_closed(telling) if isinstance(answer, LogSocket) else telling)
        await answer.write_eof()
    return answer


class LogSocket(OneWaySocket):
    """Takes pieces as an HTTP answer does, and sends each as a message: as it is, or in base64."""

    def __init__(self) -> None:
        super().__init__((BINARY, TEXT))

    async def write(self, data: bytes | bytearray | memoryview[int] | memoryview[bytes]) -> None:
        """Send a piece."""
        if self.ws_protocol == TEXT:
            await self.send_str(base64.b64encode(data).decode())
        else:
            await self.send_bytes(bytes(data))


def _begun(request: web.BaseRequest) -> web.StreamResponse:
    if not wants_socket(request):
        return web.StreamResponse(headers=HEADERS)
    check_websocket(request.headers, (BINARY, TEXT))
    return LogSocket()


async def _tell(answer: web.StreamResponse, pieces: AsyncIterator[bytes]) -> None:
    async for piece in pieces:
        await answer.write(piece)
