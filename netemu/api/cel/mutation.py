"""Expressions that change objects: what they give, as JSON. Pure.

Source: apiserver ``pkg/cel/mutation``, ``pkg/admission/plugin/policy/mutating/patch``.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from netemu.api.cel.budget import EvaluationError
from netemu.api.cel.program import CompileError, Program, compile_expression
from netemu.api.cel.rewriting import JSON_PATCH, TYPE
from netemu.api.cel.tree import Form, parts, read_node, text_in

APPLY = "ApplyConfiguration"
FIELDS = {APPLY: "applyConfiguration", JSON_PATCH: "jsonPatch"}
"""In which field of a mutation the expression of each type is."""

_WANTED = {APPLY: ("Object", "MAP"), JSON_PATCH: (f"list({JSON_PATCH})", "LIST")}


def compile_patch(
    text: str, type_: str, variables: tuple[str, ...], optionals: frozenset[str] = frozenset()
) -> Program:
    """Compile the expression of a mutation.

    Raises:
        CompileError: it is none, or what it gives is no patch of its type.

    """
    try:
        program = compile_expression(text, variables, has_literals=True, optionals=optionals)
    except CompileError as err:
        raise CompileError(f"compilation failed: {err.message}") from err
    wanted, form = _WANTED[type_]
    is_form = program.type == "DYN" or program.type.startswith(form)
    if not is_form or _type_of(program.tree.root) not in ("", wanted):
        raise CompileError(f"must evaluate to {wanted}")
    return program


def wish_of(value: Any) -> dict[str, Any]:
    """Give what an expression wants to be applied.

    Raises:
        EvaluationError: it gives no Object, or one that has others where it must not.

    """
    if _type(value) != "Object":
        raise EvaluationError("unsupported return type from ApplyConfiguration expression")
    _check_types(value)
    wish: dict[str, Any] = _plain(value)
    return wish


def operations_of(value: Any) -> list[dict[str, Any]]:
    """Give the operations of a JSON patch.

    Raises:
        EvaluationError: these are none.

    """
    if not isinstance(value, list):
        raise EvaluationError("type mismatch: JSONPatchType.expression should evaluate to array")
    return [_operation(each) for each in value]


def _operation(given: Any) -> dict[str, Any]:
    if _type(given) != JSON_PATCH:
        raise EvaluationError("type mismatch: JSONPatchType.expression should evaluate to array of JSONPatch")
    made = {"op": "", "path": ""}
    for key in ("op", "path", "from"):
        if key in given and not isinstance(given[key], str):
            raise EvaluationError(f"unexpected type for JSONPatchType '{key}' field")
        if given.get(key):
            made[key] = given[key]
    if "value" in given:
        if _type(given["value"]):
            _check_types(given["value"])
        made["value"] = _plain(given["value"])
    return made


def _type(value: Any) -> str:
    return str(value.get(TYPE) or "") if isinstance(value, dict) else ""


def _check_types(value: Any) -> None:
    said = list(_misplaced(value, (_type(value),)))
    if said:
        raise EvaluationError("type mismatch: " + "\n".join(said))


def _misplaced(value: Any, path: tuple[str, ...]) -> Iterator[str]:
    """Say which objects are of a type that is not that of their place."""
    if isinstance(value, list):
        for each in value:
            yield from _misplaced(each, path)
    if not isinstance(value, dict):
        return
    said, wanted = _type(value), ".".join(path)
    if said and said != wanted:
        yield (
            f'unexpected type name "{said}", expected "{wanted}", which matches field name path from root'
            " Object type"
        )
    for key, each in value.items():
        yield from _misplaced(each, (*path, key) if said else path)


def _plain(value: Any) -> Any:
    """Give a value of CEL as JSON."""
    match value:
        case dict():
            return {key: _plain(each) for key, each in value.items() if key != TYPE}
        case list():
            return [_plain(each) for each in value]
        case bytes() | bytearray():
            return b64encode(value).decode()
        case datetime():
            return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
        case timedelta():
            return f"{value.total_seconds():g}s"
        case float() if value.is_integer():
            return int(value)
        case _:
            return value


def _type_of(expression: bytes) -> str:
    """Name the type of an expression of literals; nothing where only values tell."""
    node = read_node(expression)
    match node.form:
        case Form.STRUCT:
            first = next(parts(node.body, 2), b"")
            key = read_node(next(parts(first, 3), b""))
            is_literal = key.form is Form.CONSTANT and text_in(key.body, 6) == TYPE
            return text_in(read_node(next(parts(first, 4), b"")).body, 6) if is_literal else "map"
        case Form.LIST:
            inner = {_type_of(each) for each in parts(node.body, 1)}
            return f"list({inner.pop()})" if len(inner) == 1 and "" not in inner else ""
        case Form.CALL if text_in(node.body, 2) == "_?_:_":
            _, *both = parts(node.body, 3)
            found = {_type_of(each) for each in both}
            return found.pop() if len(found) == 1 else ""
        case _:
            return ""
