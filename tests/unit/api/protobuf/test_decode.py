"""Special forms, and every field of every message there and back."""

from __future__ import annotations

import json
from base64 import b64decode
from datetime import datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from netemu.api.protobuf.decode import decode_message
from netemu.api.protobuf.table import Field, find_message, get_message, message_names
from netemu.api.protobuf.wire import WireError, write_bytes, write_int

WORDS = st.text(min_size=1, max_size=8)
VALUES = {
    "bool": st.just(True),
    "bytes": st.sampled_from(["YQ==", "/+8="]),
    "int": st.integers(-(1 << 31), (1 << 31) - 1).filter(bool),
    "intOrString": st.integers(1, 65535) | WORDS,
    "microTime": st.just("2024-01-02T03:04:05.000006Z"),
    "quantity": st.sampled_from(["1", "500m", "2Gi"]),
    "raw": st.dictionaries(WORDS, st.integers(0, 9), min_size=1, max_size=2),
    "string": WORDS,
    "strings": st.lists(WORDS, min_size=1, max_size=2),
    "time": st.just("2024-01-02T03:04:05Z"),
}


def field(kind, shape="one", keeps_zero=False):
    return {1: Field(1, "x", shape, kind, "", keeps_zero)}


def encode_value(of, value):
    """Write one value as Go's generated code does."""
    match of.kind:
        case "message":
            return write_bytes(of.number, encode(get_message(of.message), value))
        case "bool" | "int":
            return write_int(of.number, int(value))
        case "string":
            return write_bytes(of.number, value.encode())
        case "bytes":
            return write_bytes(of.number, b64decode(value))
        case "quantity":
            return write_bytes(of.number, write_bytes(1, value.encode()))
        case "raw":
            return write_bytes(of.number, write_bytes(1, json.dumps(value).encode()))
        case "strings":
            return write_bytes(of.number, b"".join(write_bytes(1, item.encode()) for item in value))
        case "intOrString":
            forms = {int: lambda: write_int(1, 0) + write_int(2, value), str: lambda: _text(value)}
            return write_bytes(of.number, forms[type(value)]())
        case "time" | "microTime":
            moment = datetime.fromisoformat(value)
            parts = write_int(1, int(moment.timestamp())) + write_int(2, moment.microsecond * 1000)
            return write_bytes(of.number, parts)


def _text(value):
    return write_int(1, 1) + write_int(2, 0) + write_bytes(3, value.encode())


def encode(fields, obj):
    """Write the fields of an object that have a name."""
    return b"".join(encode_field(of, obj[of.name]) for of in fields.values() if of.name in obj)


def encode_field(of, value):
    match of.shape:
        case "list":
            return b"".join(encode_value(of, item) for item in value)
        case "map":
            item = Field(2, "", "one", of.kind, of.message, False)
            return b"".join(
                write_bytes(of.number, write_bytes(1, key.encode()) + encode_value(item, below))
                for key, below in value.items()
            )
        case _:
            return encode_value(of, value)


def values_of(of, depth):
    value = objects_of(of.message, depth) if of.kind == "message" else VALUES[of.kind]
    match of.shape:
        case "list":
            return st.lists(value, min_size=1, max_size=2)
        case "map":
            return st.dictionaries(WORDS, value, min_size=1, max_size=2)
        case _:
            return value


def objects_of(name, depth=2):
    named = [of for of in get_message(name).values() if of.name]
    usable = [of for of in named if depth or of.kind != "message"]
    if not usable:
        return st.just({})
    some = st.lists(st.sampled_from(usable), min_size=1, max_size=3, unique_by=lambda of: of.name)
    return some.flatmap(
        lambda chosen: st.fixed_dictionaries({of.name: values_of(of, depth - 1) for of in chosen})
    )


def without_empty(value, fields):
    """Drop messages that Go writes though nothing in them is set."""
    by_name = {of.name: of for of in fields.values()}
    return {
        key: below
        for key, below in ((key, _below(item, by_name[key])) for key, item in value.items())
        if below or by_name[key].keeps_zero
    }


