"""The schemas of all kinds as ``fields`` reads them, also of those that Kubernetes publishes. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from netemu.api import schema
from netemu.api.cel.fields import as_root
from netemu.api.crd.schema import INT_OR_STRING
from netemu.api.crd.version import Json
from netemu.api.kinds import Kind
from netemu.api.schema import Shape

_KEYS = ("type", "format", "properties", "items", "additionalProperties", INT_OR_STRING)


def schema_of(kind: Kind) -> Json:
    """Give the schema of a kind's objects."""
    if kind.custom is not None:
        return as_root(kind.custom.schema)
    return _Published(schema.shape_of(kind))


class _Published(Mapping[str, Any]):
    """A published shape as a schema, looked into only as far as someone asks: some contain themselves."""

    def __init__(self, shape: Shape) -> None:
        self._shape = shape
        self._owner = schema.resolve(shape) or shape

    def __getitem__(self, key: str) -> Any:
        owner = self._owner
        match key:
            case "type":
                return owner.type or ("object" if owner.properties else "")
            case "format":
                return owner.format or self._shape.format
            case "properties":
                return {name: _Published(one) for name, one in owner.properties.items()}
            case "items":
                return _Published(owner.items) if owner.items is not None else None
            case "additionalProperties":
                return self._values()
            case _ if key == INT_OR_STRING:
                return owner.format == "int-or-string"
        raise KeyError(key)

    def _values(self) -> Any:
        owner = self._owner
        if owner.additional_properties is not None:
            return _Published(owner.additional_properties)
        return owner.type == "object" and not owner.properties  # of free form

    def __iter__(self) -> Iterator[str]:
        return iter(_KEYS)

    def __len__(self) -> int:
        return len(_KEYS)
