"""How long the server waits for a client, and what it keeps meanwhile."""

from __future__ import annotations

import asyncio
import socket
import ssl
import time
from contextlib import asynccontextmanager
from ipaddress import IPv4Address

import msgspec
import pytest

from netemu.api.errors import TooManyRequestsError
from netemu.api.kinds import CONFIG_MAP, POD
from netemu.apiserver.connections import BodyBudget
from netemu.apiserver.http import Secure, serve
from netemu.apiserver.limits import Limits
from netemu.cluster.api_access import server_tls
from netemu.pki.files import PkiFiles
from netemu.pki.invoke import ensure_files
from netemu.testing import builders
from netemu.testing.eventually import eventually

CONFIG_MAPS = "/api/v1/namespaces/default/configmaps"
QUICK = Limits(
    handshake_s=0.1, head_s=0.1, idle_s=0.2, body_s=0.1, unread_s=0.1, buffer_bytes=4096, bodies_bytes=8192
)
WITHIN_S = 60
UNREAD_S = 0.4  # longer than the server's patience


@pytest.fixture
async def quick(registry, pods, socket_path, clock):
    """A server of little patience."""
    async with serve(registry, pods, socket_path, clock=clock, limits=QUICK):
        yield socket_path


@asynccontextmanager
async def connected(path):
    reader, writer = await asyncio.open_unix_connection(str(path))
    try:
        yield reader, writer
    finally:
        writer.close()


async def end_of(reader):
    """Read all there is; a connection that is cut ends too."""
    pieces = []
    async with asyncio.timeout(WITHIN_S):
        try:
            while piece := await reader.read(65536):
                pieces.append(piece)
        except ConnectionError:
            pass
    return b"".join(pieces)


async def answered_and_left(reader, tasks):
    """Wait until the server has begun its answer, and given it up: it has as many tasks as before."""
    first = await reader.readexactly(1)

    async def there():
        return len(asyncio.all_tasks())

    await eventually(there, lambda count: count <= tasks)
    return first


async def fill(registry, count, size_bytes):
    for number in range(count):
        meta = {"name": f"c{number}", "namespace": "default"}
        await registry.create(CONFIG_MAP, {"metadata": meta, "data": {"x": "x" * size_bytes}})


@pytest.mark.parametrize(
    "sent",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(b"GET /version HTT", id="half a line"),
        pytest.param(b"GET /version HTTP/1.1\r\nHost: x\r\n", id="half a head"),
        pytest.param(b"GET /version HTTP/1.1\r\nHost: x\r\n\r\nGET /vers", id="half of the next one"),
    ],
)
async def test_a_client_that_does_not_finish_its_head_is_left(quick, sent):
    async with connected(quick) as (reader, writer):
        writer.write(sent)

        await end_of(reader)


async def test_bytes_that_trickle_do_not_buy_time(quick):
    async with connected(quick) as (reader, writer), asyncio.TaskGroup() as group:

        async def trickle():
            writer.write(b"GET /version HTTP/1.1\r\n")
            while True:
                writer.write(b"X: y\r\n")
                await asyncio.sleep(0.02)

        trickling = group.create_task(trickle())
        await end_of(reader)
        trickling.cancel()


async def test_a_body_that_does_not_come_is_a_timeout(quick):
    async with connected(quick) as (reader, writer):
        writer.write(f"POST {CONFIG_MAPS} HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{{".encode())
        async with asyncio.timeout(WITHIN_S):
            status = await reader.readline()

    assert status == b"HTTP/1.1 504 Gateway Timeout\r\n"


async def test_bodies_that_are_too_many_at_once_are_told_to_come_again(quick):
    async with connected(quick) as (reader, writer):
        head = f"POST {CONFIG_MAPS} HTTP/1.1\r\nHost: x\r\nContent-Length: 10000\r\n\r\n"
        writer.write(head.encode() + b"x" * 10000)
        async with asyncio.timeout(WITHIN_S):
            status = await reader.readline()

    assert status == b"HTTP/1.1 429 Too Many Requests\r\n"


def test_the_room_for_bodies_is_given_back():
    budget = BodyBudget(10)
    budget.take(10)
    with pytest.raises(TooManyRequestsError):
        budget.take(1)

    budget.give_back(10)
    budget.take(10)


