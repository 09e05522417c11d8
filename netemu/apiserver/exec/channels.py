"""The remote command protocol: the first byte of each message is its channel. Pure.

Source: Kubernetes ``pkg/apis/remotecommand`` and KEP-4006 (v5 adds CLOSE, which names the
channel whose sender is done).
"""

from __future__ import annotations

from enum import IntEnum
from typing import NamedTuple

import msgspec

from netemu.api.client import Object
from netemu.api.errors import ApiError
from netemu.api.status import status_of

PROTOCOLS = ("v5.channel.k8s.io", "v4.channel.k8s.io")


class Channel(IntEnum):
    """Who sends what: the client 0 and 4 (and 255), the server 1, 2 and 3."""

    STDIN = 0
    STDOUT = 1
    STDERR = 2
    ERROR = 3
    RESIZE = 4
    CLOSE = 255


class Input(NamedTuple):
    """Bytes for the command's standard input."""

    data: bytes


class EndOfInput(NamedTuple):
    """The command's standard input is complete."""


class Resize(NamedTuple):
    """The client's terminal has this size now."""

    columns: int
    rows: int


class _Size(msgspec.Struct, frozen=True, rename="pascal"):
    width: int = 0
    height: int = 0


def parse_message(message: bytes) -> Input | EndOfInput | Resize | None:
    """Read a client's message; ``None`` when it means nothing to a server."""
    if not message:
        return None
    channel, data = message[0], message[1:]
    if channel == Channel.STDIN:
        return Input(data) if data else None
    if channel == Channel.RESIZE:
        return _parse_resize(data)
    if channel == Channel.CLOSE and data == bytes([Channel.STDIN]):
        return EndOfInput()
    return None


def framed(channel: Channel, data: bytes) -> bytes:
    """Write a message."""
    return bytes((channel,)) + data


def exit_status(code: int) -> bytes:
    """Write what the error channel says at the end of a command."""
    status: Object = {"metadata": {}, "status": "Success"}
    if code:
        status = {
            "metadata": {},
            "status": "Failure",
            "message": f"command terminated with non-zero exit code: exit status {code}",
            "reason": "NonZeroExitCode",
            "details": {"causes": [{"reason": "ExitCode", "message": str(code)}]},
        }
    return framed(Channel.ERROR, msgspec.json.encode(status))


def failure_status(error: ApiError) -> bytes:
    """Write what the error channel says about a command that could not be started."""
    return framed(Channel.ERROR, msgspec.json.encode(status_of(error)))


def _parse_resize(data: bytes) -> Resize | None:
    try:
        size = msgspec.json.decode(data, type=_Size)
    except msgspec.DecodeError:
        return None
    if not (0 < size.width < 1 << 16 and 0 < size.height < 1 << 16):
        return None  # struct winsize has 16 bits for each
    return Resize(size.width, size.height)