def _below(value, of):
    match (of.kind, of.shape):
        case ("message", "list"):
            return [without_empty(item, get_message(of.message)) for item in value]
        case ("message", "map"):
            return {key: without_empty(item, get_message(of.message)) for key, item in value.items()}
        case ("message", _):
            return without_empty(value, get_message(of.message))
        case _:
            return value


KINDS = sorted(name for name in message_names() if name.startswith(("core.v1.", "apps.v1.", "meta.v1.")))


@settings(max_examples=150)
@given(st.sampled_from(KINDS).flatmap(lambda name: st.tuples(st.just(name), objects_of(name))))
def test_every_field_is_read_back_under_its_name(case):
    name, obj = case
    fields = get_message(name)

    assert decode_message(fields, encode(fields, obj)) == without_empty(obj, fields)


@settings(max_examples=200)
@given(st.binary(max_size=60))
def test_any_bytes_are_read_or_refused(data):
    fields = find_message("core.v1.Pod")
    outcomes = []
    try:
        outcomes.append(type(decode_message(fields, data)))
    except WireError:
        outcomes.append(WireError)

    assert outcomes[0] in (dict, WireError)


@pytest.mark.parametrize(
    ("kind", "value", "read"),
    [
        pytest.param("int", write_int(1, -1), {"x": -1}, id="negative"),
        pytest.param("int", write_int(1, 0), {}, id="zero-is-not-set"),
        pytest.param("time", write_bytes(1, b""), {}, id="zero-time"),
        pytest.param(
            "microTime",
            write_bytes(1, write_int(1, -62_135_596_798)),
            {"x": "0001-01-01T00:00:02.000000Z"},
            id="early-time",
        ),
        pytest.param(
            "time", write_bytes(1, write_int(1, 1_700_000_000)), {"x": "2023-11-14T22:13:20Z"}, id="time"
        ),
        pytest.param(
            "intOrString", write_bytes(1, b"\x08\x01\x10\x00\x1a\x04http"), {"x": "http"}, id="name"
        ),
        pytest.param("intOrString", write_bytes(1, b"\x08\x00\x10\x50\x1a\x00"), {"x": 80}, id="number"),
        pytest.param("raw", write_bytes(1, write_bytes(1, b'{"a":1}')), {"x": {"a": 1}}, id="raw"),
    ],
)
def test_special_forms(kind, value, read):
    assert decode_message(field(kind), value) == read


def test_a_pointer_to_zero_is_set():
    assert decode_message(field("int", keeps_zero=True), write_int(1, 0)) == {"x": 0}


def test_a_map_entry_without_a_value_has_the_zero_value():
    entry = write_bytes(1, write_bytes(1, b"key"))

    assert decode_message(field("string", "map"), entry) == {"x": {"key": ""}}


@pytest.mark.parametrize(
    ("kind", "data"),
    [
        pytest.param("string", write_bytes(1, b"\xff"), id="not-utf-8"),
        pytest.param("string", write_int(1, 5), id="a-number-for-text"),
        pytest.param("int", write_bytes(1, b"5"), id="text-for-a-number"),
        pytest.param("raw", write_bytes(1, write_bytes(1, b"{")), id="raw-that-is-no-json"),
        pytest.param("time", write_bytes(1, write_int(1, 1 << 60)), id="a-time-far-off"),
        pytest.param("int", b"\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", id="too-long-a-number"),
        pytest.param("int", b"\x0b", id="a-group"),
    ],
)
def test_damage_is_refused(kind, data):
    with pytest.raises(WireError):
        decode_message(field(kind), data)


def test_the_table_has_the_numbers_that_kubernetes_publishes():
    pod = {of.name: of.number for of in get_message("core.v1.PodSpec").values()}
    meta = {of.name: of.number for of in get_message("meta.v1.ObjectMeta").values()}

    assert (pod["containers"], pod["nodeName"], pod["ephemeralContainers"]) == (2, 10, 34)
    assert (meta["name"], meta["creationTimestamp"], meta["ownerReferences"]) == (1, 8, 13)


def test_an_unknown_message_is_not_found():
    assert find_message("core.v1.Fish") is None
