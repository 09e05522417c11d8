"""Manifests of users, YAML or JSON, to objects.

A manifest is read as kubectl reads it: YAML 1.1 as ``sigs.k8s.io/yaml`` has it (``yes`` is a
boolean, ``0755`` is octal, a date is text). Every document knows the line of each of its
fields, so that an error can name it. PyYAML is imported only by ``netemu.api.yamlnodes``.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from netemu.api.client import Object
from netemu.errors import NetemuError


class ManifestError(NetemuError):
    """A manifest cannot be read; the message starts with its file and line."""

    code = "MANIFEST_UNREADABLE"

    def __init__(self, source: str, line: int, what: str, *, hint: str = "") -> None:
        super().__init__(f"{source}:{line}: {what}", hint=hint)
        self.source = source
        self.line = line


@dataclass(frozen=True, kw_only=True, slots=True)
class Document:
    """One object of a manifest; ``lines`` has the line of every field path, as ``spec.ports[0].port``."""

    source: str
    line: int
    object: Object
    lines: Mapping[str, int] = field(default_factory=dict, repr=False)

    def line_of(self, path: str) -> int:
        """Give the line of a field, or of the nearest one around it that the manifest has."""
        while path:
            if path in self.lines:
                return self.lines[path]
            path = _OWNER.sub("", path)
        return self.line


def decode_documents(text: str, source: str) -> list[Document]:
    """Read all objects of a manifest; a ``List`` gives its items, empty documents nothing.

    Raises:
        ManifestError: it is neither YAML nor JSON, a key comes twice, or a document is no object.

    """
    from netemu.api import yamlnodes

    try:
        found = list(yamlnodes.load_all(text))
    except yamlnodes.YamlError as err:
        if not text.lstrip().startswith("{") or err.is_meaningful:
            raise ManifestError(source, err.line, err.what, hint=err.hint) from err
        found = [(line, value, {}) for line, value in _json_values(text, source)]
    documents: list[Document] = []
    for line, value, lines in found:
        if value is not None:
            documents += _expand(_document(source, line, value, lines))
    return documents


_IN_ITEM = re.compile(r"items\[(\d+)\](\.|(?=\[))")
_OWNER = re.compile(r"(\.[^.\[\]]*|\[[^\[\]]*\]|^[^.\[\]]*)$")


def _document(source: str, line: int, value: Any, lines: Mapping[str, int]) -> Document:
    if not isinstance(value, dict):
        raise ManifestError(
            source,
            line,
            f"expected an object with apiVersion and kind, got {json.dumps(value)[:60]}",
            hint="Documents of a manifest are separated by a line of three dashes.",
        )
    return Document(source=source, line=line, object=value, lines=lines)


def _expand(document: Document) -> Iterator[Document]:
    items = document.object.get("items")
    if not (str(document.object.get("kind", "")).endswith("List") and isinstance(items, list)):
        yield document
        return
    lines = _lines_of_items(document.lines)
    for index, item in enumerate(items):
        line = document.line_of(f"items[{index}]")
        yield from _expand(_document(document.source, line, item, lines.get(index, {})))


def _lines_of_items(lines: Mapping[str, int]) -> Mapping[int, Mapping[str, int]]:
    found: dict[int, dict[str, int]] = {}
    for path, line in lines.items():
        if match := _IN_ITEM.match(path):
            found.setdefault(int(match[1]), {})[path[match.end() :]] = line
    return found


def _json_values(text: str, source: str) -> Iterator[tuple[int, Any]]:
    """Read JSON values that follow each other, as ``kubectl get -o json`` in a loop writes them."""
    decoder = json.JSONDecoder(object_pairs_hook=_unique)
    place = len(text) - len(text.lstrip())
    while place < len(text):
        line = text.count("\n", 0, place) + 1
        try:
            value, end = decoder.raw_decode(text, place)
        except json.JSONDecodeError as err:
            raise ManifestError(source, err.lineno, f"not valid JSON: {err.msg}") from err
        except ValueError as err:
            raise ManifestError(source, line, str(err)) from err
        yield line, value
        place = end + len(text[end:]) - len(text[end:].lstrip())


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) < len(pairs):
        keys = [key for key, _ in pairs]
        twice = next(key for key in keys if keys.count(key) > 1)
        raise ValueError(f'key "{twice}" is already set in this object')
    return value
