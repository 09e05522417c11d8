"""The remote command protocol: the first byte of each message is its channel. Pure.

Source: Kubernetes ``pkg/apis/remotecommand`` and KEP-4006 (v5 adds CLOSE, which names the
channel whose sender is done). Up to v3 the error channel carries a sentence, none on success,
from v4 on a Status. With "base64" in its name, messages are text: a digit, then base64.
"""

from __future__ import annotations

import base64
from enum import IntEnum
from typing import NamedTuple

import msgspec

from netemu.api.client import Object
from netemu.api.errors import ApiError
from netemu.api.status import status_of

PROTOCOLS = (
    "v5.channel.k8s.io",
    "v4.channel.k8s.io",
    "v4.base64.channel.k8s.io",
    "channel.k8s.io",
    "base64.channel.k8s.io",
)
"""Of WebSocket, the better ones first."""
SPDY_PROTOCOLS = ("v4.channel.k8s.io", "v3.channel.k8s.io", "v2.channel.k8s.io", "channel.k8s.io")


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
        return parse_resize(data)
    if channel == Channel.CLOSE and data == bytes([Channel.STDIN]):
        return EndOfInput()
    return None


def framed(channel: Channel, data: bytes) -> bytes:
    """Write a message."""
    return bytes((channel,)) + data


def from_text(message: str) -> bytes:
    """Read a message of a "base64" protocol; empty when it is none."""
    try:
        return bytes((int(message[:1]),)) + base64.b64decode(message[1:], validate=True)
    except ValueError:
        return b""


def to_text(message: bytes) -> str:
    """Write a message of a "base64" protocol."""
    return f"{message[0]}{base64.b64encode(message[1:]).decode()}"


def exit_status(code: int) -> Object:
    """Give the Status of a command that ended."""
    if not code:
        return {"metadata": {}, "status": "Success"}
    return {
        "metadata": {},
        "status": "Failure",
        "message": f"command terminated with non-zero exit code: exit status {code}",
        "reason": "NonZeroExitCode",
        "details": {"causes": [{"reason": "ExitCode", "message": str(code)}]},
    }


def failure_status(error: ApiError) -> Object:
    """Give the Status of a command that could not be started."""
    return status_of(error)


def render_status(status: Object, protocol: str) -> bytes:
    """Write what the error channel says at the end; nothing of it if that is empty."""
    if protocol.startswith(("v4.", "v5.")):
        return msgspec.json.encode(status)
    return b"" if status["status"] == "Success" else str(status["message"]).encode()


def parse_resize(data: bytes) -> Resize | None:
    """Read the size of a terminal; ``None`` when it is none."""
    try:
        size = msgspec.json.decode(data, type=_Size)
    except msgspec.DecodeError:
        return None
    if not (0 < size.width < 1 << 16 and 0 < size.height < 1 << 16):
        return None  # struct winsize has 16 bits for each
    return Resize(size.width, size.height)
