"""The server that sends what belongs to no connection."""

from __future__ import annotations

import struct
from ipaddress import ip_address

import pytest

from netemu.agnhost.boom import ACK, PORT, PUSH, RST, SYN, Injector, Segment, parse_segment, render_segment

CLIENT = "10.244.1.7"
OPENING = Segment(40000, PORT, 2**32 - 1, 0, SYN, 1000)
OPENED = Segment(40000, PORT, 0, 5000, ACK, 1000)


def words(packet):
    return struct.unpack(f"!{len(packet) // 2}H", packet)


def test_a_client_that_has_connected_gets_a_segment_from_outside_of_its_window():
    injector = Injector()

    assert injector.heard(OPENING, CLIENT) == (None, "")
    stray, line = injector.heard(OPENED, CLIENT)

    assert line == "connection established"
    assert stray == Segment(PORT, 40000, 5000 - 100_000 + 2**32, 0, PUSH | ACK, 1000)
    assert injector.heard(OPENED, CLIENT) == (None, "")


def test_a_reset_is_an_error():
    assert Injector().heard(Segment(40000, PORT, 1, 1, RST | ACK, 0), CLIENT) == (None, "ERROR: RST received")


@pytest.mark.parametrize("segment", [OPENED, OPENED._replace(flags=0), OPENING._replace(target_port=80)])
def test_what_opens_no_connection_gets_nothing(segment):
    assert Injector().heard(segment, CLIENT) == (None, "")


def test_what_is_rendered_is_parsed_again():
    packet = render_segment(OPENED, "10.0.0.1", CLIENT, b"boom")

    assert parse_segment(b"\x45" + b"\0" * 19 + packet) == OPENED
    assert parse_segment(packet[:10]) is None
    assert parse_segment(b"") is None


def test_a_segment_of_ipv6_comes_bare():
    packet = render_segment(OPENED, "fd00::1", "fd00::2", b"boom")

    assert parse_segment(packet, is_bare=True) == OPENED
    assert parse_segment(packet[:10], is_bare=True) is None


@pytest.mark.parametrize(("server", "client"), [("10.0.0.1", CLIENT), ("fd00::1", "fd00::2")])
def test_the_checksum_holds_for_an_odd_number_of_bytes(server, client):
    packet = render_segment(OPENED, server, client, b"boom!!!")
    addresses = ip_address(server).packed + ip_address(client).packed
    total = sum(words(addresses + bytes([0, 6, 0, len(packet)]) + packet + b"\0"))

    assert (total & 0xFFFF) + (total >> 16) == 0xFFFF
