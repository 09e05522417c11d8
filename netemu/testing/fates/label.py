"""What tells one connection's first packet from all others wherever it arrives.

Addresses and ports do not: translation changes them (source ports too, at random). So it is the tag of an
INIT of SCTP, the content of a datagram, and the segment size that a SYN offers.
"""

from __future__ import annotations

from netemu.nft.expressions import L4
from netemu.testing.fates.sctp import init_tag

SEGMENTS = range(100, 1400)  # what a TCP socket may offer, and none does by itself
_UDP_BYTES, _TCP_BYTES = 8, 20
_FLAGS_AT, _SYN = 13, 0x02
_SEGMENT_OPTION = bytes((2, 4))


def datagram(number: int) -> bytes:
    """Write what a datagram says."""
    return str(number).encode()


def read_label(protocol: L4, packet: bytes) -> int:
    """Read the label of a packet, from its transport header on; 0 when it is no first packet of ours."""
    match protocol:
        case L4.SCTP:
            return init_tag(packet)
        case L4.UDP:
            said = packet[_UDP_BYTES:]
            return int(said) if said.isdigit() else 0
        case _:
            return _segment(packet) if packet[_FLAGS_AT] == _SYN else 0


def _segment(packet: bytes) -> int:
    """Read the segment size that a SYN offers; Linux writes that option first."""
    options = packet[_TCP_BYTES:]
    return int.from_bytes(options[2:4], "big") if options.startswith(_SEGMENT_OPTION) else 0
