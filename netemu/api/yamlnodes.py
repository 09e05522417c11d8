"""YAML to JSON values with the line of every field, by the rules of ``sigs.k8s.io/yaml``.

PyYAML's C parser makes the nodes; what a plain scalar means is decided here, because PyYAML
and kubectl differ: ``1:30`` and ``2024-01-01`` are texts, ``0o17`` and ``017`` are octal,
``y`` is a boolean, whole floats are integers.

Source: gopkg.in/yaml.v2 ``resolve.go`` (its table of words, and its order of attempts).
"""

from __future__ import annotations

import math
import re
from base64 import b64decode
from collections.abc import Iterator
from typing import Any

import yaml
from yaml.cyaml import CParser  # type: ignore[attr-defined]


class YamlError(Exception):
    """Text that cannot be read as YAML, or has no JSON form.

    ``is_meaningful`` is true for what is YAML but breaks a rule (a key that comes twice).
    """

    def __init__(self, line: int, what: str, *, hint: str = "", is_meaningful: bool = True) -> None:
        super().__init__(what)
        self.line = line
        self.what = what
        self.hint = hint
        self.is_meaningful = is_meaningful


def load_all(text: str) -> Iterator[tuple[int, Any, dict[str, int]]]:
    """Read every document: its first line, its value, and the line of each field path in it.

    Raises:
        YamlError: the text cannot be read.

    """
    try:
        parser = _Parser(text)
        while parser.check_node() and (node := parser.get_node()) is not None:
            builder = _Builder()
            value = builder.build(node, "")
            yield node.start_mark.line + 1, value, builder.lines
    except yaml.MarkedYAMLError as err:
        mark = err.problem_mark or err.context_mark
        raise YamlError(
            mark.line + 1 if mark else 1,
            f"not valid YAML: {err.problem or err.context}",
            hint=_hint(text, err),
            is_meaningful=False,
        ) from err
    except yaml.YAMLError as err:
        raise YamlError(1, f"not valid YAML: {err}", is_meaningful=False) from err


_PLAIN = "plain"
_TAG = "tag:yaml.org,2002:"
_MAX_ALIASED = 100_000
_MAX_DEPTH = 200


class _Parser(CParser):
    """The C parser; it marks plain scalars without an explicit tag instead of resolving them."""

    def resolve(self, kind: type[yaml.Node], _value: str | None, implicit: Any) -> str:
        if kind is yaml.ScalarNode:
            return _PLAIN if implicit[0] else f"{_TAG}str"
        return f"{_TAG}map" if kind is yaml.MappingNode else f"{_TAG}seq"

    def descend_resolver(self, parent: yaml.Node | None, index: Any) -> None:
        """Do nothing: there are no resolvers by path."""

    def ascend_resolver(self) -> None:
        """Do nothing: there are no resolvers by path."""


class _Builder:
    """Builds one document's value; ``lines`` fills on the way."""

    def __init__(self) -> None:
        self.lines: dict[str, int] = {}
        self._seen: set[int] = set()
        self._aliased = 0
        self._depth = 0

    def build(self, node: yaml.Node, path: str) -> Any:
        line = node.start_mark.line + 1
        self.lines.setdefault(path, line)
        self._aliased += id(node) in self._seen
        self._seen.add(id(node))
        self._depth += 1
        if self._aliased > _MAX_ALIASED:
            raise YamlError(line, "document contains excessive aliasing")
        if self._depth > _MAX_DEPTH:
            raise YamlError(line, f"more than {_MAX_DEPTH} levels, or an alias that contains itself")
        value = self._value(node, path)
        self._depth -= 1
        return value

    def _value(self, node: yaml.Node, path: str) -> Any:
        if isinstance(node, yaml.MappingNode):
            return self._mapping(node, path)
        if isinstance(node, yaml.SequenceNode):
            return [self.build(item, f"{path}[{index}]") for index, item in enumerate(node.value)]
        if isinstance(node, yaml.ScalarNode):
            return _scalar(node)
        raise TypeError(f"a YAML node of an unknown kind: {node!r}")

    def _mapping(self, node: yaml.MappingNode, path: str) -> dict[str, Any]:
        value: dict[str, Any] = {}
        merged: dict[str, Any] = {}
        for key_node, item in node.value:
            line = key_node.start_mark.line + 1
            if _is_merge(key_node):
                merged = self._merged(item, path) | merged
                continue
            key = _key(key_node)
            if key in value:
                first = self.lines[_join(path, key)]
                raise YamlError(line, f'key "{key}" is already set in this object, on line {first}')
            self.lines[_join(path, key)] = line
            value[key] = self.build(item, _join(path, key))
        return merged | value

    def _merged(self, node: yaml.Node, path: str) -> dict[str, Any]:
        """Build what ``<<`` brings in: an object, or a list of them (the first one wins)."""
        if isinstance(node, yaml.MappingNode):
            return self._mapping(node, f"{path}<<{node.start_mark.line}")
        if not isinstance(node, yaml.SequenceNode) or not all(
            isinstance(item, yaml.MappingNode) for item in node.value
        ):
            raise YamlError(
                node.start_mark.line + 1, "map merge requires map or sequence of maps as the value"
            )
        merged: dict[str, Any] = {}
        for item in node.value:
            merged = self._merged(item, path) | merged
        return merged


