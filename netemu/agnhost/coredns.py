"""``/coredns``: the server that DNS tests start from agnhost's image, with the ``hosts`` plugin.

Source of the configuration: https://coredns.io/manual/toc/#configuration, https://coredns.io/plugins/hosts/.
"""

from __future__ import annotations

import struct
from ipaddress import ip_address
from typing import NamedTuple

from netemu.agnhost.flags import parse_flags
from netemu.agnhost.model import (
    Address,
    AppError,
    Datagrams,
    LengthPrefixed,
    Listener,
    Setting,
    Surroundings,
)

FLAGS = {"conf": "Corefile", "dns.port": "53", "quiet": "false"}
VERSION = "CoreDNS-1.11.3"

_HEADER = struct.Struct(">HHHHHH")
_A, _PTR, _AAAA, _ANY, _IN = 1, 12, 28, 255, 1
_TYPES = {_A: "A", _PTR: "PTR", _AAAA: "AAAA"}
_RESPONSE, _RECURSION = 0x8400, 0x0100  # authoritative
_NO_ERROR, _FORMAT_ERROR, _NAME_ERROR = 0, 1, 3
_CODES = {_NO_ERROR: "NOERROR", _NAME_ERROR: "NXDOMAIN"}
_DEFAULT_TTL_S = 3600


class Corefile(NamedTuple):
    """What of a configuration is played: one server's port, its hosts, and whether it logs."""

    port: int
    hosts: tuple[tuple[str, str], ...]
    ttl_s: int
    logs: bool


class Question(NamedTuple):
    """What a query asks; ``end`` is where the question ends in it."""

    number: int
    flags: int
    name: str
    kind: int
    end: int


def build(setting: Setting, surroundings: Surroundings) -> tuple[Listener, ...]:
    """Serve what the file of ``-conf`` says."""
    flags = parse_flags(setting.args, FLAGS)
    try:
        with open(flags["conf"]) as file:
            text = file.read()
    except OSError as err:
        raise AppError(f"open {flags['conf']}: {(err.strerror or '').lower()}") from err
    conf = parse_corefile(text, int(flags["dns.port"]))
    surroundings.say(f".:{conf.port}\n{VERSION}\nlinux/amd64")

    def answer(data: bytes, client: Address) -> bytes | None:
        reply = respond(conf, data)
        question = parse_question(data)
        if conf.logs and reply is not None and question is not None:
            kind = _TYPES.get(question.kind, f"TYPE{question.kind}")
            asked = f'"{kind} IN {question.name}. udp {len(data)} false 512"'
            code = _CODES[reply[3] & 0x0F]
            surroundings.say(f"[INFO] {client} - {question.number} {asked} {code} qr,aa {len(reply)} 0s")
        return reply

    return (Listener(conf.port, Datagrams(answer), "UDP"), Listener(conf.port, LengthPrefixed(answer)))


def parse_corefile(text: str, port: int) -> Corefile:
    """Read a configuration of one server with the plugins hosts, log, errors and what needs no doing.

    Raises:
        AppError: it has no server.

    """
    lines = [words for line in text.splitlines() if (words := line.partition("#")[0].split())]
    if not lines or lines[0][-1] != "{":
        raise AppError("Corefile:1 - Error during parsing: expected a server block")
    number = lines[0][0].rpartition(":")[2]
    hosts, ttl_s, in_hosts = [], _DEFAULT_TTL_S, False
    for words in lines[1:]:
        if words[0] == "hosts":
            in_hosts = words[-1] == "{"
        elif words[0] == "}":
            in_hosts = False
        elif in_hosts and words[0] == "ttl":
            ttl_s = int(words[1])
        elif in_hosts and _is_address(words[0]):
            hosts += [(words[0], name.lower().rstrip(".")) for name in words[1:]]
    logs = any(words[0] == "log" for words in lines)
    return Corefile(int(number) if number.isdecimal() else port, tuple(hosts), ttl_s, logs)


def respond(conf: Corefile, data: bytes) -> bytes | None:
    """Answer a query; None for what is none."""
    if len(data) < _HEADER.size or data[2] & 0x80:
        return None
    question = parse_question(data)
    if question is None:
        number = int.from_bytes(data[:2], "big")
        return _HEADER.pack(number, _RESPONSE | _FORMAT_ERROR, 0, 0, 0, 0)
    is_known, values = find(conf, question.name, question.kind)
    code = _NO_ERROR if is_known else _NAME_ERROR
    flags = _RESPONSE | (question.flags & _RECURSION) | code
    head = _HEADER.pack(question.number, flags, 1, len(values), 0, 0)
    records = b"".join(_record(kind, conf.ttl_s, value) for kind, value in values)
    return head + data[_HEADER.size : question.end] + records


def find(conf: Corefile, name: str, kind: int) -> tuple[bool, list[tuple[int, bytes]]]:
    """Say whether a name is known, and give its records of a type."""
    found: list[tuple[int, bytes]] = []
    is_known = False
    for text, host in conf.hosts:
        address = ip_address(text)
        if host == name:
            is_known = True
            own = _A if address.version == 4 else _AAAA
            found += [(own, address.packed)] if kind in {own, _ANY} else []
        elif address.reverse_pointer == name:
            is_known = True
            found += [(_PTR, encode_name(host))] if kind in {_PTR, _ANY} else []
    return is_known, found


def parse_question(data: bytes) -> Question | None:
    """Read a query's only question; None if it is not to be understood."""
    try:
        number, flags, questions, *_ = _HEADER.unpack_from(data)
        labels, offset = [], _HEADER.size
        while length := data[offset]:
            labels.append(data[offset + 1 : offset + 1 + length].decode("ascii").lower())
            offset += 1 + length
        kind, _ = struct.unpack_from(">HH", data, offset + 1)
    except (struct.error, IndexError, UnicodeDecodeError):
        return None
    return Question(number, flags, ".".join(labels), kind, offset + 5) if questions == 1 else None


def encode_name(name: str) -> bytes:
    """Write a name's labels."""
    return b"".join(bytes((len(label),)) + label.encode() for label in name.split(".")) + b"\0"


def _record(kind: int, ttl_s: int, value: bytes) -> bytes:
    return b"\xc0\x0c" + struct.pack(">HHIH", kind, _IN, ttl_s, len(value)) + value


def _is_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True
