"""First packets are known again by what translation leaves alone."""

from __future__ import annotations

import pytest

from netemu.nft.expressions import L4
from netemu.testing.fates.label import datagram, read_label
from netemu.testing.fates.sctp import checksum, init_packet


def tcp(flags, *, segment):
    return bytes(12) + bytes((0x60, flags)) + bytes(6) + bytes((2, 4)) + segment.to_bytes(2, "big")


@pytest.mark.parametrize(
    ("protocol", "packet", "label"),
    [
        pytest.param(L4.TCP, tcp(0x02, segment=321), 321, id="a-syn-by-its-segment-size"),
        pytest.param(L4.TCP, tcp(0x12, segment=321), 0, id="no-answer-to-a-syn"),
        pytest.param(L4.TCP, tcp(0x02, segment=0)[:20], 0, id="a-syn-without-options"),
        pytest.param(L4.UDP, bytes(8) + datagram(12345), 12345, id="a-datagram-by-its-content"),
        pytest.param(L4.UDP, bytes(8) + b"who?", 0, id="another-datagram"),
        pytest.param(L4.SCTP, init_packet(1, 2, 777), 777, id="an-init-by-its-tag"),
        pytest.param(L4.SCTP, init_packet(1, 2, 777)[:20], 0, id="half-an-init"),
    ],
)
def test_a_first_packet_has_a_label_and_others_have_none(protocol, packet, label):
    assert read_label(protocol, packet) == label


def test_an_init_has_the_checksum_that_the_standard_wants():
    packet = init_packet(1000, 80, 5)

    assert checksum(b"123456789") == 0xE3069283  # the check value of CRC-32C
    assert checksum(packet[:8] + bytes(4) + packet[12:]) == int.from_bytes(packet[8:12], "little")
