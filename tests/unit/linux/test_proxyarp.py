"""Gratuitous ARP, byte by byte."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address

from netemu.linux import proxyarp

MAC = bytes.fromhex("020304050607")
IP = IPv4Address("172.30.255.1")


def test_a_gratuitous_reply_names_its_sender_as_its_target():
    assert proxyarp.gratuitous(MAC, IP).hex(" ", 2) == (
        "ffff ffff ffff 0203 0405 0607 0806 0001 0800 0604 0002 0203 0405 0607 ac1e ff01"
        " 0203 0405 0607 ac1e ff01"
    )


def test_a_gratuitous_request_asks_for_its_own_address():
    assert proxyarp.gratuitous(MAC, IP, 1)[20:] == (b"\x00\x01" + MAC + IP.packed + b"\x00" * 6 + IP.packed)


def test_an_unasked_advertisement_overrides_what_was_known():
    ip = IPv6Address("fd00:30::1")

    assert proxyarp.unsolicited(MAC, ip) == b"\x88\0\0\0\x20\0\0\0" + ip.packed + b"\x02\x01" + MAC


def test_an_entry_is_a_proxy_entry_for_the_address():
    message = proxyarp.answer_for(7, IP)

    assert (
        message.body
        == b"\x02\0\0\0" + (7).to_bytes(4, "little") + b"\0\0\x08\0" + b"\x08\0\x01\0" + IP.packed
    )
    assert proxyarp.answer_no_more(7, IP).body == message.body
