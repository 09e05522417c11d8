"""JSON Patch: the operations, and the errors of Kubernetes' API server."""

import copy

import pytest

from netemu.api.errors import BadRequestError, InvalidError
from netemu.api.patch import json_patch

OBJECT = {"spec": {"replicas": 1, "ports": [{"port": 80}, {"port": 443}]}, "a/b": {"~x": 1}}


@pytest.mark.parametrize(
    ("step", "expected"),
    [
        pytest.param(
            {"op": "add", "path": "/spec/paused", "value": True},
            {"replicas": 1, "paused": True, "ports": [{"port": 80}, {"port": 443}]},
            id="add-field",
        ),
        pytest.param(
            {"op": "add", "path": "/spec/ports/1", "value": 1},
            {"replicas": 1, "ports": [{"port": 80}, 1, {"port": 443}]},
            id="insert",
        ),
        pytest.param(
            {"op": "add", "path": "/spec/ports/-", "value": 1},
            {"replicas": 1, "ports": [{"port": 80}, {"port": 443}, 1]},
            id="append",
        ),
        pytest.param(
            {"op": "replace", "path": "/spec/ports/0/port", "value": 81},
            {"replicas": 1, "ports": [{"port": 81}, {"port": 443}]},
            id="replace-in-list",
        ),
        pytest.param({"op": "remove", "path": "/spec/ports"}, {"replicas": 1}, id="remove-field"),
        pytest.param(
            {"op": "remove", "path": "/spec/ports/0"},
            {"replicas": 1, "ports": [{"port": 443}]},
            id="remove-item",
        ),
        pytest.param(
            {"op": "move", "from": "/spec/ports/0", "path": "/spec/ports/1"},
            {"replicas": 1, "ports": [{"port": 443}, {"port": 80}]},
            id="move",
        ),
        pytest.param(
            {"op": "copy", "from": "/spec/replicas", "path": "/spec/ports"},
            {"replicas": 1, "ports": 1},
            id="copy",
        ),
        pytest.param(
            {"op": "test", "path": "/spec/replicas", "value": 1.0},
            {"replicas": 1, "ports": [{"port": 80}, {"port": 443}]},
            id="test-that-holds",
        ),
    ],
)
def test_an_operation_changes_one_place(step, expected):
    before = copy.deepcopy(OBJECT)

    assert json_patch(OBJECT, [step])["spec"] == expected
    assert before == OBJECT


def test_escaped_paths_name_keys_with_slashes_and_tildes():
    patched = json_patch(OBJECT, [{"op": "replace", "path": "/a~1b/~0x", "value": 2}])

    assert patched["a/b"] == {"~x": 2}


def test_the_empty_path_is_the_whole_document():
    assert json_patch(OBJECT, [{"op": "replace", "path": "", "value": {"x": 1}}]) == {"x": 1}


@pytest.mark.parametrize(
    ("step", "words"),
    [
        (
            {"op": "test", "path": "/spec/replicas", "value": 2},
            "testing value /spec/replicas failed: test failed",
        ),
        ({"op": "test", "path": "/spec/replicas", "value": True}, "test failed"),
        (
            {"op": "remove", "path": "/spec/x"},
            'remove operation does not apply: doc is missing path: "/spec/x": missing value',
        ),
        ({"op": "replace", "path": "/spec/ports/2", "value": 1}, 'doc is missing path: "/spec/ports/2"'),
        ({"op": "add", "path": "/x/y", "value": 1}, 'doc is missing path: "/x"'),
        ({"op": "add", "path": "/spec/ports/3", "value": 1}, 'doc is missing path: "/spec/ports/3"'),
        ({"op": "add", "path": "/spec/ports/01", "value": 1}, "missing path"),
        ({"op": "add", "path": "/spec/replicas/x", "value": 1}, "missing path"),
        ({"op": "move", "from": "/a~1b/y", "path": "/z"}, 'doc is missing path: "/a~1b/y"'),
        ({"op": "swap", "path": "/x"}, "Unexpected kind: swap"),
        ({"path": "/x"}, "Unexpected kind: unknown"),
        ({"op": "add", "value": 1}, "add operation failed to decode path: missing value"),
        ({"op": "add", "path": "x", "value": 1}, 'doc is missing path: "x": missing value'),
        ({"op": "move", "path": "/x"}, "move operation failed to decode from: missing value"),
    ],
)
def test_what_does_not_apply_is_unprocessable(step, words):
    with pytest.raises(InvalidError) as caught:
        json_patch(OBJECT, [step])

    assert caught.value.message.startswith("the server rejected our request due to an error in our request")
    assert words in caught.value.message


@pytest.mark.parametrize(
    "operations",
    [
        {"op": "add"},
        ["add"],
        [{"op": "test", "path": "/spec", "value": 1}] * 10_001,
    ],
    ids=["no-list", "no-objects", "too-many"],
)
def test_what_is_no_json_patch_is_a_bad_request(operations):
    with pytest.raises(BadRequestError):
        json_patch(OBJECT, operations)


def test_a_value_that_is_not_given_is_null():
    assert json_patch(OBJECT, [{"op": "add", "path": "/x"}])["x"] is None
