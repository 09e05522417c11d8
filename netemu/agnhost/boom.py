"""[IO] The image regression-issue-74839: connections to it get a segment from far outside their window.

conntrack calls such a segment invalid and does not translate it. A client behind a Service that gets it all
the same sees a packet of a stranger, and resets the connection: then the server says ERROR.
Source: kubernetes ``test/images/regression-issue-74839``.
"""

from __future__ import annotations

import os
import select
import signal
import socket
import struct
import time
from typing import NamedTuple

from netemu.agnhost.golang import join_host_port
from netemu.agnhost.model import AppError
from netemu.agnhost.stderr import say

PORT = 9000
FIN, SYN, RST, PUSH, ACK = 1, 2, 4, 8, 16

_BEHIND = 100_000
_OPEN_S = 10.0
_HEADER = struct.Struct("!HHIIHHHH")
_PAYLOAD = b"boom!!!"


class Segment(NamedTuple):
    """A TCP header, without options."""

    source_port: int
    target_port: int
    sequence: int
    acknowledged: int
    flags: int
    window: int


class Injector:
    """Knows which clients are about to connect, and what each gets once it has."""

    def __init__(self) -> None:
        self._opening: dict[tuple[str, int], int] = {}

    def heard(self, segment: Segment, client: str) -> tuple[Segment | None, str]:
        """Give what is sent to the client, if anything, and the line that says why."""
        if segment.target_port != PORT:
            return None, ""
        key = client, segment.source_port
        if segment.flags & SYN:
            self._opening[key] = (segment.sequence + 1) % 2**32
            return None, ""
        if segment.flags & RST:
            return None, "ERROR: RST received"
        if not segment.flags & ACK or key not in self._opening:
            return None, ""
        expected = self._opening.pop(key)
        sequence = (segment.acknowledged - _BEHIND) % 2**32
        stray = Segment(PORT, segment.source_port, sequence, expected, PUSH | ACK, segment.window)
        return stray, "connection established"


def parse_segment(packet: bytes, *, is_bare: bool = False) -> Segment | None:
    """Read a TCP header behind an IPv4 header, or a bare one, as IPv6 gives it; ``None`` if there is none."""
    start = 0 if is_bare else (packet[0] & 15) * 4 if packet else 0
    if len(packet) < start + _HEADER.size:
        return None
    source, target, sequence, acknowledged, bits, window, _, _ = _HEADER.unpack_from(packet, start)
    return Segment(source, target, sequence, acknowledged, bits & 0x3F, window)


def render_segment(segment: Segment, source: str, target: str, data: bytes) -> bytes:
    """Write a segment with its checksum, which covers both addresses."""
    *numbers, flags, window = segment
    body = _HEADER.pack(*numbers, 5 << 12 | flags, window, 0, 0) + data
    addresses = b"".join(socket.inet_pton(_family(address), address) for address in (source, target))
    padded = addresses + struct.pack("!HH", socket.IPPROTO_TCP, len(body)) + body + b"\0" * (len(body) % 2)
    total = sum(struct.unpack(f"!{len(padded) // 2}H", padded))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return body[:16] + struct.pack("!H", ~total & 0xFFFF) + body[18:]


def run(_args: tuple[str, ...]) -> int:
    """Serve until killed."""
    signal.signal(signal.SIGTERM, lambda *_: os._exit(2))
    address = (os.environ.get("POD_IPS") or os.environ.get("POD_IP") or "").partition(",")[0]
    if not address:
        raise AppError("No valid IP found")
    say(f"external ip: {address}")
    family = _family(address)
    everywhere = "0.0.0.0" if family == socket.AF_INET else "::"
    with (
        socket.create_server((everywhere, PORT), family=family) as listener,
        socket.socket(family, socket.SOCK_RAW, socket.IPPROTO_TCP) as raw,
    ):
        raw.bind((address, 0))
        say(f"listen on {join_host_port(everywhere, str(PORT))}")
        _serve(listener, raw, address)
    return 0


def _serve(listener: socket.socket, raw: socket.socket, address: str) -> None:
    injector, connections = Injector(), list[tuple[float, socket.socket]]()
    while True:
        readable, _, _ = select.select([listener, raw], [], [], 1.0)
        while connections and connections[0][0] < time.monotonic():
            connections.pop(0)[1].close()
        if listener in readable:
            connections.append((time.monotonic() + _OPEN_S, listener.accept()[0]))
        if raw not in readable:
            continue
        packet, (client, *_) = raw.recvfrom(4096)
        segment = parse_segment(packet, is_bare=raw.family == socket.AF_INET6)
        stray, line = injector.heard(segment, client) if segment is not None else (None, "")
        if line:
            say(line)
        if stray is not None:
            raw.sendto(render_segment(stray, address, client, _PAYLOAD), (client, 0))
            say("boom packet injected")


def _family(address: str) -> socket.AddressFamily:
    return socket.AF_INET6 if ":" in address else socket.AF_INET
