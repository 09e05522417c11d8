"""Macros of two variables, ``all(i, v, …)``, in terms of those of one: the library has no others. Pure.

``l.transformMap(i, v, T)`` becomes
``l.pairs__().map(e__, [e__[0], cel.bind(i, e__[0], cel.bind(v, e__[1], T))]).mapped__()``.

Source: cel-go ``ext/comprehensions.go``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, NamedTuple

from netemu.api.cel.tree import Form, Node, parts, read_node, text_in

ONE = "existsOne"
_NAMES = {
    "all": "all",
    "exists": "exists",
    ONE: "exists_one",
    "exists_one": "exists_one",
    "transformList": "map",
    "transformMap": "map",
    "transformMapEntry": "map",
}
CALLED = re.compile(rf"\b(?:{ONE}\s*\(|(?:{'|'.join(_NAMES)})\s*\(\s*\w+\s*,\s*\w+\s*,)")
_ENDS = {"transformMap": ".mapped__()", "transformMapEntry": ".merged__()"}
_PAIR = "e__"
_TOKEN = re.compile(
    r"""(?x) [rRbB]{0,2}(?:\"\"\".*?\"\"\"|'''.*?''') | [bB]?[rR]\"[^"]*\" | [bB]?[rR]'[^']*'
    | \"(?:\\.|[^"\\])*\" | '(?:\\.|[^'\\])*' | //[^\n]* | .""",
    re.DOTALL,
)


class Edit(NamedTuple):
    """A place in a text, and what to write there instead."""

    start: int
    end: int
    text: str


def macro_edits(node: Node, opening: int, text: str) -> Iterator[Edit]:
    """Rewrite a call, if it is one of a macro that the library does not have."""
    name, arguments = text_in(node.body, 2), [read_node(each) for each in parts(node.body, 3)]
    if name not in _NAMES or not any(parts(node.body, 1)):
        return
    start = text.rindex(name, 0, opening)
    if len(arguments) == 2 and name == ONE:
        yield Edit(start, start + len(name), _NAMES[ONE])
    if len(arguments) not in (3, 4) or any(each.form is not Form.IDENTIFIER for each in arguments[:2]):
        return
    first, second = (text_in(each.body, 1) for each in arguments[:2])
    _, after_names, *between = commas(text, opening)
    bound = f"cel.bind({first}, {_PAIR}[0], cel.bind({second}, {_PAIR}[1], "
    before = f"[{_PAIR}[0], " if name == "transformMap" else ""
    yield Edit(start, opening + 1, f"pairs__().{_NAMES[name]}(")
    yield Edit(opening + 1, after_names + 1, f"{_PAIR}, {bound if between else before + bound}")
    for comma in between[:1]:
        yield Edit(comma, comma + 1, f")), {before}{bound}")
    end = closing(text, opening)
    yield Edit(end - 1, end, f")){']' if before else ''}){_ENDS.get(name, '')}")


def closing(text: str, opening: int) -> int:
    """Find the end of a call whose arguments begin at ``opening``."""
    depth = 0
    for token in _TOKEN.finditer(text, opening):
        depth += (token[0] in "([{") - (token[0] in ")]}")
        if depth == 0:
            return token.end()
    return len(text)


def commas(text: str, opening: int) -> list[int]:
    """Find what is between the arguments of a call."""
    depth, found = 0, []
    for token in _TOKEN.finditer(text, opening, closing(text, opening)):
        depth += (token[0] in "([{") - (token[0] in ")]}")
        if depth == 1 and token[0] == ",":
            found.append(token.start())
    return found


def pairs(of: Any) -> list[list[Any]]:
    """Give the items of a list with their places, those of a map with their keys."""
    if isinstance(of, dict):
        return [[key, value] for key, value in of.items()]
    if not isinstance(of, list):
        raise TypeError("no such overload")
    return [[index, value] for index, value in enumerate(of)]


def mapped(entries: list[list[Any]]) -> dict[Any, Any]:
    """Make a map of keys and values."""
    return dict(entries)


def merged(maps: list[dict[Any, Any]]) -> dict[Any, Any]:
    """Make one map of several.

    Raises:
        ValueError: two of them have the same key.

    """
    made: dict[Any, Any] = {}
    for each in maps:
        for key, value in each.items():
            if key in made:
                raise ValueError(f"insert failed: key {key} already exists")
            made[key] = value
    return made
