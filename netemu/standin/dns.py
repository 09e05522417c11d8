"""Look a name up as a pod does: /etc/hosts, search list, ndots, A and AAAA records. Pure; RFC 1035, 3596."""

from __future__ import annotations

import struct
from ipaddress import IPv4Address, IPv6Address
from typing import NamedTuple

_HEADER = struct.Struct(">HHHHHH")
_RECORD = struct.Struct(">HHIH")
_TYPE_A, _TYPE_AAAA, _CLASS_IN = 1, 28, 1
KINDS = (_TYPE_A, _TYPE_AAAA)
"""The types of records to ask for, in order."""

_RECURSION_DESIRED = 0x0100
_RCODE = 0x000F
_POINTER = 0xC0


class ResolvConf(NamedTuple):
    """What of resolv.conf(5) matters here."""

    nameservers: tuple[str, ...] = ()
    search: tuple[str, ...] = ()
    ndots: int = 1
    timeout_s: float = 5.0
    attempts: int = 2


class Answer(NamedTuple):
    """A response's code (0: no error, 3: no such name) and the addresses in it."""

    code: int
    addresses: tuple[str, ...]


def parse_resolv_conf(text: str) -> ResolvConf:
    """Read a resolv.conf; the last ``search`` counts, three nameservers at most."""
    nameservers: list[str] = []
    search: tuple[str, ...] = ()
    options: dict[str, str] = {}
    for line in text.splitlines():
        match line.split():
            case ["nameserver", address, *_]:
                nameservers.append(address)
            case ["search" | "domain", *domains]:
                search = tuple(domains)
            case ["options", *words]:
                options.update((name, value) for name, _, value in (word.partition(":") for word in words))
            case _:
                pass
    return ResolvConf(
        tuple(nameservers[:3]),
        search,
        int(options.get("ndots", "1")),
        float(options.get("timeout", "5")),
        int(options.get("attempts", "2")),
    )


def find_in_hosts(text: str, name: str) -> str | None:
    """Find a name's address in a hosts file; an IPv4 one is preferred."""
    found: str | None = None
    for line in text.splitlines():
        address, *names = line.partition("#")[0].split() or [""]
        if name.lower().rstrip(".") in (other.lower() for other in names):
            if ":" not in address:
                return address
            found = found or address
    return found


def candidates(name: str, conf: ResolvConf) -> tuple[str, ...]:
    """Give the names to ask for, in order: with enough dots, the name itself comes first."""
    if name.endswith("."):
        return (name.rstrip("."),)
    searched = tuple(f"{name}.{domain.rstrip('.')}" for domain in conf.search)
    return (name, *searched) if name.count(".") >= conf.ndots else (*searched, name)


def encode_query(number: int, name: str, kind: int = _TYPE_A) -> bytes:
    """Ask for a name's records of a type.

    Raises:
        ValueError: no such name can exist.

    """
    labels = [label.encode("idna") if label else b"" for label in name.split(".")]
    if not all(0 < len(label) < 64 for label in labels) or sum(map(len, labels)) + len(labels) > 254:
        raise ValueError(f"{name!r} is no domain name")
    question = b"".join(bytes((len(label),)) + label for label in labels)
    head = _HEADER.pack(number, _RECURSION_DESIRED, 1, 0, 0, 0)
    return head + question + b"\0" + struct.pack(">HH", kind, _CLASS_IN)


def decode_answer(number: int, data: bytes) -> Answer | None:
    """Read a response; None if it is none to this query."""
    try:
        found, flags, questions, answers, _, _ = _HEADER.unpack_from(data)
        if found != number or not flags & 0x8000:
            return None
        offset = _HEADER.size
        for _ in range(questions):
            offset = _skip_name(data, offset) + 4
        addresses = []
        for _ in range(answers):
            offset = _skip_name(data, offset)
            kind, kind_class, _, length = _RECORD.unpack_from(data, offset)
            offset += _RECORD.size
            if (kind, kind_class, length) == (_TYPE_A, _CLASS_IN, 4):
                addresses.append(str(IPv4Address(data[offset : offset + 4])))
            elif (kind, kind_class, length) == (_TYPE_AAAA, _CLASS_IN, 16):
                addresses.append(str(IPv6Address(data[offset : offset + 16])))
            offset += length
    except (struct.error, IndexError, ValueError):
        return None
    return Answer(flags & _RCODE, tuple(addresses))


def _skip_name(data: bytes, offset: int) -> int:
    while (length := data[offset]) != 0:
        if length >= _POINTER:
            return offset + 2
        offset += length + 1
    return offset + 1
