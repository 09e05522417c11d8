"""A JSON value to the bytes of its message, by the table of fields: the inverse of ``decode``. Pure.

A field that is not in the object is not written; what the table does not know is left out.
"""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any

import msgspec

from netemu.api.protobuf.table import Field, Message, get_message
from netemu.api.protobuf.wire import write_bytes, write_int

_KEY, _VALUE = 1, 2
_INT, _STRING = 0, 1


def encode_message(fields: Message, value: Mapping[str, Any]) -> bytes:
    """Write a JSON object as a message.

    Raises:
        ValueError, TypeError, AttributeError: it has another shape.

    """
    return b"".join(_written(fields, value))


def _written(fields: Message, value: Mapping[str, Any]) -> Iterator[bytes]:
    for number, field in sorted(fields.items()):
        if not field.name:
            inner = encode_message(get_message(field.message), value)
            if inner:
                yield write_bytes(number, inner)
            continue
        item = value.get(field.name)
        if item is None:
            continue
        match field.shape:
            case "one":
                yield _field(field, item)
            case "list":
                yield from (_field(field, one) for one in item)
            case "map":
                yield from (_entry(field, key, one) for key, one in item.items())


def _entry(field: Field, key: str, value: Any) -> bytes:
    written = b"" if value is None else _field(field, value, _VALUE)
    return write_bytes(field.number, write_bytes(_KEY, key.encode()) + written)


def _field(field: Field, value: Any, number: int = 0) -> bytes:
    at = number or field.number
    if field.kind in ("int", "bool"):
        return write_int(at, int(value))
    if field.kind == "message":
        return write_bytes(at, encode_message(get_message(field.message), value))
    return write_bytes(at, _WRITERS[field.kind](value))


def _text(value: Any) -> bytes:
    return str(value).encode()


def _time(value: str) -> bytes:
    moment = datetime.fromisoformat(value)
    seconds = (moment - _EPOCH) // timedelta(seconds=1)
    nanos = moment.microsecond * 1000
    return write_int(1, seconds) + (write_int(2, nanos) if nanos else b"")


def _quantity(value: Any) -> bytes:
    return write_bytes(1, _text(value))


def _int_or_string(value: Any) -> bytes:
    if isinstance(value, str):
        return write_int(1, _STRING) + write_bytes(3, value.encode())
    return write_int(1, _INT) + write_int(2, value)


def _raw(value: Any) -> bytes:
    return write_bytes(1, msgspec.json.encode(value))


def _strings(value: list[str]) -> bytes:
    return b"".join(write_bytes(1, _text(item)) for item in value)


_EPOCH = datetime.fromisoformat("1970-01-01T00:00:00Z")
_WRITERS: Mapping[str, Callable[[Any], bytes]] = {
    "bytes": b64decode,
    "intOrString": _int_or_string,
    "microTime": _time,
    "quantity": _quantity,
    "raw": _raw,
    "string": _text,
    "strings": _strings,
    "time": _time,
}
