"""[IO] exec and attach over HTTP: WebSocket or SPDY on one side, pipes or a terminal on the other."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from aiohttp import web

from netemu.api.client import Object
from netemu.api.errors import ApiError, BadRequestError, NotFoundError
from netemu.apiserver.exec.carry import carry
from netemu.apiserver.exec.channels import PROTOCOLS, SPDY_PROTOCOLS, failure_status
from netemu.apiserver.exec.wires import (
    Options,
    SpdyWire,
    WebSocketWire,
    Wire,
    accept_streams,
    expected_streams,
    parse_options,
    websocket,
)
from netemu.apiserver.podaccess import ExecSession, PodAccess
from netemu.apiserver.podcontainers import check_can_exec, choose_container
from netemu.apiserver.streams.connection import connected
from netemu.apiserver.streams.failures import first_failure
from netemu.apiserver.streams.links import switched, wait_hangup
from netemu.apiserver.streams.upgrade import check_websocket, choose_spdy, spdy_headers, wanted_upgrade
from netemu.errors import NetemuError

Start = Callable[[], Awaitable[ExecSession]]

# What is put before the words of a kubelet that has no such container. It speaks SPDY, to clients too;
# for who speaks WebSocket, the API server is the client that is told.
REFUSED = "unable to upgrade connection: "
REFUSED_BEHIND = f"Internal error occurred: {REFUSED}"


async def exec_answer(request: web.BaseRequest, pod: Object, pod_access: PodAccess) -> web.StreamResponse:
    """Run a command in a container and carry its input and output until it ends.

    Raises:
        BadRequestError: the pod, the container, the command or the protocol cannot be.

    """
    check_can_exec(pod)
    container = choose_container(pod, request.query.get("container", ""))
    argv = request.query.getall("command", [])
    if not argv:
        raise BadRequestError("you must specify at least one command for the container")
    upgrade, options = wanted_upgrade(request.headers), parse_options(request.query)

    def start() -> Awaitable[ExecSession]:
        return pod_access.exec(pod, container, argv, stdin=options.stdin, tty=options.tty)

    return await _SPEAK[upgrade](request, options, start)


async def attach_answer(request: web.BaseRequest, pod: Object, pod_access: PodAccess) -> web.StreamResponse:
    """Carry the input and output of a container's own command until either side is gone.

    Raises:
        BadRequestError: the pod, the container or the protocol cannot be.

    """
    check_can_exec(pod, "attach to")
    container = choose_container(pod, request.query.get("container", ""))
    upgrade, options = wanted_upgrade(request.headers), parse_options(request.query)

    def start() -> Awaitable[ExecSession]:
        return pod_access.attach(pod, container, stdin=options.stdin)

    return await _SPEAK[upgrade](request, options, start)


async def _speak_websocket(request: web.BaseRequest, options: Options, start: Start) -> web.StreamResponse:
    check_websocket(request.headers, PROTOCOLS)
    async with websocket(request, PROTOCOLS) as ws:
        await _run(request, WebSocketWire(ws), options, start, REFUSED_BEHIND)
    return ws


async def _speak_spdy(request: web.BaseRequest, options: Options, start: Start) -> web.StreamResponse:
    protocol = choose_spdy(request.headers, SPDY_PROTOCOLS)
    response = web.StreamResponse()
    async with switched(request, response, spdy_headers(protocol)) as link, connected(link) as connection:
        streams = await accept_streams(connection, expected_streams(options, protocol))
        if streams is not None:
            await _run(request, SpdyWire(connection, streams, protocol), options, start, REFUSED)
    return response


async def _run(request: web.BaseRequest, wire: Wire, options: Options, start: Start, refused: str) -> None:
    try:
        session = await start()
        with first_failure():
            await carry(wire, session, options, lambda: wait_hangup(request))
    except NotFoundError as err:
        await wire.finish(failure_status(ApiError(refused + err.message)))
    except NetemuError as err:
        failure = err if isinstance(err, ApiError) else ApiError(err.message, hint=err.hint)
        await wire.finish(failure_status(failure))


_SPEAK: dict[str, Callable[[web.BaseRequest, Options, Start], Awaitable[web.StreamResponse]]] = {
    "websocket": _speak_websocket,
    "spdy": _speak_spdy,
}
