"""YAML bodies."""

from __future__ import annotations

import pytest

from netemu.api.errors import BadRequestError
from netemu.apiserver.yamlbody import parse_yaml

BOMB = b"a: &a [x,x,x,x,x,x,x,x,x,x]\n" + b"".join(
    b"%c: &%c [%s]\n" % (name, name, b",".join([b"*%c" % (name - 1)] * 10)) for name in b"bcdefgh"
)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        (b"a: 2024-01-02", {"a": "2024-01-02"}),
        (b"2: a\ntrue: b\n1.5: c", {"2": "a", "true": "b", "1.5": "c"}),
        (b"a: &x {b: 1}\nc: *x", {"a": {"b": 1}, "c": {"b": 1}}),
        (b'{"a": [1, null, "x"]}', {"a": [1, None, "x"]}),
        (b'{"a": 1, b: 2}', {"a": 1, "b": 2}),
        (b'a: "' + b"[" * 500 + b'"', {"a": "[" * 500}),
        (b"a: |\n  " + b"[" * 500, {"a": "[" * 500}),
        (b"", None),
    ],
)
def test_yaml_becomes_what_json_can_say(text, value):
    assert parse_yaml(text) == value


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(b"a: [", id="no-yaml"),
        pytest.param(b"a: .nan", id="not-a-number"),
        pytest.param(b"a: !!binary YQ==", id="bytes"),
        pytest.param(b"a: !!set {b}", id="set"),
        pytest.param(b"? [a]\n: b", id="a-list-for-a-key"),
        pytest.param(b"a: &a [*a]", id="in-itself"),
        pytest.param(b"[" * 20_000, id="deep"),
        pytest.param(b"{a: " * 20_000 + b"1" + b"}" * 20_000, id="deep-maps"),
        pytest.param(b"a: !!python/object/apply:os.getcwd []", id="an-object"),
        pytest.param(b"\xff\xfe\x00", id="not-utf-8"),
        pytest.param(BOMB, id="many-laughs"),
    ],
)
def test_what_json_cannot_say_is_refused(text):
    with pytest.raises(BadRequestError):
        parse_yaml(text)
