"""The published definitions, with descriptions, and those of custom kinds beside them.

A schema here is neither OpenAPI 2 nor 3: ``$ref`` is the bare name of a definition, and the
formats ``quantity`` and ``int-or-string`` stand for unions, which each version writes its way.
"""

from __future__ import annotations

import gzip
import hashlib
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct

from netemu.api.kinds import Kind

Schema = dict[str, Any]

META = "io.k8s.apimachinery.pkg.apis.meta.v1"
DELETE_OPTIONS = f"{META}.DeleteOptions"
OBJECT_META = f"{META}.ObjectMeta"
PATCH = f"{META}.Patch"
STATUS = f"{META}.Status"

_DIRECTORY = Path(__file__).parent


class Definitions:
    """All definitions of some kinds. Made for one document, and dropped after it."""

    def __init__(self, kinds: Iterable[Kind]) -> None:
        packed = (_DIRECTORY / "definitions.json.gz").read_bytes()
        document = msgspec.json.decode(gzip.decompress(packed), type=_Document)
        self._names = document.kinds
        self._published = document.definitions
        self._custom: dict[str, Schema] = {}
        for kind in kinds:
            if kind.custom is not None:
                self._add_custom(kind)

    def find_name(self, group: str, version: str, kind: str) -> str:
        """Find the definition of a kind; empty when none is published."""
        return self._names.get(f"{group}/{version}/{kind}", "")

    def get_schema(self, name: str) -> Schema:
        """Give a definition."""
        if name in self._custom:
            return self._custom[name]
        schema: Schema = msgspec.json.decode(self._published[name])
        return schema

    def names(self) -> list[str]:
        """Name every definition."""
        return sorted([*self._published, *self._custom])

    def reachable(self, start: Iterable[str]) -> Iterator[tuple[str, Schema]]:
        """Give the named definitions and all that they refer to, by name."""
        found: dict[str, Schema] = {}
        waiting = list(start)
        while waiting:
            name = waiting.pop()
            if name and name not in found:
                found[name] = self.get_schema(name)
                waiting += _references(found[name])
        yield from sorted(found.items())

    def _add_custom(self, kind: Kind) -> None:
        assert kind.custom is not None
        name = ".".join([*reversed(kind.group.split(".")), kind.version, kind.kind])
        list_kind = kind.custom.list_kind or f"{kind.kind}List"
        self._names = {
            **self._names,
            f"{kind.group}/{kind.version}/{kind.kind}": name,
            f"{kind.group}/{kind.version}/{list_kind}": f"{name}List",
        }
        self._custom[name] = _custom_schema(kind)
        self._custom[f"{name}List"] = _list_schema(kind, name, list_kind)


@cache
def sources_digest() -> bytes:
    """Give a digest of all that documents are made from, but the kinds."""
    digest = hashlib.sha256()
    for path in sorted(_DIRECTORY.iterdir()):
        if path.is_file():
            digest.update(path.read_bytes())
    return digest.digest()


class _Document(Struct, frozen=True):
    kinds: dict[str, str]
    definitions: dict[str, msgspec.Raw]


_API_VERSION = {
    "type": "string",
    "description": "APIVersion defines the versioned schema of this representation of an object.",
}
_KIND = {
    "type": "string",
    "description": "Kind is a string value representing the REST resource this object represents.",
}


def _custom_schema(kind: Kind) -> Schema:
    assert kind.custom is not None
    given = dict(kind.custom.schema)
    head = {
        "apiVersion": _API_VERSION,
        "kind": _KIND,
        "metadata": {
            "$ref": OBJECT_META,
            "description": "Standard object's metadata.",
        },
    }
    return {
        "type": "object",
        **given,
        "properties": {**(given.get("properties") or {}), **head},
        "x-kubernetes-group-version-kind": [_gvk(kind, kind.kind)],
    }


def _list_schema(kind: Kind, name: str, list_kind: str) -> Schema:
    return {
        "description": f"{list_kind} is a list of {kind.kind}",
        "type": "object",
        "required": ["items"],
        "properties": {
            "apiVersion": _API_VERSION,
            "kind": _KIND,
            "metadata": {"$ref": f"{META}.ListMeta", "description": "Standard list metadata."},
            "items": {"type": "array", "items": {"$ref": name}, "description": f"List of {kind.resource}."},
        },
        "x-kubernetes-group-version-kind": [_gvk(kind, list_kind)],
    }


def _gvk(kind: Kind, name: str) -> dict[str, str]:
    return {"group": kind.group, "version": kind.version, "kind": name}


def _references(schema: Any) -> Iterator[str]:
    if isinstance(schema, list):
        for item in schema:
            yield from _references(item)
    elif isinstance(schema, dict):
        target = schema.get("$ref")
        if isinstance(target, str):
            yield target
        for value in schema.values():
            yield from _references(value)
