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
from asyncio import sslproto
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import NamedTuple

from aiohttp import web

from netemu.api.errors import ApiError, BadRequestError
from netemu.api.kinds import SERVICE
from netemu.apiserver import answers
from netemu.apiserver.aggregation.http import Aggregator
from netemu.apiserver.auth.authorizer import AlwaysAllow
from netemu.apiserver.auth.guard import ASKED, CHECK_CREATE, CHECK_GRANT, Guard
from netemu.apiserver.auth.http import AccessRequests
from netemu.apiserver.connections import FLOW, Connections
from netemu.apiserver.deadlines import check_timeout
from netemu.apiserver.documents import DocumentRequests
from netemu.apiserver.limits import DEFAULT, Limits
from netemu.apiserver.measurements import MeasurementRequests
from netemu.apiserver.metrics import Metrics
from netemu.apiserver.objects import ObjectRequests
from netemu.apiserver.podaccess import PodAccess
from netemu.apiserver.podrequests import PodRequests
from netemu.apiserver.registry import Registry
from netemu.apiserver.routes import parse_path
from netemu.apiserver.usage import NothingMeasured, UsageMeter
from netemu.clock import Clock, system_clock
from netemu.errors import NetemuError
from netemu.logs import Log

log = Log(__name__)

SHUTDOWN_S = 0.5
BACKLOG = 1024
TLS_READ_BYTES = 16 << 10

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
    limits: Limits = DEFAULT,
    meter: UsageMeter | None = None,
    aggregator: Aggregator | None = None,
) -> AsyncIterator[None]:
    """Serve the API while the block runs; ``/readyz/cluster`` says what ``waits_for`` names.

    ``aggregator`` reaches other API servers, which answer for some groups.

    Raises:
        SocketTakenError: another server answers on the socket.

    """
    api = ApiServer(
        registry,
        pod_access,
        waits_for,
        clock,
        guard,
        meter or UsageMeter(NothingMeasured(), clock),
        aggregator or Aggregator(partial(registry.get, SERVICE), pod_access),
    )
    listener = open_listener(socket_path)
    connections = Connections(api.handle, limits)
    loop = asyncio.get_running_loop()
    listening = [await loop.create_server(connections, sock=listener, backlog=BACKLOG)]
    try:
        if secure is not None:
            listening += await _listen_tls(connections, secure, limits)
        yield
    finally:
        for server in listening:
            server.close()
        connections.pre_shutdown()
        await connections.shutdown(SHUTDOWN_S)
        with contextlib.suppress(FileNotFoundError):
            socket_path.unlink()


class ApiServer:
    """Answers every request: finds what it is about, and turns errors into Status."""

    def __init__(
        self,
        registry: Registry,
        pod_access: PodAccess,
        waits_for: WaitsFor,
        clock: Clock,
        guard: Guard,
        meter: UsageMeter,
        aggregator: Aggregator,
    ) -> None:
        self._guard = guard
        self._access = AccessRequests(registry, guard)
        self._registry = registry
        registry.gate.allows = guard.authorizer.allows
        self._pod_access = pod_access
        self._metrics = Metrics(registry, clock)
        self._measurements = MeasurementRequests(registry, meter, clock)
        self._documents = DocumentRequests(
            lambda: registry.kinds, waits_for, registry.remotes, aggregator.get
        )
        self._aggregator = aggregator
        self._objects = ObjectRequests(registry, clock)
        self._pods = PodRequests(registry, pod_access)

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        """Answer one request; never raises but to be cancelled or when the client is gone."""
        answer = await self._answer_or_status(request)
        self._metrics.count(request, answer.status)
        return answer

    async def _answer_or_status(self, request: web.BaseRequest) -> web.StreamResponse:
        try:
            return await self._answer(request)
        except ApiError as err:
            return answers.error_answer(err)
        except web.HTTPBadRequest as err:  # an upgrade that cannot be
            return answers.error_answer(BadRequestError(err.text or err.reason))
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
        request[CHECK_CREATE] = partial(self._guard.require_create, user)
        if ASKED in request:
            request[FLOW] = self._registry.flows.find(user, request[ASKED])
            check_timeout(request.query, request[ASKED])
        if request.path == "/metrics":
            return self._metrics.answer()
        remote = None if self._registry.remotes.is_idle else self._registry.remotes.find(request.path)
        if remote is not None:
            return await self._aggregator.answer(request, remote, user)
        about_access = await self._access.answer(request, user)
        if about_access is not None:
            return about_access
        into_pod = await self._pods.answer(request)
        if into_pod is not None:
            return into_pod
        document = await self._documents.answer(request)
        if document is not None:
            return document
        measured = await self._measurements.answer(request)
        if measured is not None:
            return measured
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


async def _listen_tls(connections: Connections, secure: Secure, limits: Limits) -> list[asyncio.Server]:
    # Each connection has a buffer of this size from its beginning on; asyncio's 256 KiB would make a
    # thousand idle watches cost 300 MB. A TLS record has 16 KiB.
    sslproto.SSLProtocol.max_size = TLS_READ_BYTES
    create, wait_s = asyncio.get_running_loop().create_server, limits.handshake_s
    return [
        await create(connections, sock=sock, ssl=secure.tls, backlog=BACKLOG, ssl_handshake_timeout=wait_s)
        for sock in secure.sockets
    ]
