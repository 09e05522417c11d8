"""[IO] The API server: the Kubernetes REST API, over HTTPS for who has a credential, and over a
Unix socket that only its owner can open.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import ssl
import stat
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from aiohttp import web

from netemu.api.errors import ApiError, BadRequestError, RequestTooLargeError
from netemu.apiserver import answers, bodies
from netemu.apiserver.auth.authorizer import AlwaysAllow
from netemu.apiserver.auth.guard import CHECK_GRANT, Guard
from netemu.apiserver.auth.http import AccessRequests
from netemu.apiserver.documents import DocumentRequests
from netemu.apiserver.objects import ObjectRequests
from netemu.apiserver.podaccess import PodAccess
from netemu.apiserver.podrequests import PodRequests
from netemu.apiserver.registry import Registry
from netemu.apiserver.routes import parse_path
from netemu.clock import Clock, system_clock
from netemu.errors import NetemuError
from netemu.logs import Log

log = Log(__name__)

SHUTDOWN_S = 0.5
BACKLOG = 1024

WaitsFor = Callable[[], str]


class SocketTakenError(NetemuError):
    """Another server listens on the socket."""

    code = "API_SOCKET_TAKEN"


def is_ready() -> str:
    """Wait for nothing: the default of ``serve``."""
    return ""


class Secure(NamedTuple):
    """Where the API is served over TLS: sockets that are bound, and with which certificate."""

    sockets: Sequence[socket.socket]
    tls: ssl.SSLContext


OPEN_GUARD = Guard(AlwaysAllow(), None)


@asynccontextmanager
async def serve(
    registry: Registry,
    pod_access: PodAccess,
    socket_path: Path,
    waits_for: WaitsFor = is_ready,
    *,
    clock: Clock = system_clock,
    guard: Guard = OPEN_GUARD,
    secure: Secure | None = None,
) -> AsyncIterator[None]:
    """Serve the API while the block runs; ``/readyz`` says what ``waits_for`` names.

    Raises:
        SocketTakenError: another server answers on the socket.

    """
    api = ApiServer(registry, pod_access, waits_for, clock, guard)
    listener = open_listener(socket_path)
    # Watches and logs end when their client goes: their handlers are cancelled. Those that write
    # never wait between deciding and writing, so that none is cut in half.
    server = web.Server(api.handle, request_factory=_make_request, handler_cancellation=True, access_log=None)
    runner = web.ServerRunner(server, shutdown_timeout=SHUTDOWN_S)
    await runner.setup()
    try:
        await web.SockSite(runner, listener, backlog=BACKLOG).start()
        if secure is not None:
            for sock in secure.sockets:
                await web.SockSite(runner, sock, ssl_context=secure.tls, backlog=BACKLOG).start()
        yield
    finally:
        await runner.cleanup()
        listener.close()
        with contextlib.suppress(FileNotFoundError):
            socket_path.unlink()


class ApiServer:
    """Answers every request: finds what it is about, and turns errors into Status."""

    def __init__(
        self, registry: Registry, pod_access: PodAccess, waits_for: WaitsFor, clock: Clock, guard: Guard
    ) -> None:
        self._guard = guard
        self._access = AccessRequests(registry, guard)
        self._registry = registry
        self._pod_access = pod_access
        self._documents = DocumentRequests(lambda: registry.kinds, waits_for)
        self._objects = ObjectRequests(registry, clock)
        self._pods = PodRequests(registry, pod_access)

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        """Answer one request; never raises but to be cancelled or when the client is gone."""
        try:
            return await self._answer(request)
        except ApiError as err:
            return answers.error_answer(err)
        except web.HTTPRequestEntityTooLarge:
            most = bodies.MAX_BODY_BYTES
            return answers.error_answer(
                RequestTooLargeError(f"Request entity too large: limit is {most} bytes")
            )
        except web.RequestPayloadError as err:
            return answers.error_answer(BadRequestError(f"the body of the request is damaged: {err}"))
        except (ConnectionError, asyncio.CancelledError):
            raise
        except NetemuError as err:
            log.error("api.failed", exc=err, method=request.method, path=request.path)
            return answers.error_answer(ApiError(err.message, hint=err.hint))
        except Exception as err:  # the server outlives whatever one request meets
            log.error("api.failed", exc=err, method=request.method, path=request.path)
            what = f"Internal error occurred: {type(err).__name__}: {err}"
            return answers.error_answer(ApiError(what, hint="The daemon's log has the details."))

    async def _answer(self, request: web.BaseRequest) -> web.StreamResponse:
        user = self._guard.check(request)
        request[CHECK_GRANT] = partial(self._guard.authorizer.check_grant, user)
        about_access = await self._access.answer(request, user)
        if about_access is not None:
            return about_access
        into_pod = await self._pods.answer(request)
        if into_pod is not None:
            return into_pod
        document = await self._documents.answer(request)
        if document is not None:
            return document
        path = parse_path(request.path, self._registry.kinds)
        return await self._objects.answer(request, path)


def open_listener(path: Path) -> socket.socket:
    """Listen on a Unix socket that only this user can open; a dead server's one is replaced.

    Raises:
        SocketTakenError: another server answers on it.

    """
    _remove_stale(path)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_CLOEXEC)
    # The umask belongs to the process: no thread may create files between these two lines.
    umask = os.umask(0o177)
    try:
        listener.bind(str(path))
    except OSError:
        listener.close()
        raise
    finally:
        os.umask(umask)
    listener.setblocking(False)
    return listener


def _remove_stale(path: Path) -> None:
    try:
        mode = path.stat().st_mode
    except FileNotFoundError:
        return
    if not stat.S_ISSOCK(mode):
        raise SocketTakenError(f"{path} is no socket", hint="Move it away.")
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        try:
            probe.connect(str(path))
        except ConnectionRefusedError:
            path.unlink()
        else:
            raise SocketTakenError(
                f"another server listens on {path}", hint="Look whether the cluster runs: netemu status."
            )


def _make_request(message: Any, payload: Any, protocol: Any, writer: Any, task: Any) -> web.BaseRequest:
    loop = asyncio.get_running_loop()
    return web.BaseRequest(
        message, payload, protocol, writer, task, loop, client_max_size=bodies.MAX_BODY_BYTES
    )
