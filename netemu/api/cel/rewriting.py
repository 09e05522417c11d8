"""Expressions of Kubernetes' in terms that the library knows. Pure.

The library knows no types but CEL's own, and no function of ours can give it an optional value. So

- ``Object.spec{replicas: 1}`` and ``JSONPatch{op: "add"}`` become maps that say what they are,
- macros of two variables become such of one (``macros``), and
- what gives an optional value gives a list with one item or none, and ``[?0]`` is written behind it.

Errors are about the text that was written: ``Rewritten.at`` finds the place there.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from netemu.api.cel.macros import CALLED, Edit, closing, macro_edits
from netemu.api.cel.tree import Form, Node, Tree, located, parts, read_node, text_in, walk
from netemu.api.protobuf.wire import read_fields

TYPE = "kubernetes.Object"
"""The key under which a map says of which type it is."""
JSON_PATCH = "JSONPatch"
_PATCH_FIELDS = frozenset(("op", "path", "from", "value"))
_LITERAL = re.compile(r"\b(?:Object|JSONPatch)\b[^{]*\{")
_OPTIONAL_CALLS = {"validate", "format.named", "named"}
_CALLED = re.compile(r"\b(?:validate|named)\s*\(")
_FIRST = "[?0]"
_UNKNOWN = re.compile(r"undeclared reference to '([\w.]+)\.\w+'")
_ERROR = re.compile(r"ERROR: <input>:(\d+):(\d+): (.*?)\n \| .*?\n \| \.*\^", re.DOTALL)


class Rewritten(NamedTuple):
    """A text and what was made of it."""

    given: str
    edits: tuple[Edit, ...] = ()

    @property
    def text(self) -> str:
        """Give what is compiled."""
        made, at = [], 0
        for edit in self.edits:
            made += [self.given[at : edit.start], edit.text]
            at = edit.end
        return "".join((*made, self.given[at:]))

    def at(self, offset: int) -> int:
        """Give the place in the given text that a place in the other is about."""
        moved = 0
        for edit in self.edits:
            start = edit.start + moved
            if offset < start:
                break
            if offset < start + len(edit.text):
                return edit.start
            moved += len(edit.text) - (edit.end - edit.start)
        return offset - moved

    def words(self, error: str) -> str:
        """Give an error of the library with the places that it has in the given text."""
        return _ERROR.sub(self._located, error)

    def _located(self, found: re.Match[str]) -> str:
        lines = self.text.split("\n")[: int(found[1]) - 1]
        offset = self.at(sum(len(line) + 1 for line in lines) + int(found[2]) - 1)
        what, unknown = found[3], _UNKNOWN.match(found[3])
        if unknown is not None and self.given[:offset].endswith(unknown[1]):
            # The library blames the whole of ``a.b.c``, Kubernetes only ``a``.
            offset -= len(unknown[1])
            what = f"undeclared reference to '{unknown[1].partition('.')[0]}'{what[unknown.end() :]}"
        return located(self.given, offset, what)


def may_need_it(text: str, *, has_literals: bool, optionals: Iterable[str]) -> bool:
    """Tell whether a text must be looked at more closely."""
    if _CALLED.search(text) or CALLED.search(text) or (has_literals and _LITERAL.search(text)):
        return True
    return any(f"{name}" in text for name in optionals)


def rewrite(text: str, tree: Tree, *, has_literals: bool, optionals: frozenset[str]) -> Rewritten:
    """Write an expression so that the library can compile it; ``optionals`` are names of variables."""
    edits: set[Edit] = set()
    for node in walk(tree.root):
        at = tree.positions.get(node.id, 0)
        match node.form:
            case Form.STRUCT if has_literals:
                edits.update(_literal(node, at, text, tree.positions))
            case Form.CALL if text_in(node.body, 2) in _OPTIONAL_CALLS:
                end = closing(text, at)
                edits.add(Edit(end, end, _FIRST))
            case Form.CALL:
                edits.update(macro_edits(node, at, text))
            case Form.SELECT if _is_variable(node, optionals):
                end = text.index(text_in(node.body, 2), at) + len(text_in(node.body, 2))
                edits.add(Edit(end, end, _FIRST))
    return Rewritten(text, tuple(sorted(edits)))


def literal_problems(text: str, tree: Tree) -> Iterator[str]:
    """Say which fields of JSONPatch do not exist."""
    for node in walk(tree.root):
        if node.form is Form.STRUCT and text_in(node.body, 1) == JSON_PATCH:
            for entry in parts(node.body, 2):
                if text_in(entry, 2) not in _PATCH_FIELDS:
                    at = tree.positions.get(_id(entry), 0)
                    yield located(text, at, f"undefined field '{text_in(entry, 2)}'")


def is_literal_type(name: str) -> bool:
    """Tell whether a name is one of Kubernetes' types of literals."""
    return name in (JSON_PATCH, "Object") or name.startswith("Object.")


def _literal(node: Node, at: int, text: str, positions: dict[int, int]) -> Iterator[Edit]:
    name = text_in(node.body, 1)
    if not is_literal_type(name):
        return
    entries = list(parts(node.body, 2))
    brace = text.index("{", at)
    yield Edit(at, brace + 1, f'{{"{TYPE}":"{name}"{"," if entries else ""}')
    for entry in entries:
        key, colon = text_in(entry, 2), positions[_id(entry)]
        start = text.rindex(key, 0, colon)
        quoted = text[start - 1 : start] == "`"
        yield Edit(start - quoted, start + len(key) + quoted, f'"{key}"')


def _id(entry: bytes) -> int:
    return int(next((part for number, part in read_fields(entry) if number == 1), 0))


def _is_variable(node: Node, optionals: frozenset[str]) -> bool:
    if text_in(node.body, 2) not in optionals:
        return False
    owner = read_node(next(parts(node.body, 1), b""))
    return owner.form is Form.IDENTIFIER and text_in(owner.body, 1) == "variables"
