"""[IO] Sees what arrives at the places of a ``service_world``, whether or not somebody listens there."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from functools import partial

from netemu.linux import netns
from netemu.nft.expressions import L4
from netemu.testing.fates.case import LOST, REFUSED, Arrival, Fate
from netemu.testing.fates.label import read_label
from netemu.testing.fates.manifest import PLACES, PORT
from netemu.testing.service_world import PORT as SERVER_PORT
from netemu.testing.service_world import Places

FAMILIES = {4: socket.AF_INET, 6: socket.AF_INET6}
# The gateways of pods belong to their nodes.
_GATEWAYS = {f"10.244.{number}.1": f"node-{number}" for number in (1, 2)}
_GATEWAYS |= {f"fd00:244:{number}::1": f"node-{number}" for number in (1, 2)}
PLACE_OF = {
    str(address): place for places in PLACES.values() for place, address in places.items()
} | _GATEWAYS

_UNREACHABLE = {4: (socket.IPPROTO_ICMP, 3), 6: (socket.IPPROTO_ICMPV6, 1)}
_IP_BYTES, _ICMP_BYTES = {4: 20, 6: 40}, 8
_MOST_BYTES = 200
_BUFFER_BYTES = 1 << 22

Label = tuple[L4, int]


class Taps:
    """Raw sockets at all places. What they saw is kept by label."""

    def __init__(self, places: Places) -> None:
        self._places = places
        self._fates: dict[Label, Fate] = {}
        self._awaited: dict[Label, asyncio.Event] = {}
        self.sctp: dict[tuple[str, int], socket.socket] = {}

    @contextmanager
    def listening(self) -> Iterator[None]:
        """Listen for the length of a block."""
        with ExitStack() as stack:
            for place, version in ((place, version) for place in self._places for version in (4, 6)):
                for protocol in (L4.TCP, L4.UDP, L4.SCTP):
                    note = partial(self._note_arrival, place, protocol)
                    tap = self._open(stack, place, version, protocol, note)
                self.sctp[place, version] = tap  # it can send, too
                self._open(
                    stack, place, version, _UNREACHABLE[version][0], partial(self._note_refusal, version)
                )
            yield

    def _open(
        self, stack: ExitStack, place: str, version: int, protocol: int, note: Callable[[bytes, str], None]
    ) -> socket.socket:
        sock = netns.open_socket(self._places[place], FAMILIES[version], socket.SOCK_RAW, protocol)
        stack.enter_context(sock)
        sock.setblocking(False)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _BUFFER_BYTES)
        loop = asyncio.get_running_loop()
        loop.add_reader(sock, _read_all, sock, version, note)
        stack.callback(loop.remove_reader, sock)
        return sock

    def _note_arrival(self, place: str, protocol: L4, packet: bytes, source: str) -> None:
        label = protocol, read_label(protocol, packet)
        is_heard = int.from_bytes(packet[2:4], "big") == (PORT if place == "outside" else SERVER_PORT)
        arrival = Arrival(place, PLACE_OF.get(source, place))
        self._note(label, Fate(frozenset({arrival})) if is_heard else REFUSED)

    def _note_refusal(self, version: int, packet: bytes, source: str) -> None:
        """Read a refusal of SCTP, for which there are no sockets that would be told."""
        del source
        if packet[0] == _UNREACHABLE[version][1]:
            quoted = packet[_ICMP_BYTES + _IP_BYTES[version] :]
            self._note((L4.SCTP, read_label(L4.SCTP, quoted)), REFUSED)

    def _note(self, label: Label, fate: Fate) -> None:
        self._fates[label] = fate
        if label in self._awaited:
            self._awaited[label].set()

    def fate(self, label: Label) -> Fate:
        """Tell what became of a packet; LOST if it was seen nowhere."""
        return self._fates.get(label, LOST)

    async def wait(self, label: Label, within_s: float) -> bool:
        """Wait until a packet was seen somewhere; ``False`` if it was not in time."""
        seen = self._awaited.setdefault(label, asyncio.Event())
        with suppress(TimeoutError):
            async with asyncio.timeout(within_s):
                await seen.wait()
        return seen.is_set()


def _read_all(sock: socket.socket, version: int, note: Callable[[bytes, str], None]) -> None:
    with suppress(BlockingIOError):
        while True:
            data, (source, *_) = sock.recvfrom(_MOST_BYTES)
            note(data[_IP_BYTES[4] :] if version == 4 else data, source)
