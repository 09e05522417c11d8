"""[IO] Sends the table's cases as real packets, all at once, and says what became of each."""

from __future__ import annotations

import asyncio
import errno
import socket
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import NamedTuple

from netemu.linux import netns
from netemu.nft.expressions import L4
from netemu.testing.fates.case import LOST, REFUSED, Arrival, Case, Fate
from netemu.testing.fates.label import SEGMENTS, datagram
from netemu.testing.fates.manifest import Manifest
from netemu.testing.fates.sctp import init_packet
from netemu.testing.fates.tap import FAMILIES, PLACE_OF, Label, Taps
from netemu.testing.service_world import Places

# Each connection has one; it is its source port too: above those of kube-proxy's own servers, below those of
# node ports and of the kernel's choice.
_NUMBERS = range(11_000, 29_000)
_AT_ONCE = 300  # so that no server's buffer overflows
_AGAIN_S = 1.0  # datagrams may be lost when a machine is busy
_PATIENCE_S = 60.0
_GRACE_S = 0.3
# With two ends of equal chance, one is missed once in 2^63.
_MOST_TRIES = 64
_STICKY_TRIES = 5

Expected = Callable[[Case], Fate]


class _Begun(NamedTuple):
    """A connection that was begun and not waited for, with the error that it had at once."""

    label: Label
    sock: socket.socket | None = None
    error: int = 0


class Prober:
    """Sends from the places of a ``service_world``, and listens at all of them."""

    def __init__(self, places: Places, manifest: Manifest) -> None:
        self._places = places
        self._manifest = manifest
        self._taps = Taps(places)
        self._numbers, self._segments = iter(_NUMBERS), iter(SEGMENTS)
        self._turns = asyncio.Semaphore(_AT_ONCE)

    @contextmanager
    def listening(self) -> Iterator[None]:
        """Listen for the length of a block."""
        with self._taps.listening():
            yield

    async def observe(self, cases: Iterable[Case], expected: Expected) -> Mapping[Case, frozenset[Fate]]:
        """Send every case until all that is expected was seen, or something else; give what was seen.

        Those that should be lost are sent first and looked after last, when packets that the same
        clients sent later came through.
        """
        talking, silent = _parted(cases, expected)
        begun = {case: self._begin(case) for case in silent}
        found: dict[Case, list[Fate]] = {case: [] for case in talking}
        async with asyncio.TaskGroup() as group:
            for case in talking:
                group.create_task(self._settle(case, expected(case), found[case]))
        async with asyncio.TaskGroup() as group:
            for case in {(case.client, case.version, case.protocol): case for case in talking}.values():
                group.create_task(self._send(case))
        await asyncio.sleep(_GRACE_S)
        heard = {case: frozenset({self._end(one)}) for case, one in begun.items()}
        return {case: frozenset(fates) for case, fates in found.items()} | heard

    async def _settle(self, case: Case, wanted: Fate, found: list[Fate]) -> None:
        while not _is_settled(wanted, found):
            async with self._turns:
                found.append(await self._send(case))

    async def _send(self, case: Case) -> Fate:
        """Send until there is an answer; LOST is what nobody tells of in time."""
        try:
            async with asyncio.timeout(_PATIENCE_S):
                return await (self._associate if case.protocol is L4.SCTP else self._ask)(case)
        except TimeoutError:
            return LOST

    async def _associate(self, case: Case) -> Fate:
        number = next(self._numbers)
        self._send_init(case, number)
        while not await self._taps.wait((L4.SCTP, number), _AGAIN_S):
            self._send_init(case, number)
        return self._taps.fate((L4.SCTP, number))

    def _send_init(self, case: Case, number: int) -> None:
        address, port = self._manifest.destination(case)
        # A node that refuses its own packet says so here, too.
        with suppress(PermissionError):
            sender = self._taps.sctp[case.client.value, case.version]
            sender.sendto(init_packet(number, port, number), (str(address), 0))

    async def _ask(self, case: Case) -> Fate:
        number = next(self._numbers)
        address, port = self._manifest.destination(case)
        with self._socket(case, number) as sock:
            try:
                await asyncio.get_running_loop().sock_connect(sock, (str(address), port))
                answer = await _answer(sock, b"" if case.protocol is L4.TCP else datagram(number))
            except ConnectionRefusedError:
                return REFUSED
        place, source = answer.decode().split()
        return Fate(frozenset({Arrival(place, PLACE_OF[source])}))

    def _socket(self, case: Case, number: int) -> socket.socket:
        kind = socket.SOCK_STREAM if case.protocol is L4.TCP else socket.SOCK_DGRAM
        sock = netns.open_socket(self._places[case.client.value], FAMILIES[case.version], kind)
        sock.setblocking(False)
        sock.bind(("", number))
        return sock

    def _begin(self, case: Case) -> _Begun:
        """Send once, and wait for nothing."""
        number = next(self._numbers)
        address, port = self._manifest.destination(case)
        if case.protocol is L4.SCTP:
            self._send_init(case, number)
            return _Begun((L4.SCTP, number))
        sock = self._socket(case, number)
        label = number
        if case.protocol is L4.TCP:
            label = next(self._segments)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG, label)
        error = sock.connect_ex((str(address), port))
        if not error:
            with suppress(PermissionError):
                sock.send(datagram(number))
        return _Begun((case.protocol, label), sock, error)

    def _end(self, begun: _Begun) -> Fate:
        """Say what became of what was begun, as far as anybody knows."""
        if begun.sock is not None:
            with begun.sock as sock:
                errors = (begun.error, sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR))
                if errno.ECONNREFUSED in errors:
                    return REFUSED
        return self._taps.fate(begun.label)


async def _answer(sock: socket.socket, question: bytes) -> bytes:
    """Read the answer, asking until there is one if there is something to ask."""
    while True:
        if question:
            with suppress(PermissionError):
                sock.send(question)
        with suppress(TimeoutError):
            async with asyncio.timeout(_AGAIN_S):
                return await asyncio.get_running_loop().sock_recv(sock, 100)


def _parted(cases: Iterable[Case], expected: Expected) -> tuple[list[Case], list[Case]]:
    """Give the cases of which something should be heard, and the others."""
    talking: list[Case] = []
    silent: list[Case] = []
    for case in cases:
        (silent if expected(case) == LOST else talking).append(case)
    return talking, silent


def _is_settled(wanted: Fate, found: list[Fate]) -> bool:
    """Tell whether more tries could change what is thought of a case."""
    if wanted.stays:
        return len(found) >= _STICKY_TRIES
    return bool(set(found) - wanted.single) or set(found) == wanted.single or len(found) >= _MOST_TRIES
