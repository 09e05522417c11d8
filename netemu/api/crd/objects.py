"""Objects of custom kinds: checked, pruned, defaulted and validated by their version's schema. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from netemu.api.client import Object
from netemu.api.crd.schema import RESOURCE_FIELDS, defaulted, pruned, unknown_fields
from netemu.api.crd.values import violations
from netemu.api.crd.version import CustomVersion
from netemu.api.errors import Cause


def unknown_causes(version: CustomVersion, obj: Object) -> tuple[Cause, ...]:
    """Name every field that the schema does not specify."""
    paths = unknown_fields(version.schema, obj)
    return tuple(Cause(field=path, message=f'unknown field "{path}"') for path in paths)


def prune(version: CustomVersion, obj: Object) -> Object:
    """Give an object without the fields that the schema does not specify."""
    kept: Object = pruned(version.schema, obj)
    return kept


def fill(version: CustomVersion, obj: Object) -> Object:
    """Give an object with the schema's defaults."""
    head = {key: obj[key] for key in RESOURCE_FIELDS if key in obj}
    metadata = {key: value for key, value in (head.get("metadata") or {}).items() if value is not None}
    return {**defaulted(version.schema, obj), **head, "metadata": metadata}


def check(version: CustomVersion, obj: Object) -> Iterator[Cause]:
    """Give every rule of the schema that an object breaks."""
    metadata: dict[str, Any] = obj.get("metadata") or {}
    named = {key: metadata[key] for key in ("name", "generateName") if key in metadata}
    seen = {**obj, "metadata": named}
    return violations(version.schema, seen)
