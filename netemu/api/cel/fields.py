"""Check an expression against the schemas of what it reads: fields that do not exist, types that do not fit.

The library knows no schemas, so this walks the expression's tree. Where the type of a part is not
known, nothing is said of it.

Source: https://github.com/google/cel-spec/blob/master/proto/cel/expr/syntax.proto, cel-go's checker (words).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from netemu.api.cel.program import Program
from netemu.api.cel.tree import Form, located, parts, read_node, text_in
from netemu.api.cel.values import escaped, fields_of
from netemu.api.crd.schema import EMBEDDED, INT_OR_STRING
from netemu.api.crd.version import Json
from netemu.api.protobuf.wire import read_fields

_ROOT: Json = {"type": "object", EMBEDDED: True}

Scope = Mapping[str, Json | None]


@dataclass
class _Findings:
    program: Program
    positions: dict[int, int]
    said: list[str] = field(default_factory=list)

    def add(self, at: int, what: str) -> None:
        given = self.program.source
        self.said.append(located(given.given, given.at(self.positions.get(at, 0)), what))


def complaints(program: Program, scope: Scope) -> str:
    """Say in CEL's words what of an expression does not fit its schemas; or nothing."""
    tree = program.tree
    found = _Findings(program, tree.positions)
    _visit(tree.root, scope, found)
    return "\n".join(found.said)


def as_root(schema: Json) -> Json:
    """Give the schema of a whole object, which has a name and a kind whatever it says."""
    return {**schema, EMBEDDED: True}


def _visit(expression: bytes, scope: Scope, found: _Findings) -> Json | None:
    """Walk an expression; give the schema of its value, where that is known."""
    at, form, body = read_node(expression)
    match form:
        case Form.CONSTANT:
            return next((_CONSTANTS.get(number) for number, _ in read_fields(body)), None)
        case Form.IDENTIFIER:
            return scope.get(text_in(body, 1))
        case Form.SELECT:
            return _selected(at, body, scope, found)
        case Form.CALL:
            return _called(at, body, scope, found)
        case Form.LIST:
            for part in parts(body, 1):
                _visit(part, scope, found)
            return None
        case Form.STRUCT:
            for part in parts(body, 2):
                _visit(next(parts(part, 4), b""), scope, found)
            return None
        case Form.LOOP:
            return _looped(body, scope, found)
        case _:
            return None


def _selected(at: int, body: bytes, scope: Scope, found: _Findings) -> Json | None:
    name = text_in(body, 2)
    of = _visit(next(parts(body, 1), b""), scope, found)
    return _field(at, of, name, found)


def _field(at: int, of: Json | None, name: str, found: _Findings) -> Json | None:
    if of is None or of.get(INT_OR_STRING) or of.get("type") != "object":
        return None
    values = of.get("additionalProperties")
    if values:
        return values if isinstance(values, Mapping) else None
    known = {escaped(each): one for each, one in fields_of(of, is_resource=bool(of.get(EMBEDDED))).items()}
    if name in known:
        return known[name]
    found.add(at, f"undefined field '{name}'")
    return None


def _called(at: int, body: bytes, scope: Scope, found: _Findings) -> Json | None:
    function = text_in(body, 2)
    target = [_visit(part, scope, found) for part in parts(body, 1)]
    arguments = list(parts(body, 3))
    known = [_visit(part, scope, found) for part in arguments]
    match function:
        case "_[_]" if known[0] is not None:
            below = known[0].get("items") or known[0].get("additionalProperties")
            return below if isinstance(below, Mapping) else None
        case "_?_:_" if len(known) == 3 and known[1] == known[2]:
            return known[1]
        case "_?._" if len(arguments) == 2:
            return _field(read_node(arguments[1]).id, known[0], _constant(arguments[1]), found)
        case "orValue" | "value" if target:
            return target[0]
        case _ if function in _OPERATORS and len(known) == 2:
            return _computed(at, function, known, found)
        case _:
            return None


def _computed(at: int, operator: str, known: list[Json | None], found: _Findings) -> Json | None:
    """Give what two values make, if both are known; say so if they make nothing."""
    left, right = (
        _TYPES.get(of.get("type", "")) if of is not None and _is_plain(of) else None for of in known
    )
    is_comparison = operator in _COMPARISONS
    if left is None or right is None:
        return _BOOLEAN if is_comparison or operator in _EQUALITIES else None
    both_numbers = {left, right} <= {"int", "double"}
    fits = left == right or (is_comparison and both_numbers)
    if not fits:
        found.add(at, f"found no matching overload for '{operator}' applied to '({left}, {right})'")
    if is_comparison or operator in _EQUALITIES:
        return _BOOLEAN
    return known[0] if fits else None


def _is_plain(schema: Json) -> bool:
    """Tell whether a value's type is what its schema says: times and the like are types of their own."""
    return not schema.get(INT_OR_STRING) and schema.get("format", "") not in _OWN_TYPES


def _looped(body: bytes, scope: Scope, found: _Findings) -> Json | None:
    over = _visit(next(parts(body, 2), b""), scope, found)
    items = over.get("items") if over is not None else None
    start = _visit(next(parts(body, 4), b""), scope, found)
    inner: dict[str, Any] = {**scope, text_in(body, 1): items, text_in(body, 3): start}
    for number in (5, 6, 7):
        value = _visit(next(parts(body, number), b""), inner, found)
    return value


def _constant(expression: bytes) -> str:
    constant = next(parts(expression, 3), b"")
    return text_in(constant, 6)


_BOOLEAN: Json = {"type": "boolean"}
# By the field numbers of cel.expr.Constant; an unsigned number has a type that no schema knows.
_CONSTANTS: dict[int, Json] = {
    2: _BOOLEAN,
    3: {"type": "integer"},
    5: {"type": "number"},
    6: {"type": "string"},
}
_TYPES = {"integer": "int", "number": "double", "string": "string", "boolean": "bool"}
_OWN_TYPES = frozenset(("byte", "date", "date-time", "duration", "int-or-string", "quantity"))
_COMPARISONS = frozenset(("_<_", "_<=_", "_>_", "_>=_"))
_EQUALITIES = frozenset(("_==_", "_!=_"))
_OPERATORS = _COMPARISONS | _EQUALITIES | {"_+_", "_-_", "_*_", "_/_", "_%_"}
