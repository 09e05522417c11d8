"""Fields that come twice."""

from __future__ import annotations

import pytest

from netemu.apiserver.duplicates import duplicate_fields


@pytest.mark.parametrize(
    ("body", "messages"),
    [
        (b'{"a":1,"b":{"a":1}}', []),
        (b'{"a":1,"a":2}', ['duplicate field "a"']),
        (b'{"a":1,"a":2,"a":3}', ['duplicate field "a"']),
        (
            b'{"spec":{"ports":[{"p":1},{"p":1,"p":2}]},"spec":{}}',
            ['duplicate field "spec.ports[1].p"', 'duplicate field "spec"'],
        ),
        (b'[{"op":"add","op":"test"}]', ['duplicate field "[0].op"']),
        (b'{"a":', []),
        (b"[" * 100_000, []),
    ],
)
def test_repeated_fields_of_json_are_named_by_path(body, messages):
    assert [cause.message for cause in duplicate_fields(body)] == messages


@pytest.mark.parametrize(
    ("body", "causes"),
    [
        (b"a: 1\nb: 2\n", []),
        (b"a: 1\na: 2\n", [("a", 'line 2: key "a" already set in map')]),
        (b"a:\n- b: 1\n  b: 2\n", [("a[0].b", 'line 3: key "b" already set in map')]),
        (b"a: [", []),
    ],
)
def test_repeated_keys_of_yaml_are_named_by_line(body, causes):
    found = duplicate_fields(body, is_yaml=True)

    assert [(cause.field, cause.message) for cause in found] == causes
