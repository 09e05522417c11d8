"""The proxy over real sockets; the backend is played by the test."""

from __future__ import annotations

import asyncio
import gzip

import aiohttp
import pytest
from aiohttp import web

from netemu.api.kinds import POD

PROXY = "/api/v1/namespaces/default/pods/p:80/proxy"


@pytest.fixture
async def pod(registry, pods):
    await registry.create(
        POD,
        {
            "metadata": {"name": "p", "namespace": "default"},
            "spec": {"containers": [{"name": "c", "image": "nginx"}], "nodeName": "node-1"},
        },
    )
    status = {"status": {"phase": "Running", "podIP": "10.244.1.2"}}
    await registry.patch(POD, "default", "p", status, subresource="status")


@pytest.fixture
async def backend(pods, pod):
    """Give a function that puts an HTTP server behind the pod's address."""
    runners = []

    async def serve(handler):
        runner = web.ServerRunner(web.Server(handler))
        runners.append(runner)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        pods.backend_port = site._server.sockets[0].getsockname()[1]

    yield serve
    for runner in runners:
        await runner.cleanup()


@pytest.fixture
async def client(served):
    connector = aiohttp.UnixConnector(path=str(served))
    async with aiohttp.ClientSession("http://api.test", connector=connector) as session:
        yield session


async def test_method_path_query_and_body_arrive_as_they_were(client, backend, pods):
    async def handler(request):
        body = await request.text()
        return web.Response(text=f"{request.method} {request.rel_url.raw_path_qs} {body}")

    await backend(handler)
    answer = await client.put(f"{PROXY}/a%2Fb/?x=1&x=2", data="hello")

    assert (answer.status, await answer.text()) == (200, "PUT /a%2Fb/?x=1&x=2 hello")
    assert pods.calls[-1] == ("node-1", "10.244.1.2", 80)


async def test_bodies_stream_both_ways_at_once(client, backend):
    async def handler(request):
        answer = web.StreamResponse()
        await answer.prepare(request)
        async for piece in request.content.iter_any():
            await answer.write(piece.upper())
        return answer

    heard = asyncio.Event()

    async def body():
        yield b"first"
        await heard.wait()
        yield b"second"

    await backend(handler)
    answer = await client.post(f"{PROXY}/", data=body())
    first = await answer.content.readany()
    heard.set()

    assert (first, await answer.read()) == (b"FIRST", b"SECOND")


async def test_an_answers_status_and_headers_come_back(client, backend):
    async def handler(request):
        return web.Response(status=418, headers=[("X-A", "1"), ("X-A", "2")])

    await backend(handler)
    answer = await client.get(f"{PROXY}/")

    assert (answer.status, answer.headers.getall("X-A")) == (418, ["1", "2"])


async def test_redirects_stay_inside_the_proxy(client, backend):
    async def handler(request):
        return web.Response(status=302, headers={"Location": "/login?next=%2F"})

    await backend(handler)
    answer = await client.get(f"{PROXY}/", allow_redirects=False)

    assert answer.headers["Location"] == f"{PROXY}/login?next=%2F"


@pytest.mark.parametrize("encoding", ["", "gzip"])
async def test_links_of_a_page_stay_inside_the_proxy(client, backend, encoding):
    page = b'<a href="/x">x</a>'

    async def handler(request):
        body = gzip.compress(page) if encoding else page
        headers = {"Content-Type": "text/html; charset=utf-8", "Content-Encoding": encoding or "identity"}
        return web.Response(body=body, headers=headers if encoding else {"Content-Type": "text/html"})

    await backend(handler)
    answer = await client.get(f"{PROXY}/")

    assert await answer.read() == f'<a href="{PROXY}/x">x</a>'.encode()


async def test_the_proxy_itself_is_a_directory(client, pod):
    answer = await client.get(f"{PROXY}?a=b", allow_redirects=False)

    assert (answer.status, answer.headers["Location"]) == (301, f"{PROXY}/?a=b")


@pytest.mark.parametrize("method", ["DELETE", "OPTIONS", "PATCH", "POST", "PUT"])
async def test_what_is_no_question_is_not_sent_elsewhere(client, backend, method):
    async def handler(request):
        return web.Response(text=f"{request.method} {request.rel_url}")

    await backend(handler)
    answer = await client.request(method, f"{PROXY}?a=b", allow_redirects=False)

    assert (answer.status, await answer.text()) == (200, f"{method} /?a=b")


async def test_websockets_pass_through(client, backend):
    async def handler(request):
        ws = web.WebSocketResponse(protocols=["chat"])
        await ws.prepare(request)
        async for message in ws:
            await ws.send_str(message.data.upper())
        return ws

    await backend(handler)
    async with client.ws_connect(f"{PROXY}/", protocols=["chat"]) as ws:
        await ws.send_str("hello")
        heard = await ws.receive_str()

    assert (ws.protocol, heard) == ("chat", "HELLO")


async def test_a_refused_upgrade_is_an_ordinary_answer(client, backend):
    async def handler(request):
        return web.Response(status=403, text="no")

    await backend(handler)
    with pytest.raises(aiohttp.WSServerHandshakeError, match="403"):
        await client.ws_connect(f"{PROXY}/")


async def test_no_answer_is_a_status_that_says_so(client, backend, pods):
    async def silent(reader, writer):
        writer.close()

    server = await asyncio.start_server(silent, "127.0.0.1", 0)
    pods.backend_port = server.sockets[0].getsockname()[1]
    async with server:
        answer = await client.get(f"{PROXY}/")
        status = await answer.json()

    assert (answer.status, status["reason"]) == (503, "ServiceUnavailable")
    assert status["message"].startswith("error trying to reach service: ")


async def test_an_answer_that_breaks_off_breaks_off_for_the_client_too(client, backend, pods):
    async def broken(reader, writer):
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf")
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(broken, "127.0.0.1", 0)
    pods.backend_port = server.sockets[0].getsockname()[1]
    async with server:
        answer = await client.get(f"{PROXY}/")
        with pytest.raises(aiohttp.ClientPayloadError):
            await answer.read()
