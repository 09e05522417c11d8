"""[IO] Port forwarding over HTTP: which of its three ways a client speaks."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable

from aiohttp import web

from netemu.api.client import Object
from netemu.api.errors import BadRequestError
from netemu.apiserver.exec.wires import websocket
from netemu.apiserver.podaccess import PodAccess
from netemu.apiserver.portforward import messages, spdy
from netemu.apiserver.streams.connection import connected
from netemu.apiserver.streams.links import Link, WebSocketLink, switched, wait_hangup
from netemu.apiserver.streams.upgrade import (
    WEBSOCKET_HEADER,
    check_websocket,
    choose_spdy,
    offered,
    spdy_headers,
    wanted_upgrade,
)

TUNNEL = f"SPDY/3.1+{spdy.PROTOCOL}"


async def portforward_answer(
    request: web.BaseRequest, pod: Object, pod_access: PodAccess
) -> web.StreamResponse:
    """Forward ports of a pod until the client goes.

    Raises:
        BadRequestError: the pod does not run, or the protocol cannot be.

    """
    name, phase = pod["metadata"]["name"], pod.get("status", {}).get("phase", "")
    if not pod["spec"].get("nodeName"):
        raise BadRequestError(f"pod {name} does not have a host assigned")
    if phase in ("Succeeded", "Failed"):
        raise BadRequestError(f"unable to forward port because pod is not running. Current status={phase}")
    if wanted_upgrade(request.headers) == "spdy":
        response = web.StreamResponse()
        headers = spdy_headers(choose_spdy(request.headers, (spdy.PROTOCOL,)))
        async with switched(request, response, headers) as link:
            await _speak_spdy(request, link, pod, pod_access)
        return response
    if TUNNEL in offered(request.headers, WEBSOCKET_HEADER):
        async with websocket(request, (TUNNEL,)) as ws:
            await _speak_spdy(request, WebSocketLink(ws), pod, pod_access)
        return ws
    check_websocket(request.headers, messages.PROTOCOLS)
    ports = messages.parse_ports(request.query.getall("ports", request.query.getall("port", [])))
    async with websocket(request, messages.PROTOCOLS) as ws:
        await _until_hangup(request, messages.forward(ws, ports, pod, pod_access))
    return ws


async def _speak_spdy(request: web.BaseRequest, link: Link, pod: Object, pod_access: PodAccess) -> None:
    async with connected(link) as connection:
        await _until_hangup(request, spdy.forward(connection, pod, pod_access))


async def _until_hangup(request: web.BaseRequest, forwarding: Awaitable[None]) -> None:
    """Forward, and stop when the client is gone, also while nobody reads what it sent."""

    async def forward() -> None:
        await forwarding

    async with asyncio.TaskGroup() as group:
        tasks = {group.create_task(forward()), group.create_task(wait_hangup(request))}
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in tasks:
            task.cancel()
