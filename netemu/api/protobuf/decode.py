"""A message's bytes to the JSON value that they stand for, by the table of fields. Pure.

Time, Quantity, IntOrString, RawExtension and FieldsV1 are messages on the wire and something
else in JSON: each has its own reader. Source: the comments of apimachinery's generated.proto.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from netemu.api.protobuf.table import Field, Message, get_message
from netemu.api.protobuf.wire import WireError, read_fields, signed

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_KEY, _VALUE = 1, 2


def decode_message(fields: Message, data: bytes) -> dict[str, Any]:
    """Read a message as a JSON object. Fields that the table does not know are dropped.

    Raises:
        WireError: the bytes are no such message.

    """
    read: dict[str, Any] = {}
    for number, value in read_fields(data):
        field = fields.get(number)
        if field is not None:
            _set(read, field, value)
    return read


def _set(read: dict[str, Any], field: Field, value: int | bytes) -> None:
    if field.shape == "list":
        read.setdefault(field.name, []).append(_decode(field, value))
    elif field.shape == "map":
        key, item = _entry(field, _bytes(value))
        read.setdefault(field.name, {})[key] = item
    else:
        decoded = _decode(field, value)
        if not field.name:
            read.update(decoded)
        elif field.keeps_zero or decoded:
            read[field.name] = decoded


def _entry(field: Field, data: bytes) -> tuple[str, Any]:
    parts: dict[int, int | bytes] = {_KEY: b"", _VALUE: b"", **dict(read_fields(data))}
    return _text(parts[_KEY]), _decode(field, parts[_VALUE])


def _decode(field: Field, value: int | bytes) -> Any:
    if field.kind == "message":
        return decode_message(get_message(field.message), _bytes(value))
    return _READERS[field.kind](value)


def _bytes(value: int | bytes) -> bytes:
    if isinstance(value, int):
        raise WireError("a number where bytes belong")
    return value


def _text(value: int | bytes) -> str:
    try:
        return _bytes(value).decode()
    except UnicodeDecodeError as err:
        raise WireError("a string is not UTF-8") from err


def _int(value: int | bytes) -> int:
    if isinstance(value, bytes):
        raise WireError("bytes where a number belongs")
    return signed(value)


def _bool(value: int | bytes) -> bool:
    return _int(value) != 0


def _base64(value: int | bytes) -> str:
    return b64encode(_bytes(value)).decode()


def _parts(value: int | bytes) -> Mapping[int, int | bytes]:
    return dict(read_fields(_bytes(value)))


def _time(value: int | bytes) -> str | None:
    parts = _parts(value)
    if not parts:
        return None
    return _moment(parts).isoformat(timespec="seconds").replace("+00:00", "Z")


def _micro_time(value: int | bytes) -> str | None:
    parts = _parts(value)
    if not parts:
        return None
    return _moment(parts).isoformat(timespec="microseconds").replace("+00:00", "Z")


def _moment(parts: Mapping[int, int | bytes]) -> datetime:
    seconds, nanos = _int(parts.get(1, 0)), _int(parts.get(2, 0))
    try:
        return _EPOCH + timedelta(seconds=seconds, microseconds=nanos // 1000)
    except OverflowError as err:
        raise WireError(f"a time {seconds} s from 1970") from err


def _quantity(value: int | bytes) -> str:
    return _text(_parts(value).get(1, b"")) or "0"


def _int_or_string(value: int | bytes) -> int | str:
    parts = _parts(value)
    if _int(parts.get(1, 0)) == 0:
        return _int(parts.get(2, 0))
    return _text(parts.get(3, b""))


def _raw(value: int | bytes) -> Any:
    raw = _bytes(_parts(value).get(1, b""))
    if not raw:
        return None
    try:
        return msgspec.json.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as err:
        raise WireError(f"an embedded object is not JSON: {err}") from err


def _strings(value: int | bytes) -> list[str]:
    return [_text(item) for number, item in read_fields(_bytes(value)) if number == 1]


_READERS: Mapping[str, Callable[[int | bytes], Any]] = {
    "bool": _bool,
    "bytes": _base64,
    "int": _int,
    "intOrString": _int_or_string,
    "microTime": _micro_time,
    "quantity": _quantity,
    "raw": _raw,
    "string": _text,
    "strings": _strings,
    "time": _time,
}
