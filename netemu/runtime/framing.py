"""Frames on a Unix stream socket: a length, then that many bytes of JSON, and descriptors.

The sans-I/O half of the control protocol that shim and stand-in server share. A request is
``{"id": 7, "op": "create", …}``, its reply ``{"id": 7, "result": …}`` or ``{"id": 7, "error":
{"code": …, "message": …, "hint": …}}``, an event ``{"event": "exited", …}``. A frame that
brings descriptors says how many (``"fds": 3``); they arrive in the order of the frames.

Imports nothing heavy: a shim's memory counts once per node.
"""

from __future__ import annotations

LENGTH_BYTES = 4
MAX_FRAME_BYTES = 16 * 1024 * 1024  # a Pod object is at most 1.5 MiB in etcd; this bounds a broken peer


class FrameTooLargeError(ValueError):
    """A peer announced a frame that no honest peer sends."""


def encode(payload: bytes) -> bytes:
    """Put a payload in a frame.

    Raises:
        FrameTooLargeError: it is longer than ``MAX_FRAME_BYTES``.

    """
    _check(len(payload))
    return len(payload).to_bytes(LENGTH_BYTES, "big") + payload


class Decoder:
    """Cut a stream of bytes into payloads."""

    def __init__(self) -> None:
        self._buffer = bytearray()

    def feed(self, data: bytes) -> list[bytes]:
        """Add what was read and give every payload that is complete now.

        Raises:
            FrameTooLargeError: the connection cannot be used any further.

        """
        self._buffer += data
        payloads = []
        while (payload := self._cut()) is not None:
            payloads.append(payload)
        return payloads

    def _cut(self) -> bytes | None:
        if len(self._buffer) < LENGTH_BYTES:
            return None
        length = int.from_bytes(self._buffer[:LENGTH_BYTES], "big")
        _check(length)
        end = LENGTH_BYTES + length
        if len(self._buffer) < end:
            return None
        payload = bytes(self._buffer[LENGTH_BYTES:end])
        del self._buffer[:end]
        return payload


def _check(length: int) -> None:
    if length > MAX_FRAME_BYTES:
        raise FrameTooLargeError(f"a frame of {length} bytes; at most {MAX_FRAME_BYTES} are taken")
