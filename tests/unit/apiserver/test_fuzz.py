"""Requests into pods and watches with everything wrong that chance comes up with (seeded)."""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
import struct
from base64 import b64encode
from urllib.parse import quote

import pytest

from netemu.api.kinds import ENDPOINT_SLICE, POD, SERVICE
from netemu.apiserver.http import serve
from netemu.apiserver.limits import Limits
from netemu.testing import builders
from netemu.testing.eventually import eventually

REQUESTS = 120
WITHIN_S = 60
PATIENCE_S = 0.05
TOO_LARGE_REVISION = 504  # as in Kubernetes
POD_PATH = "/api/v1/namespaces/default/pods/p"
WAYS = [
    f"{POD_PATH}/exec", f"{POD_PATH}/attach", f"{POD_PATH}/portforward", f"{POD_PATH}/log",
    f"{POD_PATH}/proxy/x%2Fy", "/api/v1/namespaces/default/services/web:80/proxy/", "/api/v1/pods",
    f"{POD_PATH}%2f/exec", "/api/v1/namespaces/default/pods/http:p:x/proxy",
    "/api/v1/namespaces/default/pods",
    "/api/v1/watch/namespaces/default/pods", "/api/v1/watch/namespaces/default/pods/p",
    "/api/v1/nodes/node-1/proxy/pods", "/api/v1/namespaces/default/pods/nope/exec",
]  # fmt: skip
NAMES = [
    "command", "stdin", "stdout", "stderr", "tty", "container", "ports", "tailLines", "sinceSeconds",
    "sinceTime", "limitBytes", "previous", "timestamps", "stream", "watch", "resourceVersion", "limit",
    "resourceVersionMatch", "sendInitialEvents", "allowWatchBookmarks", "labelSelector", "fieldSelector",
    "continue", "timeoutSeconds", "pretty", "dryRun", "path", "insecureSkipTLSVerifyBackend",
]  # fmt: skip
VALUES = [
    "", "1", "0", "-1", "true", "false", "maybe", "c", "nope", "80", "65536", "99999999999999999999999",
    "1e9", "2006-01-02T15:04:05Z", "9999-99-99T99:99:99Z", "a=b", "a in (", "metadata.name=p", "spec.x=1",
    "NotOlderThan", "Exact", "\0", "é", "%", "/../..", "{}", "a" * 300, "All", "Stdout", "4294967296",
]  # fmt: skip
HEADERS = [
    ("Upgrade", ["websocket", "SPDY/3.1", "h2c", "", "SPDY/9"]),
    ("Connection", ["Upgrade", "close", "keep-alive, Upgrade", "upgrade,upgrade"]),
    ("Sec-WebSocket-Key", ["dGhlIHNhbXBsZSBub25jZQ==", "x", ""]),
    ("Sec-WebSocket-Version", ["13", "8", "x"]),
    ("Sec-WebSocket-Protocol", [
        "v5.channel.k8s.io", "v4.channel.k8s.io, v5.channel.k8s.io", "base64.channel.k8s.io", "nope", ",",
        "SPDY/3.1+portforward.k8s.io", "portforward.k8s.io", "base64url.bearer.authorization.k8s.io.eA",
    ]),
    ("X-Stream-Protocol-Version", ["v4.channel.k8s.io", "portforward.k8s.io", "v9", ""]),
    ("Content-Type", ["application/json", "application/vnd.kubernetes.protobuf", "x/y", "é"]),
    ("Content-Length", ["0"]),
    ("Accept", ["*/*", "application/json;as=Table;g=meta.k8s.io;v=v1", ";;,", "application/cbor", "q=x"]),
    ("Accept-Encoding", ["gzip", "nope"]),
    ("Range", ["bytes=0-1"]),
    ("Impersonate-User", ["", "x"]),
    ("User-Agent", ["\xff", "kubectl/v1.20"]),
]  # fmt: skip
SLICE = {
    "metadata": {"name": "web-1", "namespace": "default", "labels": {"kubernetes.io/service-name": "web"}},
    "addressType": "IPv4",
    "ports": [{"name": "", "port": 80, "protocol": "TCP"}],
    "endpoints": [{"addresses": ["10.244.0.9"], "nodeName": "node-1", "conditions": {"ready": True}}],
}
METHODS = ["GET", "GET", "GET", "POST", "POST", "HEAD", "PUT", "DELETE", "OPTIONS", "PATCH", "BREW"]


