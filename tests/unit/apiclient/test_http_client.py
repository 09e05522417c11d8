"""What the client makes of servers that do not answer as they should; each is played by a test."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import Iterator
from contextlib import aclosing, asynccontextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from netemu.api.errors import ApiError, ForbiddenError, UnavailableError
from netemu.api.kinds import CONFIG_MAP
from netemu.apiclient.http import HttpClient

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"
STREAM = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"


@pytest.fixture
def socket_path() -> Iterator[Path]:
    with TemporaryDirectory() as directory:
        yield Path(directory) / "api.sock"


def chunk(data: bytes) -> bytes:
    return b"%x\r\n%s\r\n" % (len(data), data)


def event(kind: str, name: str, revision: int) -> bytes:
    meta = b'{"name":"%s","resourceVersion":"%d"}' % (name.encode(), revision)
    return chunk(b'{"type":"%s","object":{"metadata":%s}}\n' % (kind.encode(), meta))


@asynccontextmanager
async def played(path: Path, *connections: list[bytes]):
    """Serve connections one after the other: each answers its requests with these bytes, then closes.

    Gives the list of the requests' first lines.
    """
    waiting = list(connections)
    asked: list[str] = []

    async def serve(reader, writer):
        answers = waiting.pop(0)
        try:
            for answer in answers:
                asked.append((await reader.readuntil(b"\r\n\r\n")).split(b"\r\n")[0].decode())
                writer.write(answer)
                await writer.drain()
        finally:
            writer.close()

    server = await asyncio.start_unix_server(serve, str(path))
    async with server:
        yield asked


@asynccontextmanager
async def client_of(path: Path):
    client = HttpClient(path)
    try:
        yield client
    finally:
        await client.close()


async def test_without_a_server_the_error_says_what_to_do(socket_path):
    async with client_of(socket_path) as client:
        with pytest.raises(UnavailableError, match="cannot reach the API server at") as caught:
            await client.list(CONFIG_MAP)
    assert "netemu status" in caught.value.hint


async def test_a_connection_is_used_again(socket_path):
    async with played(socket_path, [OK, OK, OK]) as asked, client_of(socket_path) as client:
        for _ in range(3):
            await client.request("GET", "/x")
    assert asked == ["GET /x HTTP/1.1"] * 3


async def test_a_kept_connection_that_was_closed_is_replaced(socket_path):
    async with played(socket_path, [OK], [OK]) as asked, client_of(socket_path) as client:
        await client.request("GET", "/x")
        await asyncio.sleep(0)
        await client.request("GET", "/y")
    assert asked == ["GET /x HTTP/1.1", "GET /y HTTP/1.1"]


async def test_a_write_whose_answer_was_lost_is_not_repeated(socket_path):
    async with played(socket_path, [OK, b""], [OK]) as asked, client_of(socket_path) as client:
        await client.request("GET", "/x")
        with pytest.raises(UnavailableError, match="closed the connection"):
            await client.request("POST", "/y")
    assert asked == ["GET /x HTTP/1.1", "POST /y HTTP/1.1"]


async def test_an_answer_that_breaks_off_is_an_error(socket_path):
    broken = b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf"
    async with played(socket_path, [broken]), client_of(socket_path) as client:
        with pytest.raises(UnavailableError, match="closed the connection amid its answer"):
            await client.request("GET", "/x")


async def test_a_status_becomes_the_error_that_it_stands_for(socket_path):
    body = b'{"kind":"Status","message":"no","reason":"Forbidden","code":403,"details":{"hint":"ask"}}'
    head = b"HTTP/1.1 403 Forbidden\r\nContent-Length: %d\r\n\r\n" % len(body)
    async with played(socket_path, [head + body]), client_of(socket_path) as client:
        with pytest.raises(ForbiddenError, match="no") as caught:
            await client.get(CONFIG_MAP, "default", "c")
    assert caught.value.hint == "ask"


async def test_an_answer_that_is_no_status_is_an_error_all_the_same(socket_path):
    answer = b"HTTP/1.1 500 Oops\r\nContent-Length: 4\r\n\r\noops"
    async with played(socket_path, [answer]), client_of(socket_path) as client:
        with pytest.raises(ApiError, match="oops"):
            await client.get(CONFIG_MAP, "default", "c")


async def test_a_watch_that_ends_in_order_is_taken_up_where_it_ended(socket_path):
    first = STREAM + event("ADDED", "a", 5) + event("BOOKMARK", "", 9) + chunk(b"")[:-2] + b"\r\n"
    second = STREAM + event("ADDED", "b", 11)
    async with played(socket_path, [first], [second]) as asked, client_of(socket_path) as client:
        names = []
        async with aclosing(client.watch(CONFIG_MAP, revision=4)) as events:
            async for seen in events:
                names.append(seen.object["metadata"]["name"])
                if len(names) == 2:
                    break
    assert names == ["a", "b"]
    assert ["resourceVersion=4" in asked[0], "resourceVersion=9" in asked[1]] == [True, True]


async def test_a_watch_whose_server_dies_is_an_error(socket_path):
    async with played(socket_path, [STREAM + event("ADDED", "a", 5)]), client_of(socket_path) as client:
        with pytest.raises(UnavailableError):
            async for _ in client.watch(CONFIG_MAP, revision=4):
                pass


async def test_events_may_come_in_any_pieces(socket_path):
    whole = b'{"type":"ADDED","object":{"metadata":{"name":"a","resourceVersion":"5"}}}\n'
    pieces = b"".join(chunk(whole[i : i + 7]) for i in range(0, len(whole), 7))
    async with played(socket_path, [STREAM + pieces]), client_of(socket_path) as client:
        events = client.watch(CONFIG_MAP, revision=4)
        assert (await anext(events)).object["metadata"]["name"] == "a"
        await events.aclose()


def test_the_client_loads_no_http_framework():
    code = "import sys, netemu.apiclient.http, netemu.apiclient.exec; print('aiohttp' in sys.modules)"

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout.strip() == "False"
