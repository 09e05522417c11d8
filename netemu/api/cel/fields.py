"""Check an expression against the schemas of what it reads: fields that do not exist.

The library knows no schemas, so this walks the expression's tree. Where the type of a part is not
known, nothing is said of it.

Source: https://github.com/google/cel-spec/blob/master/proto/cel/expr/syntax.proto, cel-go's checker (words).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from netemu.api.cel.values import escaped, fields_of
from netemu.api.crd.schema import EMBEDDED, INT_OR_STRING
from netemu.api.crd.version import Json
from netemu.api.protobuf.wire import read_fields

# Field numbers of cel.expr.Expr and of its parts.
_ID, _IDENT, _SELECT, _CALL, _LIST, _STRUCT, _LOOP = 2, 4, 5, 6, 7, 8, 9
_ROOT: Json = {"type": "object", EMBEDDED: True}

Scope = Mapping[str, Json | None]


@dataclass
class _Findings:
    text: str
    positions: dict[int, int]
    said: list[str] = field(default_factory=list)

    def undefined(self, at: int, name: str) -> None:
        self.said.append(_located(self.text, self.positions.get(at, 0), f"undefined field '{name}'"))


def undefined_fields(tree: bytes, text: str, scope: Scope) -> str:
    """Name every field that an expression reads and schemas do not have, in CEL's words; or nothing."""
    expression, positions = b"", dict[int, int]()
    for number, part in read_fields(tree):
        if number == 4 and isinstance(part, bytes):
            expression = part
        elif number == 5 and isinstance(part, bytes):
            positions = dict(_positions(part))
    found = _Findings(text, positions)
    _visit(expression, scope, found)
    return "\n".join(found.said)


def as_root(schema: Json) -> Json:
    """Give the schema of a whole object, which has a name and a kind whatever it says."""
    return {**schema, EMBEDDED: True}


def _positions(source: bytes) -> Iterator[tuple[int, int]]:
    for number, entry in read_fields(source):
        if number == 4 and isinstance(entry, bytes):
            pair = dict(read_fields(entry))
            yield int(pair.get(1, 0)), int(pair.get(2, 0))


def _visit(expression: bytes, scope: Scope, found: _Findings) -> Json | None:
    """Walk an expression; give the schema of its value, where that is known."""
    at, kind, body = 0, 0, b""
    for number, part in read_fields(expression):
        if number == _ID and isinstance(part, int):
            at = part
        elif isinstance(part, bytes):
            kind, body = number, part
    match kind:
        case 4:
            return scope.get(_text(body, 1))
        case 5:
            return _selected(at, body, scope, found)
        case 6:
            return _called(body, scope, found)
        case 7 | 8:
            for part in _parts(body, 1 if kind == _LIST else 2):
                below = part if kind == _LIST else next(_parts(part, 4), b"")
                _visit(below, scope, found)
            return None
        case 9:
            return _looped(body, scope, found)
        case _:
            return None


def _selected(at: int, body: bytes, scope: Scope, found: _Findings) -> Json | None:
    name = _text(body, 2)
    of = _visit(next(_parts(body, 1), b""), scope, found)
    return _field(at, of, name, found)


def _field(at: int, of: Json | None, name: str, found: _Findings) -> Json | None:
    if of is None or of.get(INT_OR_STRING) or of.get("type") != "object":
        return None
    values = of.get("additionalProperties")
    if values:
        return values if isinstance(values, dict) else None
    known = {escaped(each): one for each, one in fields_of(of, is_resource=bool(of.get(EMBEDDED))).items()}
    if name in known:
        return known[name]
    found.undefined(at, name)
    return None


def _called(body: bytes, scope: Scope, found: _Findings) -> Json | None:
    function = _text(body, 2)
    target = [_visit(part, scope, found) for part in _parts(body, 1)]
    arguments = list(_parts(body, 3))
    known = [_visit(part, scope, found) for part in arguments]
    match function:
        case "_[_]" if known[0] is not None:
            below = known[0].get("items") or known[0].get("additionalProperties")
            return below if isinstance(below, dict) else None
        case "_?_:_" if len(known) == 3 and known[1] == known[2]:
            return known[1]
        case "_?._" if len(arguments) == 2:
            at = next((part for number, part in read_fields(arguments[1]) if number == _ID), 0)
            return _field(int(at), known[0], _constant(arguments[1]), found)
        case "orValue" | "value" if target:
            return target[0]
        case _:
            return None


def _looped(body: bytes, scope: Scope, found: _Findings) -> Json | None:
    over = _visit(next(_parts(body, 2), b""), scope, found)
    items = over.get("items") if over is not None else None
    start = _visit(next(_parts(body, 4), b""), scope, found)
    inner: dict[str, Any] = {**scope, _text(body, 1): items, _text(body, 3): start}
    for number in (5, 6, 7):
        value = _visit(next(_parts(body, number), b""), inner, found)
    return value


def _constant(expression: bytes) -> str:
    constant = next(_parts(expression, 3), b"")
    return _text(constant, 6)


def _text(body: bytes, number: int) -> str:
    return next(_parts(body, number), b"").decode()


def _parts(body: bytes, wanted: int) -> Iterator[bytes]:
    return (part for number, part in read_fields(body) if number == wanted and isinstance(part, bytes))


def _located(text: str, offset: int, what: str) -> str:
    before = text[:offset]
    line, column = before.count("\n") + 1, offset - (before.rfind("\n") + 1) + 1
    shown = text.split("\n")[line - 1]
    return f"ERROR: <input>:{line}:{column}: {what}\n | {shown}\n | {'.' * (column - 1)}^"
