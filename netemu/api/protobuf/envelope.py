"""The envelope of an object in protobuf: four magic bytes and a ``runtime.Unknown``. Pure.

Source: https://kubernetes.io/docs/reference/using-api/api-concepts/#protobuf-encoding.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from netemu.api.errors import BadRequestError
from netemu.api.protobuf.decode import decode_message
from netemu.api.protobuf.encode import encode_message
from netemu.api.protobuf.table import Message, find_message, get_message
from netemu.api.protobuf.wire import WireError, read_fields, write_bytes

CONTENT_TYPE = "application/vnd.kubernetes.protobuf"

_MAGIC = b"k8s\0"
_TYPE_META, _RAW = 1, 2
_OPTIONS = "meta.v1"
_WATCH_TYPE, _WATCH_OBJECT, _LENGTH_BYTES = 1, 2, 4


def decode_object(body: bytes) -> dict[str, Any]:
    """Read an object with its ``apiVersion`` and ``kind``.

    Raises:
        BadRequestError: it is no such envelope, of no known kind, or damaged.

    """
    if not body.startswith(_MAGIC):
        raise BadRequestError(
            "provided data does not appear to be a protobuf message, expected prefix k8s\\0"
        )
    try:
        return _decode_unknown(body[len(_MAGIC) :])
    except WireError as err:
        raise BadRequestError(f"the body of the request is not protobuf: {err.message}") from err


def encode_object(obj: Mapping[str, Any]) -> bytes | None:
    """Write an object with its kind; ``None`` for a kind that has no messages, as users' own have."""
    api_version, kind = obj.get("apiVersion", ""), obj.get("kind", "")
    fields = _find_message(api_version, kind)
    if fields is None:
        return None
    head = {"apiVersion": api_version, "kind": kind}
    type_meta = encode_message(get_message("pkg.runtime.TypeMeta"), head)
    return _MAGIC + write_bytes(_TYPE_META, type_meta) + write_bytes(_RAW, encode_message(fields, obj))


def encode_event(type_: str, obj: Mapping[str, Any]) -> bytes | None:
    """Write an event of a watch: its length, and a ``WatchEvent`` whose object has its own envelope."""
    encoded = encode_object(obj)
    if encoded is None:
        return None
    event = write_bytes(_WATCH_TYPE, type_.encode())
    event += write_bytes(_WATCH_OBJECT, write_bytes(1, encoded))
    return len(event).to_bytes(_LENGTH_BYTES, "big") + event


def _decode_unknown(data: bytes) -> dict[str, Any]:
    unknown = _fields_of(data)
    type_meta = decode_message(get_message("pkg.runtime.TypeMeta"), unknown.get(_TYPE_META, b""))
    api_version, kind = type_meta.get("apiVersion", ""), type_meta.get("kind", "")
    fields = _message_of(api_version, kind)
    return {"apiVersion": api_version, "kind": kind, **decode_message(fields, unknown.get(_RAW, b""))}


def _fields_of(data: bytes) -> dict[int, bytes]:
    return {number: value for number, value in read_fields(data) if isinstance(value, bytes)}


def _message_of(api_version: str, kind: str) -> Message:
    """Find a kind's message; options, which every group has, are those of ``meta``."""
    fields = _find_message(api_version, kind)
    if fields is None:
        raise BadRequestError(f'no kind "{kind}" is registered for version "{api_version}" in protobuf')
    return fields


def _find_message(api_version: str, kind: str) -> Message | None:
    group, _, version = api_version.rpartition("/")
    package = group.partition(".")[0] or "core"
    return find_message(f"{package}.{version}.{kind}") or find_message(f"{_OPTIONS}.{kind}")
