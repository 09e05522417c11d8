"""What an app does outside of its own sockets, in its pod's network: look up, connect, ask."""

from __future__ import annotations

import asyncio
import random
import socket
from collections.abc import Callable
from contextlib import closing
from ipaddress import IPv4Address

import h11

from netemu.linux import netns
from netemu.runtime.container import AppSpec
from netemu.standin import dns
from netemu.standin.apps.model import Address, LookupFailedError

_READ_BYTES = 64 * 1024
_MAX_ANSWER_BYTES = 4 * 1024 * 1024
_NAME_ERROR = 3


class PodSurroundings:
    """One pod's view of the network; sockets are made in its namespace."""

    def __init__(self, spec: AppSpec, netns_path: str, end: Callable[[int], None]) -> None:
        self._spec = spec
        self._netns_path = netns_path
        self.exit = end

    async def resolve(self, host: str) -> str:
        """Look an address up with the pod's hosts file and resolv.conf."""
        try:
            return str(IPv4Address(host))
        except ValueError:
            pass
        if (found := dns.find_in_hosts(self._spec.hosts, host)) is not None:
            return found
        conf = dns.parse_resolv_conf(self._spec.resolv_conf)
        for name in dns.candidates(host, conf):
            answer = await self._ask_all(name, conf)
            if answer.addresses:
                return random.choice(answer.addresses)
        server = conf.nameservers[0] if conf.nameservers else "127.0.0.1"
        raise LookupFailedError(f"lookup {host} on {server}:53: no such host")

    async def http_get(self, address: Address, target: str, *, within_s: float) -> bytes:
        """Get a body over a connection of its own."""
        async with asyncio.timeout(within_s):
            with closing(self._socket(socket.SOCK_STREAM)) as sock:
                loop = asyncio.get_running_loop()
                await loop.sock_connect(sock, address)
                return await _get(loop, sock, address, target)

    async def exchange(self, address: Address, data: bytes, *, within_s: float) -> bytes:
        """Send a datagram and wait for one."""
        async with asyncio.timeout(within_s):
            with closing(self._socket(socket.SOCK_DGRAM)) as sock:
                loop = asyncio.get_running_loop()
                await loop.sock_connect(sock, address)
                await loop.sock_sendall(sock, data)
                return await loop.sock_recv(sock, _READ_BYTES)

    async def _ask_all(self, name: str, conf: dns.ResolvConf) -> dns.Answer:
        """Ask the nameservers in turn until one answers."""
        for _ in range(conf.attempts):
            for server in conf.nameservers:
                answer = await self._ask(server, name, conf.timeout_s)
                if answer is not None and answer.code in {0, _NAME_ERROR}:
                    return answer
        raise LookupFailedError(f"lookup {name}: no nameserver answered")

    async def _ask(self, server: str, name: str, within_s: float) -> dns.Answer | None:
        number = random.getrandbits(16)
        try:
            query = dns.encode_query(number, name)
            return dns.decode_answer(
                number, await self.exchange(Address(server, 53), query, within_s=within_s)
            )
        except OSError:
            return None
        except ValueError as err:
            raise LookupFailedError(f"lookup {name}: {err}") from err

    def _socket(self, kind: int) -> socket.socket:
        with netns.opened(self._netns_path) as fd:
            sock = netns.open_socket(fd, socket.AF_INET, kind)
        sock.setblocking(False)
        return sock


async def _get(loop: asyncio.AbstractEventLoop, sock: socket.socket, address: Address, target: str) -> bytes:
    connection = h11.Connection(h11.CLIENT)
    headers = [("Host", str(address)), ("User-Agent", "netemu"), ("Connection", "close")]
    request = h11.Request(method="GET", target=target, headers=headers)
    try:
        data = (connection.send(request) or b"") + (connection.send(h11.EndOfMessage()) or b"")
        await loop.sock_sendall(sock, data)
        body = bytearray()
        while True:
            event = connection.next_event()
            if event is h11.NEED_DATA:
                connection.receive_data(await loop.sock_recv(sock, _READ_BYTES))
            elif isinstance(event, h11.Data):
                body += event.data
                if len(body) > _MAX_ANSWER_BYTES:
                    raise ValueError(f"the body is larger than {_MAX_ANSWER_BYTES} bytes")
            elif isinstance(event, (h11.EndOfMessage, h11.ConnectionClosed)):
                return bytes(body)
    except h11.ProtocolError as err:
        raise ValueError(str(err)) from err
