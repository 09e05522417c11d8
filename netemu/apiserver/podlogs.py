"""[IO] Logs of containers over HTTP."""

from __future__ import annotations

from contextlib import aclosing

from aiohttp import web

from netemu.api.client import Object
from netemu.apiserver.logoptions import parse_log_options
from netemu.apiserver.podaccess import PodAccess
from netemu.apiserver.podcontainers import choose_container


async def log_answer(request: web.BaseRequest, pod: Object, pod_access: PodAccess) -> web.StreamResponse:
    """Stream a container's output, until it ends or the client goes.

    Raises:
        BadRequestError: there is no such container, or nothing to read yet.

    """
    container = choose_container(pod, request.query.get("container", ""))
    options = parse_log_options(request.query, pod["metadata"]["name"])
    answer = web.StreamResponse(headers={"Content-Type": "text/plain", "Cache-Control": "no-cache, private"})
    if not pod["spec"].get("nodeName"):
        await answer.prepare(request)  # as Kubernetes: nothing was said yet, which is no error
        return answer
    async with aclosing(await pod_access.logs(pod, container, options)) as pieces:
        await answer.prepare(request)
        async for piece in pieces:
            await answer.write(piece)
    return answer