async def test_who_does_not_read_a_long_list_is_left(quick, registry):
    await fill(registry, 60, 100_000)
    tasks = len(asyncio.all_tasks())
    async with connected(quick) as (reader, writer):
        writer.write(f"GET {CONFIG_MAPS} HTTP/1.1\r\nHost: x\r\n\r\n".encode())

        got = await answered_and_left(reader, tasks) + await end_of(reader)

    assert got.startswith(b"HTTP/1.1 200")
    assert len(got) < 60 * 100_000


async def test_who_reads_slowly_gets_all_of_a_long_list(served, http, registry):
    await fill(registry, 30, 10_000)
    got = b"".join([piece async for piece in http.stream("GET", CONFIG_MAPS)])
    listing = msgspec.json.decode(got)

    assert (listing["kind"], len(listing["items"])) == ("ConfigMapList", 30)
    assert list(listing) == ["kind", "apiVersion", "metadata", "items"]


async def test_who_does_not_read_a_watch_is_left(quick, registry):
    await fill(registry, 10, 100_000)
    tasks = len(asyncio.all_tasks())
    async with connected(quick) as (reader, writer):
        writer.write(f"GET {CONFIG_MAPS}?watch=1 HTTP/1.1\r\nHost: x\r\n\r\n".encode())

        got = await answered_and_left(reader, tasks) + await end_of(reader)

    assert len(got) < 10 * 100_000


async def test_a_log_waits_for_who_reads_it_with_a_pager(quick, registry, pods):
    pods.log = [b"x" * 100_000] * 10
    await registry.create(POD, builders.pod("p", node="node-1"))
    async with connected(quick) as (reader, writer):
        path = "/api/v1/namespaces/default/pods/p/log"
        writer.write(f"GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
        await asyncio.sleep(UNREAD_S)

        got = await end_of(reader)

    assert len(got) > 10 * 100_000


@pytest.fixture
async def quick_tls(registry, pods, socket_path, tmp_path, clock, request):
    """A server of little patience, over TLS; gives its address, and what its clients need."""
    files = PkiFiles(tmp_path / "pki")
    ensure_files(files, ["localhost"], [IPv4Address("127.0.0.1")], now_s=time.time())
    listener = socket.create_server(("127.0.0.1", 0))
    secure = Secure([listener], server_tls(files))
    tls = ssl.create_default_context(cafile=files.ca)
    tls.load_cert_chain(files.admin, files.admin_key)
    async with serve(registry, pods, socket_path, clock=clock, secure=secure, limits=request.param):
        yield listener.getsockname(), tls


@pytest.mark.parametrize("quick_tls", [QUICK], indirect=True)
async def test_a_handshake_that_does_not_end_is_cut_off(quick_tls):
    address, _ = quick_tls
    reader, writer = await asyncio.open_connection(*address)
    writer.write(b"\x16\x03\x01")  # the beginning of a ClientHello

    assert await end_of(reader) == b""
    writer.close()


@pytest.mark.parametrize("quick_tls", [Limits(unread_s=QUICK.unread_s)], indirect=True)
async def test_who_does_not_read_is_left_over_tls_too(quick_tls, registry):
    address, tls = quick_tls
    await fill(registry, 100, 100_000)
    tasks = len(asyncio.all_tasks())
    reader, writer = await asyncio.open_connection(*address, ssl=tls, server_hostname="localhost")
    writer.write(f"GET {CONFIG_MAPS} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
    await answered_and_left(reader, tasks)

    assert len(await end_of(reader)) < 100 * 100_000
    writer.close()


async def test_a_client_that_asks_first_is_told_to_send_its_body(served):
    body = b'{"metadata":{"name":"c"}}'
    async with connected(served) as (reader, writer):
        head = (
            f"POST {CONFIG_MAPS} HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: {len(body)}"
        )
        writer.write(f"{head}\r\n\r\n".encode())
        async with asyncio.timeout(WITHIN_S):
            told = await reader.readuntil(b"\r\n\r\n")
            writer.write(body)
            status = await reader.readline()

    assert (told, status) == (b"HTTP/1.1 100 Continue\r\n\r\n", b"HTTP/1.1 201 Created\r\n")


async def test_there_is_an_end_to_how_many_may_come(registry, pods, socket_path):
    async with serve(registry, pods, socket_path, limits=Limits(connections=1)):
        async with connected(socket_path) as (first, asking), connected(socket_path) as (second, _):
            assert await end_of(second) == b""
            asking.write(b"GET /version HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
            assert (await end_of(first)).startswith(b"HTTP/1.1 200")
        async with connected(socket_path) as (third, asking):
            asking.write(b"GET /version HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
            assert (await end_of(third)).startswith(b"HTTP/1.1 200")
