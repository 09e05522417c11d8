"""[IO] Ask webhooks: one POST over TLS, to a Service through the cluster's network or to a host."""

from __future__ import annotations

import asyncio
import os
import socket
import ssl
from collections.abc import AsyncIterator, Callable
from functools import lru_cache

from netemu.api.client import Object
from netemu.api.errors import ApiError, NotFoundError
from netemu.apiserver.hooks.target import CallError, Target
from netemu.apiserver.podaccess import PodAccess

MAX_ANSWER_BYTES = 3 << 20

FindService = Callable[[str, str], Object]
"""Gives the Service of a namespace and name, or raises ``NotFoundError``."""


class WebhookCaller:
    """Sends reviews; each over a connection of its own, for webhooks are asked seldom."""

    def __init__(self, find_service: FindService, pod_access: PodAccess) -> None:
        self._find_service = find_service
        self._pod_access = pod_access

    async def __call__(self, target: Target, body: bytes, timeout_s: float) -> bytes:
        """Give what a webhook answers.

        Raises:
            CallError: it does not, or not in time.

        """
        query = f"timeout={timeout_s:g}s"
        path = f"{target.path}&{query}" if "?" in target.path else f"{target.path}?{query}"
        what = f'failed to call webhook: Post "{target.url}?{query}"'
        try:
            async with asyncio.timeout(timeout_s):
                return await self._post(target, path, body, what)
        except TimeoutError as err:
            raise CallError(f"{what}: context deadline exceeded") from err
        except (OSError, ApiError) as err:
            raise CallError(f"{what}: {_reason(err, target)}") from err

    async def _post(self, target: Target, path: str, body: bytes, what: str) -> bytes:
        from netemu.apiserver.proxy.exchange import Exchange  # its HTTP client is not needed to start

        tls = _context(target.ca)
        sock = await self._dial(target) if target.service else None
        place = {"sock": sock} if sock is not None else {"host": target.host, "port": target.port}
        reader, writer = await asyncio.open_connection(
            ssl=tls,
            server_hostname=target.host,
            **place,
        )
        try:
            asking = Exchange(reader, writer)
            headers = [
                ("Host", f"{target.host}:{target.port}"),
                ("Content-Type", "application/json"),
                ("Accept", "application/json, */*"),
                ("User-Agent", "kube-apiserver-admission"),
                ("Content-Length", str(len(body))),
            ]
            await asking.send_head("POST", path, headers)
            await asking.send_body(_once(body))
            head = await asking.read_head()
            answer = await _read(asking.pieces())
        finally:
            writer.transport.abort()
        if not 200 <= head.status_code < 300:
            raise CallError(
                f"{what.partition(':')[0]}: an error on the server ({answer[:200]!r}) has prevented"
                f" the request from succeeding"
            )
        return answer

    async def _dial(self, target: Target) -> socket.socket:
        try:
            service = self._find_service(target.namespace, target.service)
        except NotFoundError as err:
            raise OSError(f'service "{target.service}" not found') from err
        address = service["spec"].get("clusterIP") or ""
        if address in ("", "None"):
            raise OSError(f'service "{target.service}" has no cluster address')
        return await self._pod_access.dial_from_node("", address, target.port)


async def _read(pieces: AsyncIterator[bytes]) -> bytes:
    taken = bytearray()
    async for piece in pieces:
        taken += piece
        if len(taken) > MAX_ANSWER_BYTES:
            raise OSError(f"the answer has more than {MAX_ANSWER_BYTES} bytes")
    return bytes(taken)


async def _once(body: bytes) -> AsyncIterator[bytes]:
    yield body


@lru_cache(maxsize=64)
def _context(ca: str) -> ssl.SSLContext:
    """Trust who the webhook's configuration says; the machine's own CAs if it says nothing."""
    try:
        return ssl.create_default_context(cadata=ca or None)
    except ssl.SSLError as err:
        raise CallError(f"unable to load root certificates: {err.reason}") from err


def _reason(err: OSError | ApiError, target: Target) -> str:
    if isinstance(err, ssl.SSLCertVerificationError):
        return f"tls: failed to verify certificate: x509: {err.verify_message}"
    if isinstance(err, ConnectionError) and err.errno:
        return f"dial tcp {target.host}:{target.port}: connect: {os.strerror(err.errno).lower()}"
    return err.message if isinstance(err, ApiError) else str(err)
