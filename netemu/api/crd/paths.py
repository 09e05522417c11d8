"""JSONPaths of printer columns: ``.status.conditions[?(@.type=="Ready")].status``. Pure.

Fields, quoted fields, indexes, slices, wildcards and filters that compare with a literal.
Source: https://kubernetes.io/docs/reference/kubectl/jsonpath/.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from operator import ge, gt, le, lt
from typing import Any

import msgspec

_STEP = re.compile(
    r"""
    \.?\[(?P<quote>['"])(?P<quoted>.*?)(?P=quote)\]
  | \.?\[\?\(\s*@(?P<left>[^=!<>\s]*)\s*(?:(?P<operator>==|!=|<=|>=|<|>)\s*(?P<literal>.+?))?\s*\)\]
  | \.?\[(?P<index>-?\d+)\]
  | \.?\[(?P<slice>-?\d*:-?\d*)\]
  | (?P<star>\.?\[\*\]|\.\*)
  | \.(?P<field>(?:\\.|[^.\[\]\\])+)
    """,
    re.VERBOSE,
)
_ORDER = {"<": lt, "<=": le, ">": gt, ">=": ge}


class PathError(ValueError):
    """A path cannot be read."""


def find_all(path: str, document: Any) -> list[Any]:
    """Give every value that a path leads to, none where it leads nowhere.

    Raises:
        PathError: the path cannot be read.

    """
    values = [document]
    for step in _steps(path):
        values = [found for value in values for found in _follow(step, value)]
    return values


@lru_cache(maxsize=1024)
def _steps(path: str) -> tuple[re.Match[str], ...]:
    text = path.strip().removeprefix("{").removesuffix("}").removeprefix("$")
    steps, position = [], 0
    while position < len(text):
        match = _STEP.match(text, position)
        if match is None:
            raise PathError(f"unrecognized character in {text[position:]!r}")
        steps.append(match)
        position = match.end()
    return tuple(steps)


def _follow(step: re.Match[str], value: Any) -> Iterator[Any]:
    if step["field"] is not None or step["quoted"] is not None:
        key = re.sub(r"\\(.)", r"\1", step["field"] or "") or step["quoted"]
        yield from [value[key]] if isinstance(value, dict) and key in value else []
    elif step["star"] is not None:
        yield from _children(value)
    elif step["left"] is not None:
        yield from (child for child in _children(value) if _holds(step, child))
    elif isinstance(value, list):
        yield from _chosen(step, value)


def _chosen(step: re.Match[str], items: list[Any]) -> list[Any]:
    if step["index"] is not None:
        index = int(step["index"])
        return [items[index]] if -len(items) <= index < len(items) else []
    start, stop = (int(bound) if bound else None for bound in step["slice"].split(":"))
    return items[start:stop]


def _children(value: Any) -> list[Any]:
    if isinstance(value, dict):
        return list(value.values())
    return value if isinstance(value, list) else []


def _holds(step: re.Match[str], value: Any) -> bool:
    found = find_all(step["left"], value)
    if step["operator"] is None:
        return bool(found)
    wanted = _literal(step["literal"])
    return any(_compare(step["operator"], actual, wanted) for actual in found)


def _literal(text: str) -> Any:
    if text[:1] == "'":
        return text.strip("'")
    try:
        return msgspec.json.decode(text)
    except msgspec.DecodeError:
        return text


def _compare(operator: str, left: Any, right: Any) -> bool:
    if operator in ("==", "!="):
        return (left == right) is (operator == "==")
    return type(left) is type(right) and bool(_ORDER[operator](left, right))
