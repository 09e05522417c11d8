"""[IO] What an app does outside of its own sockets, in its pod's network: look up, connect, ask."""

from __future__ import annotations

import random
import socket
import time
from collections.abc import Awaitable, Callable
from ipaddress import ip_address

from netemu.agnhost import client
from netemu.agnhost.golang import log_line
from netemu.agnhost.model import Address, LookupFailedError, Output, Reply
from netemu.linux import netns
from netemu.runtime.container import AppSpec
from netemu.standin import dns

_NAME_ERROR = 3


RunIn = Callable[[str, tuple[str, ...], bytes], Awaitable[Output]]
"""Runs a command in an app's container, with an input."""


class PodSurroundings:
    """One pod's view of the network; sockets are made in its namespace."""

    is_ending = False

    def __init__(
        self,
        spec: AppSpec,
        netns_path: str,
        end: Callable[[int], None],
        log: Callable[[str, str], None],
        run: RunIn,
    ) -> None:
        self._spec = spec
        self._netns_path = netns_path
        self._log = log
        self._run = run
        self.exit = end

    def say(self, line: str) -> None:
        """Write to the container's standard output."""
        self._log(line, "stdout")

    def log(self, line: str) -> None:
        """Write to the container's standard error as Go's logger does."""
        self._log(log_line(line, time.time()), "stderr")

    async def resolve(self, host: str) -> str:
        """Look an address up with the pod's hosts file and resolv.conf; an IPv4 one is preferred."""
        try:
            return str(ip_address(host))
        except ValueError:
            pass
        if (found := dns.find_in_hosts(self._spec.hosts, host)) is not None:
            return found
        conf = dns.parse_resolv_conf(self._spec.resolv_conf)
        for name in dns.candidates(host, conf):
            for kind in dns.KINDS:
                answer = await self._ask_all(name, kind, conf)
                if answer.addresses:
                    return random.choice(answer.addresses)
                if answer.code == _NAME_ERROR:
                    break
        server = conf.nameservers[0] if conf.nameservers else "127.0.0.1"
        raise LookupFailedError(f"lookup {host} on {server}:53: no such host")

    async def http_get(self, address: Address, target: str, *, within_s: float) -> Reply:
        """Get an answer over a connection of its own."""
        return await client.fetch(self._socket, address, target, within_s=within_s)

    async def exchange(self, address: Address, data: bytes, *, within_s: float) -> bytes:
        """Send a datagram and wait for one."""
        return await client.exchange(self._socket, address, data, within_s=within_s)

    async def exchange_sctp(self, address: Address, data: bytes, *, within_s: float) -> bytes:
        """Send an SCTP message and wait for one."""
        return await client.exchange(self._socket, address, data, within_s=within_s, sctp=True)

    async def run(self, argv: tuple[str, ...], stdin: bytes = b"") -> Output:
        """Run a program in the container, whose sandbox is made for the first one."""
        return await self._run(self._spec.id, argv, stdin)

    async def _ask_all(self, name: str, kind: int, conf: dns.ResolvConf) -> dns.Answer:
        """Ask the nameservers in turn until one answers."""
        for _ in range(conf.attempts):
            for server in conf.nameservers:
                answer = await self._ask(server, name, kind, conf.timeout_s)
                if answer is not None and answer.code in {0, _NAME_ERROR}:
                    return answer
        raise LookupFailedError(f"lookup {name}: no nameserver answered")

    async def _ask(self, server: str, name: str, kind: int, within_s: float) -> dns.Answer | None:
        number = random.getrandbits(16)
        try:
            query = dns.encode_query(number, name, kind)
            return dns.decode_answer(
                number, await self.exchange(Address(server, 53), query, within_s=within_s)
            )
        except OSError:
            return None
        except ValueError as err:
            raise LookupFailedError(f"lookup {name}: {err}") from err

    def _socket(self, family: socket.AddressFamily, kind: int, protocol: int) -> socket.socket:
        with netns.opened(self._netns_path) as fd:
            sock = netns.open_socket(fd, family, kind, protocol)
        sock.setblocking(False)
        return sock
