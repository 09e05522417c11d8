"""[IO] Pass requests on to other API servers, as who sent them."""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from aiohttp import web

from netemu.api.client import Object
from netemu.api.errors import NotFoundError, UnavailableError
from netemu.api.kinds import SERVICE
from netemu.apiserver.aggregation.remotes import Remote, is_available, remote_of
from netemu.apiserver.auth.user import User
from netemu.apiserver.connections import be_patient
from netemu.apiserver.podaccess import PodAccess
from netemu.apiserver.reachpaths import ReachPath

if TYPE_CHECKING:
    from netemu.apiserver.proxy.exchange import Exchange

MAX_BYTES = 4 << 20
"""The schemas of a large server are some hundred kilobytes."""

FindService = Callable[[str, str], Object]


class Identity(NamedTuple):
    """The certificate that says to other API servers who asks them: this one."""

    certificate: Path
    key: Path


class Aggregator:
    """Reaches other API servers through the cluster's network."""

    def __init__(
        self, find_service: FindService, pod_access: PodAccess, identity: Identity | None = None
    ) -> None:
        self._find_service = find_service
        self._pod_access = pod_access
        self._identity = identity

    async def answer(self, request: web.BaseRequest, service: Object, user: User) -> web.StreamResponse:
        """Answer a request with what the server of an APIService answers.

        Raises:
            UnavailableError: it does not.

        """
        from netemu.apiserver.proxy.http import pass_through  # its HTTP client is not needed to start

        if not is_available(service):
            return web.Response(text="service unavailable\n", status=503)
        be_patient(request)
        remote = remote_of(service)
        path = ReachPath(SERVICE, remote.namespace, remote.service, "proxy", request.rel_url.raw_path)
        async with self._exchange(remote) as passing:
            return await pass_through(passing, request, path, remote.host, more=_remote_user(user))

    async def get(self, remote: Remote, path: str) -> tuple[int, bytes]:
        """Ask another API server for a short document; give status and body.

        Raises:
            UnavailableError: it does not answer.

        """
        async with self._exchange(remote) as asking:
            await asking.send_head("GET", path, [("Host", remote.host), ("Accept", "application/json")])
            await asking.send_body(_nothing())
            head = await asking.read_head()
            body = bytearray()
            async for piece in asking.pieces():
                body += piece
                if len(body) > MAX_BYTES:
                    raise UnavailableError("the answer is too long")
            return head.status_code, bytes(body)

    @asynccontextmanager
    async def _exchange(self, remote: Remote) -> AsyncIterator[Exchange]:
        from netemu.apiserver.proxy.backends import Backend
        from netemu.apiserver.proxy.exchange import exchange

        try:
            service = self._find_service(remote.namespace, remote.service)
        except NotFoundError as err:
            raise UnavailableError(f'service "{remote.service}" not found') from err
        backend = Backend("https", service["spec"].get("clusterIP") or "", remote.port)
        tls = _context(remote.ca, self._identity, verifies=remote.verifies)
        async with exchange(backend, self._pod_access, tls=tls, name=remote.host) as made:
            yield made


def _remote_user(user: User) -> list[tuple[str, str]]:
    groups = [("X-Remote-Group", group) for group in user.groups]
    extra = [(f"X-Remote-Extra-{key}", value) for key, values in user.extra.items() for value in values]
    uid = [("X-Remote-Uid", user.uid)] if user.uid else []
    return [("X-Remote-User", user.name), *groups, *uid, *extra]


async def _nothing() -> AsyncIterator[bytes]:
    pieces: tuple[bytes, ...] = ()
    for piece in pieces:
        yield piece


@lru_cache(maxsize=64)
def _context(ca: str, identity: Identity | None, *, verifies: bool) -> ssl.SSLContext:
    if verifies:
        context = ssl.create_default_context(cadata=ca or None)
    else:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    if identity is not None:
        context.load_cert_chain(identity.certificate, identity.key)
    return context
