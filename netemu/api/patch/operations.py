"""JSON Patch (RFC 6902), with the errors that Kubernetes' API server gives."""

from __future__ import annotations

from typing import Any

from netemu.api.errors import BadRequestError, InvalidError
from netemu.api.patch.pointer import Missing, add, get, parse_pointer, put, remove

_MAX_OPERATIONS = 10_000


def json_patch(original: Any, operations: Any) -> Any:
    """Apply a list of operations, all or none.

    Raises:
        BadRequestError: ``operations`` is not a JSON Patch document.
        InvalidError: an operation does not apply to this object, or a test failed.

    """
    if not isinstance(operations, list) or not all(isinstance(step, dict) for step in operations):
        raise BadRequestError("a JSON patch is a list of operations", hint=_EXAMPLE)
    if len(operations) > _MAX_OPERATIONS:
        raise BadRequestError(f"a JSON patch has at most {_MAX_OPERATIONS} operations, got {len(operations)}")
    document = original
    for step in operations:
        document = _apply(document, step)
    return document


_EXAMPLE = 'For example [{"op": "replace", "path": "/spec/replicas", "value": 3}].'


def _apply(document: Any, step: dict[str, Any]) -> Any:
    operation = step.get("op")
    if operation not in ("add", "remove", "replace", "move", "copy", "test"):
        raise BadRequestError(f"Unexpected kind: {operation}", hint=_EXAMPLE)
    path = _pointer(step, "path")
    try:
        match operation:
            case "add":
                return add(document, path, _value(step))
            case "remove":
                return remove(document, path)
            case "replace":
                return put(document, path, _value(step))
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
    text = step.get(name)
    if not isinstance(text, str) or (text and not text.startswith("/")):
        raise BadRequestError(
            f'"{name}" of a JSON patch operation must be a path, got {text!r}', hint=_EXAMPLE
        )
    return parse_pointer(text)


def _value(step: dict[str, Any]) -> Any:
    if "value" not in step:
        raise BadRequestError(f'the {step["op"]} operation of a JSON patch needs a "value"')
    return step["value"]


def _rejected(why: str) -> InvalidError:
    return InvalidError(f"the server rejected our request due to an error in our request: {why}")
