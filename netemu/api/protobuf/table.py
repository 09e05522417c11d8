"""The field numbers of Kubernetes' messages: a generated table, read at first use.

``messages.json.gz`` is made by ``scripts/generate-protobuf``. A message is decoded when it is
first met: most never are.
"""

from __future__ import annotations

import gzip
from functools import cache
from pathlib import Path
from typing import Literal

import msgspec
from msgspec import Struct

Kind = Literal[
    "bool",
    "bytes",
    "int",
    "intOrString",
    "message",
    "microTime",
    "quantity",
    "raw",
    "string",
    "strings",
    "time",
]


class Field(Struct, frozen=True, array_like=True, gc=False):
    """One field of a message.

    ``name`` is the JSON name, empty for a message whose fields belong to the one around it.
    ``message`` is set for a ``kind`` of ``message``. Without ``keeps_zero``, a zero value means
    that the field is not set: Go writes those fields always.
    """

    number: int
    name: str
    shape: Literal["one", "list", "map"]
    kind: Kind
    message: str
    keeps_zero: bool


Message = dict[int, Field]


class _Document(Struct, frozen=True):
    release: str
    messages: dict[str, msgspec.Raw]


def find_message(name: str) -> Message | None:
    """Find a message by its short name: ``core.v1.Pod``, ``meta.v1.DeleteOptions``."""
    return get_message(name) if name in _document().messages else None


@cache
def get_message(name: str) -> Message:
    """Give a message's fields by number; one that the table does not list has none."""
    raw = _document().messages.get(name)
    fields = msgspec.json.decode(raw, type=list[Field]) if raw is not None else []
    return {field.number: field for field in fields}


def message_names() -> list[str]:
    """Name every message of the table."""
    return list(_document().messages)


@cache
def _document() -> _Document:
    packed = Path(__file__).with_name("messages.json.gz").read_bytes()
    return msgspec.json.decode(gzip.decompress(packed), type=_Document)
