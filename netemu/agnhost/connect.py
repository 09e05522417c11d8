"""[IO] ``agnhost connect``: one connection, and one word for what became of it."""

from __future__ import annotations

import errno
import socket
import sys

from netemu.agnhost.flags import parse_arguments, parse_duration_flag
from netemu.agnhost.golang import error_words, split_host_port
from netemu.agnhost.model import AppError
from netemu.agnhost.resolver import first_server

_FLAGS = {"timeout": "0s", "protocol": "tcp", "udp-data": "hostname", "sctp-data": "hostname"}


class _Failure(Exception):
    """What is said on standard error; the exit code is 1."""


def run(args: tuple[str, ...]) -> int:
    """Connect as the arguments say; 0 if somebody was there."""
    flags, rest = parse_arguments(args, _FLAGS)
    if len(rest) != 1:
        raise AppError(f"accepts 1 arg(s), received {len(rest)}")
    timeout_s = parse_duration_flag("timeout", flags["timeout"]) or None
    try:
        match flags["protocol"]:
            case "" | "tcp":
                _tcp(rest[0], timeout_s)
            case "udp":
                _udp(rest[0], timeout_s, flags["udp-data"])
            case "sctp":
                _sctp(rest[0], timeout_s, flags["sctp-data"])
            case other:
                raise _Failure(f"Unsupported protocol\n{other}")
    except _Failure as failure:
        print(failure, file=sys.stderr)
        return 1
    return 0


def _tcp(target: str, timeout_s: float | None) -> None:
    try:
        split_host_port(target)
    except ValueError as err:
        raise _Failure(f"UNKNOWN: {err}") from err
    failures: list[OSError] = []
    for family, name in _resolve(target, socket.SOCK_STREAM):
        try:
            with socket.socket(family, socket.SOCK_STREAM) as sock:
                sock.settimeout(timeout_s)
                sock.connect(name)
            return
        except OSError as err:
            failures.append(err)
    first = failures[0]
    if isinstance(first, TimeoutError):
        raise _Failure("TIMEOUT")
    if first.errno == errno.ECONNREFUSED:
        raise _Failure("REFUSED")
    raise _Failure(f"OTHER: dial tcp {target}: {error_words(first, 'connect')}")


def _udp(target: str, timeout_s: float | None, data: str) -> None:
    family, name = _resolve(target, socket.SOCK_DGRAM)[0]
    with socket.socket(family, socket.SOCK_DGRAM) as sock:
        sock.settimeout(timeout_s)
        try:
            sock.connect(name)
        except OSError as err:
            raise _Failure(f"OTHER: dial udp {target}: {error_words(err, 'connect')}") from err
        sock_name = "{}:{}".format(*sock.getsockname()[:2])
        try:
            sock.send(f"{data}\n".encode())
            answer = sock.recv(1024)
        except OSError as err:
            words = f"read udp {sock_name}->{target}: {error_words(err, 'read')}"
            if isinstance(err, TimeoutError):
                raise _Failure(f"TIMEOUT: {words}") from err
            kind = "REFUSED" if err.errno == errno.ECONNREFUSED else "UNKNOWN"
            raise _Failure(f"{kind}: {words}") from err
    if not answer:
        raise _Failure(
            "OTHER: No data received from the server. Cannot guarantee the server received the request."
        )


def _sctp(target: str, timeout_s: float | None, data: str) -> None:
    family, name = _resolve(target, socket.SOCK_STREAM)[0]
    try:
        with socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_SCTP) as sock:
            sock.settimeout(timeout_s)
            sock.connect(name)
            sock.send(f"{data}\n".encode())
            sock.recv(1024)
    except TimeoutError as err:
        raise _Failure("TIMEOUT") from err
    except OSError as err:
        raise _Failure(f"OTHER: {error_words(err, 'connect').removeprefix('connect: ')}") from err


def _resolve(target: str, kind: int) -> list[tuple[int, tuple[str, int]]]:
    """Give the families and names of a ``host:port``, IPv4 first."""
    try:
        host, port = split_host_port(target)
        found = socket.getaddrinfo(host or "localhost", port or "0", type=kind)
    except ValueError as err:
        raise _Failure(f"DNS: {err}") from err
    except OSError as err:
        if getattr(err, "errno", 0) == socket.EAI_SERVICE:
            network = "udp" if kind == socket.SOCK_DGRAM else "tcp"
            raise _Failure(f"DNS: lookup {network}/{port}: unknown port") from err
        raise _Failure(f"DNS: lookup {host}{first_server()}: no such host") from err
    return sorted((int(family), name[:2]) for family, _, _, _, name in found)  # type: ignore[misc]