@pytest.fixture
async def served(registry, pods, socket_path, clock):
    """A server that keeps no idle connection for long."""
    limits = Limits(idle_s=0.2, head_s=0.2, unread_s=0.2)
    async with asyncio.TaskGroup() as group, serve(registry, pods, socket_path, clock=clock, limits=limits):
        pods.group = group
        yield socket_path


@pytest.fixture
async def playing(registry, pods, served):
    """A pod whose commands end at once, and a Service."""

    async def play(session):
        if hasattr(session, "end"):
            session.end(0)
        else:
            session.close()

    pods.play = play
    backend = await asyncio.start_server(_answer, "127.0.0.1", 0)
    pods.backend_port = backend.sockets[0].getsockname()[1]
    await registry.create(POD, builders.pod("p", node="node-1"))
    await registry.create(SERVICE, builders.service("web"))
    await registry.create(ENDPOINT_SLICE, SLICE)
    yield served
    backend.close()


async def _answer(reader, writer):
    await reader.read(1000)
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
    writer.close()


def a_request(rng):
    """Make up a request's head, and what follows it."""
    query = "&".join(f"{rng.choice(NAMES)}={quote(rng.choice(VALUES))}" for _ in range(rng.randint(0, 6)))
    chosen = [pair for pair in HEADERS if rng.random() < 0.5]
    lines = [f"{name}: {rng.choice(values)}" for name, values in chosen]
    head = "\r\n".join(
        [f"{rng.choice(METHODS)} {rng.choice(WAYS)}?{query} HTTP/1.1", "Host: x", *lines, "", ""]
    )
    return head.encode("latin-1"), b"".join(a_frame(rng) for _ in range(rng.randint(0, 5)))


def a_frame(rng):
    """Make up a message: of WebSocket, of SPDY, or of nothing."""
    data = rng.randbytes(rng.choice([0, 1, 2, 8, 100]))
    match rng.randint(0, 3):
        case 0:
            mask = b"\0\0\0\0"
            return bytes([0x80 | rng.randint(0, 15), 0x80 | len(data)]) + mask + data
        case 1:
            kind = rng.randint(0, 10)
            return struct.pack(">HHB", 0x8003, kind, rng.randint(0, 3)) + len(data).to_bytes(3, "big") + data
        case 2:
            stream = rng.randint(0, 5)
            return struct.pack(">IB", stream, rng.randint(0, 1)) + len(data).to_bytes(3, "big") + data
        case _:
            return b64encode(data) + data


async def ask(path, head, frames):
    """Send a head, wait for the answer's, send the rest and go; gives the status."""
    reader, writer = await asyncio.open_unix_connection(str(path))
    async with asyncio.timeout(WITHIN_S):
        writer.write(head)
        line = await reader.readline()
        writer.write(frames)
        with contextlib.suppress(ConnectionError, TimeoutError):  # a watch may have nothing to say
            async with asyncio.timeout(PATIENCE_S):
                await reader.read(1)
    writer.close()
    return int((line or b"- 0").split()[1])


@pytest.mark.parametrize("seed", range(8))
async def test_nothing_wrong_is_the_servers_fault(playing, http, seed):
    rng = random.Random(seed)
    tasks, files = len(asyncio.all_tasks()), len(os.listdir("/proc/self/fd"))
    faults = []
    for _ in range(REQUESTS):
        head, frames = a_request(rng)
        status = await ask(playing, head, frames)
        if status >= 500 and status != TOO_LARGE_REVISION:
            faults.append((status, head, frames))

    async def growth():
        return len(asyncio.all_tasks()) - tasks, len(os.listdir("/proc/self/fd")) - files

    assert faults == []
    assert (await http.request("GET", "/version")).status == 200
    await http.close()
    await eventually(growth, lambda grown: grown[0] <= 0 and grown[1] <= 2, within_s=WITHIN_S)
