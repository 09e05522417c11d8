"""Connections that begin inside a namespace."""

from __future__ import annotations

import asyncio
import socket

import pytest

from netemu.api.errors import UnavailableError
from netemu.cluster.dialing import dial, dial_loopback
from netemu.linux import netns


@pytest.fixture
def inside(first_pod):
    with netns.opened(first_pod) as ns_fd:
        yield ns_fd


def listen(ns_fd, address):
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    listener = netns.open_socket(ns_fd, family, socket.SOCK_STREAM)
    listener.bind((address, 0))
    listener.listen()
    return listener, listener.getsockname()[1]


@pytest.mark.parametrize("address", ["127.0.0.1", "0.0.0.0"])
async def test_a_pods_own_loopback_is_reached(inside, address):
    listener, port = listen(inside, address)
    with listener, await dial_loopback(inside, port) as sock, listener.accept()[0] as accepted:
        await asyncio.get_running_loop().sock_sendall(sock, b"hello")

        assert accepted.recv(100) == b"hello"


async def test_a_listener_outside_the_namespace_is_not_reached(inside):
    words = "failed to connect to localhost"
    with socket.create_server(("127.0.0.1", 0)) as listener, pytest.raises(UnavailableError, match=words):
        await dial_loopback(inside, listener.getsockname()[1])


async def test_what_goes_wrong_is_told_in_gos_words(inside):
    with pytest.raises(UnavailableError, match=r"^dial tcp 127\.0\.0\.1:9: connect: connection refused$"):
        await dial(inside, "127.0.0.1", 9)
