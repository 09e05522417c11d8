"""Expressions that change objects."""

from __future__ import annotations

import pytest

from netemu.api.cel import CompileError, EvaluationError, compile_expression
from netemu.api.cel.mutation import APPLY, compile_patch, operations_of, wish_of
from netemu.api.cel.rewriting import JSON_PATCH

OBJECT = {"object": {"n": 2}}


def value(text, type_=APPLY):
    return compile_patch(text, type_, ("object",)).evaluate(OBJECT)


@pytest.mark.parametrize(
    ("text", "wish"),
    [
        ("Object{}", {}),
        ("Object {\n  spec : Object . spec { n : object.n + 1 , } }", {"spec": {"n": 3}}),
        ("Object{`a-b`: 'Object{c: 1}', ?d: object.?d, ?n: object.?n}", {"a-b": "Object{c: 1}", "n": 2}),
        (
            "Object{l: [Object.l{a: b'x'}, Object.l{a: 1.0, b: null}]}",
            {"l": [{"a": "eA=="}, {"a": 1, "b": None}]},
        ),
        (
            "Object{m: {'x': Object.m{t: timestamp('2024-01-01T00:00:00Z')}}}",
            {"m": {"x": {"t": "2024-01-01T00:00:00Z"}}},
        ),
        ("object.n > 1 ? Object{a: 'é'} : Object{}", {"a": "é"}),
        ("cel.bind(x, 'é', Object{a: x, s: Object.s{}})", {"a": "é", "s": {}}),
    ],
)
def test_a_literal_is_what_it_says(text, wish):
    assert wish_of(value(text)) == wish


@pytest.mark.parametrize(
    ("text", "operations"),
    [
        ("[]", []),
        (
            "[JSONPatch{op: 'add', path: '/a', value: Object.a{b: 1}}, JSONPatch{op: 'move', from: '/b'}]",
            [
                {"op": "add", "path": "/a", "value": {"b": 1}},
                {"op": "move", "path": "", "from": "/b"},
            ],
        ),
        (
            "[JSONPatch{value: null}] + [JSONPatch{}]",
            [{"op": "", "path": "", "value": None}, {"op": "", "path": ""}],
        ),
    ],
)
def test_patches_are_lists_of_operations(text, operations):
    assert operations_of(value(text, JSON_PATCH)) == operations


@pytest.mark.parametrize(
    ("text", "type_", "said"),
    [
        ("Object{", APPLY, "compilation failed: ERROR: <input>:1:8: Syntax error"),
        ("Object{a: none}", APPLY, "compilation failed: ERROR: <input>:1:11: undeclared reference to 'none'"),
        ("Object{a: n.o.p}", APPLY, "compilation failed: ERROR: <input>:1:11: undeclared reference to 'n'"),
        ("Object{\na: b}", APPLY, "compilation failed: ERROR: <input>:2:4: undeclared reference to 'b'"),
        ("Thing{}", APPLY, "compilation failed: ERROR: <input>:1:1: undeclared reference to 'Thing'"),
        ("{'a': 1}", APPLY, "must evaluate to Object"),
        ("'Object'", APPLY, "must evaluate to Object"),
        ("[Object{}]", APPLY, "must evaluate to Object"),
        ("true ? Object.a{} : Object.a{}", APPLY, "must evaluate to Object"),
        ("[Object{}]", JSON_PATCH, "must evaluate to list(JSONPatch)"),
        ("[JSONPatch{a: 1}]", JSON_PATCH, "compilation failed: ERROR: <input>:1:13: undefined field 'a'"),
    ],
)
def test_what_is_no_patch_is_said_where_it_stands(text, type_, said):
    with pytest.raises(CompileError) as caught:
        value(text, type_)

    assert caught.value.message.startswith(said)


@pytest.mark.parametrize(
    ("read", "given", "said"),
    [
        (wish_of, {"a": 1}, "unsupported return type"),
        (operations_of, {}, "type mismatch: JSONPatchType.expression should evaluate to array"),
        (operations_of, [1], "type mismatch: JSONPatchType.expression should evaluate to array of JSONPatch"),
    ],
)
def test_what_only_values_tell_is_told_by_them(read, given, said):
    with pytest.raises(EvaluationError) as caught:
        read(given)

    assert caught.value.message.startswith(said)


@pytest.mark.parametrize(
    ("text", "places"),
    [
        ("Object{a: Object.b{}}", ['"Object.b", expected "Object.a"']),
        ("Object{a: [Object.a{c: Object.a.d{}}]}", ['"Object.a.d", expected "Object.a.c"']),
        ("Object{a: {'k': Object.x{}}, b: Object.y{}}", ['"Object.x", expected', '"Object.y", expected']),
    ],
)
def test_types_must_fit_their_places(text, places):
    with pytest.raises(EvaluationError) as caught:
        wish_of(value(text))

    lines = sorted(caught.value.message.removeprefix("type mismatch: ").split("\n"))
    assert [place in line for place, line in zip(places, lines, strict=True)] == [True] * len(places)


def test_literals_are_for_changes_alone():
    with pytest.raises(CompileError):
        compile_expression("Object{}", ("object",))
