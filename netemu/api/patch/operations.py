"""JSON Patch (RFC 6902), with the errors that Kubernetes' API server gives."""

from __future__ import annotations

from typing import Any

from netemu.api import shapecheck
from netemu.api.errors import BadRequestError, InvalidError
from netemu.api.patch.pointer import Missing, add, get, parse_pointer, put, remove

REJECTED = "the server rejected our request due to an error in our request: "

_MAX_OPERATIONS = 10_000


def json_patch(original: Any, operations: Any) -> Any:
    """Apply a list of operations, all or none.

    Raises:
        BadRequestError: ``operations`` is not a JSON Patch document.
        InvalidError: an operation does not apply to this object, or a test failed.

    """
    if found := _CHECK(operations):
        assert isinstance(found[0].misfit, shapecheck.Misfit)
        raise BadRequestError(found[0].misfit.words(), hint=_EXAMPLE)
    if len(operations) > _MAX_OPERATIONS:
        raise BadRequestError(f"a JSON patch has at most {_MAX_OPERATIONS} operations, got {len(operations)}")
    document = original
    for step in operations:
        document = _apply(document, step)
    return document


_CHECK = shapecheck.list_of(shapecheck.map_of(shapecheck.anything, "jsonpatch.Operation"), "jsonpatch.Patch")
_EXAMPLE = 'For example [{"op": "replace", "path": "/spec/replicas", "value": 3}].'


def _apply(document: Any, step: dict[str, Any]) -> Any:
    operation = step.get("op")
    if operation not in ("add", "remove", "replace", "move", "copy", "test"):
        raise _rejected(f"Unexpected kind: {operation if isinstance(operation, str) else 'unknown'}")
    path = _pointer(step, "path")
    try:
        match operation:
            case "add":
                return add(document, path, step.get("value"))
            case "remove":
                return remove(document, path)
            case "replace":
                return put(document, path, step.get("value"))
            case "test":
                return _tested(document, path, step)
            case "move":
                source = _pointer(step, "from")
                return add(remove(document, source), path, get(document, source))
            case _:
                return add(document, path, get(document, _pointer(step, "from")))
    except Missing as missing:
        raise _rejected(f"{operation} operation does not apply: {missing}") from missing


def _tested(document: Any, path: tuple[str, ...], step: dict[str, Any]) -> Any:
    if not _equal(get(document, path), step.get("value")):
        raise _rejected(f"testing value {step['path']} failed: test failed")
    return document


def _equal(left: Any, right: Any) -> bool:
    """Compare as JSON: ``1`` is ``1.0``, but not ``true``."""
    if isinstance(left, dict) and isinstance(right, dict):
        return left.keys() == right.keys() and all(_equal(left[key], right[key]) for key in left)
    if isinstance(left, list) and isinstance(right, list):
        return len(left) == len(right) and all(map(_equal, left, right))
    return isinstance(left, bool) is isinstance(right, bool) and bool(left == right)


def _pointer(step: dict[str, Any], name: str) -> tuple[str, ...]:
    text, operation = step.get(name), step["op"]
    if not isinstance(text, str):
        raise _rejected(f"{operation} operation failed to decode {name}: missing value")
    if text and not text.startswith("/"):
        raise _rejected(f'{operation} operation does not apply: doc is missing path: "{text}": missing value')
    return parse_pointer(text)


def _rejected(why: str) -> InvalidError:
    return InvalidError(f"{REJECTED}{why}")