def _is_merge(node: yaml.Node) -> bool:
    return isinstance(node, yaml.ScalarNode) and node.value == "<<" and node.tag in (_PLAIN, f"{_TAG}merge")


def _join(path: str, key: str) -> str:
    part = f"[{key}]" if "." in key else key
    return f"{path}.{part}" if path and not part.startswith("[") else path + part


def _key(node: yaml.Node) -> str:
    """Make a key: JSON's are texts, so numbers and booleans are written out."""
    line = node.start_mark.line + 1
    if not isinstance(node, yaml.ScalarNode):
        raise YamlError(line, "a key must be a text, not a list or an object")
    value = _scalar(node)
    if value is None:
        raise YamlError(line, "a key must not be empty")
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


def _scalar(node: yaml.ScalarNode) -> Any:
    text: str = node.value
    line = node.start_mark.line + 1
    if node.tag == _PLAIN:
        return _plain(text, line)
    match node.tag.removeprefix(_TAG):
        case "str" | "timestamp":
            return text
        case "binary":
            return b64decode(text).decode("utf-8", "replace")
        case "float" if isinstance(_plain(text, line), int):
            return _plain(text, line)
        case ("int" | "bool" | "null" | "float") as wanted:
            value = _plain(text, line)
            if isinstance(value, _TAG_TYPES[wanted]):
                return value
            raise YamlError(line, f'cannot decode "{text}" as a {node.tag}')
        case _:
            raise YamlError(line, f"the tag {node.tag} has no meaning here")


def _plain(text: str, line: int) -> Any:
    if text in _WORDS:
        return _WORDS[text]
    if text[0] not in "+-.0123456789":
        return text
    if text.lower().lstrip("+-") in (".inf", ".nan"):
        raise YamlError(line, f"{text} has no JSON form")
    number = text.replace("_", "")
    integer = _integer(number)
    if integer is not None:
        return integer if -(1 << 63) <= integer < 1 << 64 else float(integer)
    return _float(number, line) if _FLOAT.fullmatch(number) else text


def _integer(text: str) -> int | None:
    match = _INTEGER.fullmatch(text)
    if match is None:
        return None
    sign = -1 if text[0] == "-" else 1
    for group, radix in (("hex", 16), ("binary", 2), ("octal", 8), ("decimal", 10)):
        if match[group] is not None:
            return sign * int(match[group], radix)
    return None


def _float(text: str, line: int) -> float | int:
    value = float(text)
    if math.isinf(value):
        raise YamlError(line, f"{text} is too large")
    # Go writes a whole float64 without a point, so `replicas: 3.0` is the integer 3 to Kubernetes.
    return int(value) if value.is_integer() and abs(value) < 1e21 else value


def _hint(text: str, err: yaml.MarkedYAMLError) -> str:
    mark = err.problem_mark
    lines = text.splitlines()
    if mark is not None and mark.line < len(lines):
        if "\t" in lines[mark.line]:
            return "The line has a tab: indent with spaces."
        return f"The line is: {lines[mark.line].strip()[:100]}"
    return ""


_WORDS: dict[str, bool | None] = {
    **dict.fromkeys(("y", "Y", "yes", "Yes", "YES", "true", "True", "TRUE", "on", "On", "ON"), True),
    **dict.fromkeys(("n", "N", "no", "No", "NO", "false", "False", "FALSE", "off", "Off", "OFF"), False),
    **dict.fromkeys(("", "~", "null", "Null", "NULL"), None),
}
_TAG_TYPES: dict[str, type | tuple[type, ...]] = {
    "int": int,
    "bool": bool,
    "null": type(None),
    "float": float,
}
_INTEGER = re.compile(
    r"[+-]?(?:0[xX](?P<hex>[0-9a-fA-F]+)|0[bB](?P<binary>[01]+)|0[oO]?(?P<octal>[0-7]+)|(?P<decimal>0|[1-9][0-9]*))"
)
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
