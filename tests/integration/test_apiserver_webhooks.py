"""Reviews really cross TLS: to Services and hosts whose certificate their configuration vouches for."""

from __future__ import annotations

import asyncio
import ssl
import time
from base64 import b64encode
from contextlib import asynccontextmanager
from ipaddress import ip_address

import pytest

from netemu.api.errors import NotFoundError
from netemu.apiserver.hooks.http import WebhookCaller
from netemu.apiserver.hooks.target import CallError, target_of
from netemu.pki.certificates import Authority


class Network:
    """The cluster's network, as far as it is needed: every address is this machine."""

    async def dial_from_node(self, node, address, port):
        import socket

        sock = socket.socket()
        sock.setblocking(False)
        await asyncio.get_running_loop().sock_connect(sock, ("127.0.0.1", port))
        return sock


def find_service(namespace, name):
    if name != "hooks":
        raise NotFoundError(f'services "{name}" not found')
    return {"spec": {"clusterIP": "10.96.0.9"}}


@asynccontextmanager
async def serving(tmp_path, answer):
    """Serve one answer over TLS; give its port, its CA and what was asked."""
    authority = Authority(time.time())
    credential = authority.server(["hooks.default.svc"], [ip_address("127.0.0.1")])
    (tmp_path / "tls.pem").write_bytes(credential.certificate + credential.key)
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(tmp_path / "tls.pem")
    asked = []

    async def handle(reader, writer):
        head = await reader.readuntil(b"\r\n\r\n")
        asked.append(head.decode().split("\r\n")[0])
        length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
        body = await reader.readexactly(length)
        if answer is not None:
            head = f"HTTP/1.1 {answer} X\r\nContent-Length: {len(body)}\r\n\r\n"
            writer.write(head.encode() + body)
            await writer.drain()
        else:
            await reader.read()
        writer.close()

    server = await asyncio.start_server(handle, "127.0.0.1", 0, ssl=tls)
    try:
        yield server.sockets[0].getsockname()[1], b64encode(authority.credential.certificate).decode(), asked
    finally:
        server.close()


CALL = WebhookCaller(find_service, Network())


def service(port, ca, name="hooks"):
    place = {"namespace": "default", "name": name, "port": port, "path": "/check"}
    return target_of({"service": place, "caBundle": ca})


async def test_a_service_and_a_host_are_asked_and_answer(tmp_path):
    async with serving(tmp_path, 200) as (port, ca, asked):
        by_service = await CALL(service(port, ca), b'{"a":1}', 10)
        by_url = await CALL(target_of({"url": f"https://127.0.0.1:{port}/x?y=1", "caBundle": ca}), b"{}", 3)

    assert (by_service, by_url) == (b'{"a":1}', b"{}")
    assert asked == ["POST /check?timeout=10s HTTP/1.1", "POST /x?y=1&timeout=3s HTTP/1.1"]


@pytest.mark.parametrize(
    ("answer", "name", "within_s", "said"),
    [
        pytest.param(200, "other", 10, 'service "other" not found', id="no-service"),
        pytest.param(500, "hooks", 10, "an error on the server", id="error"),
        pytest.param(None, "hooks", 0.3, "context deadline exceeded", id="silence"),
    ],
)
async def test_what_does_not_answer_says_why(tmp_path, answer, name, within_s, said):
    async with serving(tmp_path, answer) as (port, ca, _):
        with pytest.raises(CallError) as caught:
            await CALL(service(port, ca, name), b"{}", within_s)

    assert caught.value.message.startswith("failed to call webhook")
    assert said in caught.value.message


async def test_a_certificate_of_someone_else_is_not_trusted(tmp_path):
    stranger = b64encode(Authority(time.time()).credential.certificate).decode()
    async with serving(tmp_path, 200) as (port, _, asked):
        with pytest.raises(CallError, match="tls: failed to verify certificate: x509"):
            await CALL(service(port, stranger), b"{}", 10)

    assert asked == []


async def test_where_nobody_listens_the_connection_is_refused(tmp_path):
    with pytest.raises(CallError, match="refused"):
        await CALL(service(1, ""), b"{}", 10)
