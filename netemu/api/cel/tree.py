"""Parsed expressions, as the library writes them (``ParsedExpr``, ``CheckedExpr`` in protobuf). Pure.

Source: https://github.com/google/cel-spec/blob/master/proto/cel/expr/syntax.proto.
"""

from __future__ import annotations

from collections.abc import Iterator
from enum import IntEnum
from typing import NamedTuple

from netemu.api.protobuf.wire import read_fields, write_bytes


class Form(IntEnum):
    """What an expression is: the field of ``cel.expr.Expr`` that is set."""

    NOTHING = 0
    CONSTANT = 3
    IDENTIFIER = 4
    SELECT = 5
    CALL = 6
    LIST = 7
    STRUCT = 8
    LOOP = 9


class Node(NamedTuple):
    """One expression; ``body`` is the message of its form."""

    id: int
    form: Form
    body: bytes


class Tree(NamedTuple):
    """An expression; where in its text each part is, and (if it was checked) of which type, by id."""

    root: bytes
    positions: dict[int, int]
    types: dict[int, bytes]

    def has_optional(self, at: int) -> bool:
        """Tell whether a part's value is one that may be absent, or has such values in it."""
        return b"optional_type" in self.types.get(at, b"")


def read_tree(written: bytes) -> Tree:
    """Read a whole expression, parsed or checked: a ``google.protobuf.Any``."""
    envelope = {number: part for number, part in read_fields(written) if isinstance(part, bytes)}
    root, source = (4, 5) if envelope[1].endswith(b"CheckedExpr") else (2, 3)
    found = {number: part for number, part in read_fields(envelope[2]) if isinstance(part, bytes)}
    types = dict(_types(envelope[2])) if root == 4 else {}
    return Tree(found[root], dict(_positions(found.get(source, b""))), types)


def replaced_root(written: bytes, root: bytes) -> bytes:
    """Write another expression in place of a checked one, whose names and types it shares."""
    envelope = {number: part for number, part in read_fields(written) if isinstance(part, bytes)}
    kept = (
        write_bytes(number, part)
        for number, part in read_fields(envelope[2])
        if number in (2, 3, 5) and isinstance(part, bytes)
    )
    return write_bytes(1, envelope[1]) + write_bytes(2, b"".join(kept) + write_bytes(4, root))


def read_node(expression: bytes) -> Node:
    """Read one expression."""
    at, form, body = 0, Form.NOTHING, b""
    for number, part in read_fields(expression):
        if number == 2 and isinstance(part, int):
            at = part
        elif isinstance(part, bytes):
            form, body = Form(number), part
    return Node(at, form, body)


def walk(expression: bytes) -> Iterator[Node]:
    """Give an expression and all that are in it."""
    node = read_node(expression)
    yield node
    for part in below(node):
        yield from walk(part)


def below(node: Node) -> Iterator[bytes]:
    """Give the expressions that one is made of."""
    if node.form is Form.STRUCT:
        for entry in parts(node.body, 2):
            yield from (part for number in (3, 4) for part in parts(entry, number))
        return
    for number in _BELOW.get(node.form, ()):
        yield from parts(node.body, number)


def text_in(body: bytes, number: int) -> str:
    """Give a field that is text."""
    return next(parts(body, number), b"").decode()


def parts(body: bytes, wanted: int) -> Iterator[bytes]:
    """Give all values of a field."""
    return (part for number, part in read_fields(body) if number == wanted and isinstance(part, bytes))


def located(text: str, offset: int, what: str) -> str:
    """Say where in a text something is, as CEL does."""
    before = text[:offset]
    line, column = before.count("\n") + 1, offset - (before.rfind("\n") + 1) + 1
    shown = text.split("\n")[line - 1]
    return f"ERROR: <input>:{line}:{column}: {what}\n | {shown}\n | {'.' * (column - 1)}^"


def _types(checked: bytes) -> Iterator[tuple[int, bytes]]:
    for entry in parts(checked, 3):
        pair = dict(read_fields(entry))
        type_ = pair.get(2, b"")
        yield int(pair.get(1, 0)), type_ if isinstance(type_, bytes) else b""


def _positions(source: bytes) -> Iterator[tuple[int, int]]:
    for entry in parts(source, 4):
        pair = dict(read_fields(entry))
        yield int(pair.get(1, 0)), int(pair.get(2, 0))


_BELOW = {
    Form.SELECT: (1,),
    Form.CALL: (1, 3),
    Form.LIST: (1,),
    Form.LOOP: (2, 4, 5, 6, 7),
}
