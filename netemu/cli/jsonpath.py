"""kubectl's JSONPath templates: ``{.items[*].metadata.name}``, ``{range …}{end}``, filters, text.

The part of https://kubernetes.io/docs/reference/kubectl/jsonpath/ that people use: fields,
``['quoted fields']``, indexes, slices, ``[*]``, ``..field``, ``[?(@.a=="b")]`` and ranges.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from operator import ge, gt, le, lt
from typing import Any

from netemu.cli.resources import UsageError

_PIECE = re.compile(r"\{((?:\"(?:\\.|[^\"])*\"|'(?:\\.|[^'])*'|[^{}])*)\}")
_STEP = re.compile(
    r"""
    \.\.(?P<deep>[\w-]+)
  | \.?\[(?P<quote>['"])(?P<quoted>.*?)(?P=quote)\]
  | \.?\[\?\((?P<filter>.*?)\)\]
  | \.?\[(?P<index>-?\d+)\]
  | \.?\[(?P<slice>-?\d*:-?\d*)\]
  | \.?(?P<star>\[\*\]|\*)
  | \.(?P<field>(?:\\.|[\w/-])+)
  | (?P<dot>\.)
    """,
    re.VERBOSE,
)
_ORDER = {"<": lt, "<=": le, ">": gt, ">=": ge}
_FILTER = re.compile(r"@(?P<path>[^=!<>\s]*)\s*(?:(?P<operator>==|!=|<=|>=|<|>)\s*(?P<value>.+))?")


def render_template(template: str, document: Any) -> str:
    """Fill in a template.

    Raises:
        UsageError: the template cannot be read.

    """
    text = template if "{" in template else f"{{{template}}}"
    return "".join(_render(_pieces(text), document))


def find_all(path: str, document: Any) -> list[Any]:
    """Give every value that a path (``.status.conditions[*].type``) leads to; none is an empty list.

    Raises:
        UsageError: the path cannot be read.

    """
    return _walk(path.strip().removeprefix("{").removesuffix("}"), document)


def _pieces(template: str) -> list[tuple[str, str]]:
    pieces, position = [], 0
    for match in _PIECE.finditer(template):
        pieces += [("text", template[position : match.start()]), ("code", match[1].strip())]
        position = match.end()
    pieces.append(("text", template[position:]))
    if any("{" in text or "}" in text for kind, text in pieces if kind == "text"):
        raise UsageError(f"error parsing jsonpath {template}, unclosed action")
    return pieces


def _render(pieces: Sequence[tuple[str, str]], document: Any) -> Iterator[str]:
    position = 0
    while position < len(pieces):
        kind, text = pieces[position]
        position += 1
        if kind == "text":
            yield text
        elif text.startswith("range "):
            end = _find_end(pieces, position)
            for item in _walk(text.removeprefix("range ").strip(), document):
                yield from _render(pieces[position:end], item)
            position = end + 1
        elif text[:1] in {'"', "'"}:
            yield json.loads(f'"{text[1:-1]}"')
        else:
            yield " ".join(_text(value) for value in _walk(text, document))


def _find_end(pieces: Sequence[tuple[str, str]], start: int) -> int:
    depth = 1
    for position in range(start, len(pieces)):
        kind, text = pieces[position]
        depth += (kind == "code") * (text.startswith("range ") - (text == "end"))
        if depth == 0:
            return position
    raise UsageError("error parsing jsonpath: not in range, nothing to end")


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, separators=(",", ":"))


def _walk(path: str, document: Any) -> list[Any]:
    values, position = [document], 0
    path = path.removeprefix("$").removeprefix("@")
    while position < len(path):
        match = _STEP.match(path, position)
        if match is None:
            raise UsageError(f"error parsing jsonpath: unrecognized character in {path[position:]!r}")
        values = [found for value in values for found in _step(match, value)]
        position = match.end()
    return values


def _step(match: re.Match[str], value: Any) -> Iterator[Any]:
    kind = match.lastgroup
    match kind:
        case "field" | "quoted":
            key = match[kind].replace("\\", "")
            yield from [value[key]] if isinstance(value, dict) and key in value else []
        case "index":
            yield from _at(value, int(match["index"]))
        case "slice":
            start, stop = (int(bound) if bound else None for bound in match["slice"].split(":"))
            yield from value[start:stop] if isinstance(value, list) else []
        case "star":
            yield from _children(value)
        case "filter":
            yield from (child for child in _children(value) if _holds(match["filter"], child))
        case "deep":
            yield from _everywhere(value, match["deep"])
        case _:
            yield value


def _at(value: Any, index: int) -> list[Any]:
    inside = isinstance(value, list) and -len(value) <= index < len(value)
    return [value[index]] if inside else []


def _children(value: Any) -> list[Any]:
    if isinstance(value, dict):
        return list(value.values())
    return value if isinstance(value, list) else []


def _everywhere(value: Any, key: str) -> Iterator[Any]:
    if isinstance(value, dict) and key in value:
        yield value[key]
    for child in _children(value):
        yield from _everywhere(child, key)


def _holds(condition: str, value: Any) -> bool:
    match = _FILTER.fullmatch(condition.strip())
    if match is None:
        raise UsageError(f"error parsing jsonpath: unreadable filter {condition!r}")
    found = _walk(match["path"], value)
    if match["operator"] is None:
        return bool(found)
    wanted = _literal(match["value"].strip())
    return any(_compare(match["operator"], actual, wanted) for actual in found)


def _literal(text: str) -> Any:
    if text[:1] == "'":
        return text.strip("'")
    try:
        return json.loads(text)
    except ValueError:
        return text


def _compare(operator: str, left: Any, right: Any) -> bool:
    if operator in {"==", "!="}:
        return (left == right) is (operator == "==")
    if type(left) is not type(right):
        return False
    return bool(_ORDER[operator](left, right))
