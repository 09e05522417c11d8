"""Values that may be absent, where the library dies of them: handed to Python, alone or in something. Pure.

It converts lists, maps, arguments of our functions and results to Python, and ends the process if there is
an optional value in them. So expressions that could do that are refused before they are evaluated.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator

from netemu.api.cel.tree import Form, Node, Tree, below, located, parts, read_node, text_in, walk
from netemu.api.protobuf.wire import read_fields

WHY = "optional values in lists and maps, or given to functions of Kubernetes, are not supported"


def misused(tree: Tree, text: str, functions: Collection[str]) -> Iterator[str]:
    """Say where an expression puts optional values into something; ``functions`` are those in Python."""
    if not any(b"optional_type" in each for each in tree.types.values()):
        return
    for node in walk(tree.root):
        handed = [part for part in _handed_over(node, functions) if tree.has_optional(read_node(part).id)]
        # Of two kinds of values, one optional, the library makes one that may be anything.
        is_choice = node.form is Form.CALL and text_in(node.body, 2) == "_?_:_"
        if handed and not (is_choice and tree.has_optional(node.id)):
            yield located(text, tree.positions.get(node.id, 0), WHY)


def _handed_over(node: Node, functions: Collection[str]) -> Iterator[bytes]:
    """Give the parts of a node whose values must not be optional."""
    match node.form:
        case Form.LIST:
            optional = _optional_items(node.body)
            yield from (part for index, part in enumerate(parts(node.body, 1)) if index not in optional)
        case Form.STRUCT:
            for entry in parts(node.body, 2):
                if not any(number == 5 and part for number, part in read_fields(entry)):
                    yield from parts(entry, 4)
        case Form.CALL if text_in(node.body, 2) in functions or text_in(node.body, 2) == "dyn":
            yield from below(node)
        case Form.CALL if text_in(node.body, 2) == "_?_:_":
            yield from list(parts(node.body, 3))[1:]


def _optional_items(body: bytes) -> set[int]:
    """Read the places of items that are written with a question mark: a list of numbers, packed."""
    found = set[int]()
    for number, part in read_fields(body):
        if number == 2 and isinstance(part, int):
            found.add(part)
        elif number == 2 and isinstance(part, bytes):
            found.update(part)
    return found
