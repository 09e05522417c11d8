"""Objects of custom kinds: checked, pruned, defaulted and validated by their version's schema. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from netemu.api.causes import bad_value
from netemu.api.client import Object
from netemu.api.crd.definition import as_version
from netemu.api.crd.expressions import broken_rules, guarded_by
from netemu.api.crd.schema import RESOURCE_FIELDS, defaulted, pruned, unknown_fields
from netemu.api.crd.values import ABSENT, NOWHERE, violations
from netemu.api.crd.version import CustomVersion
from netemu.api.errors import Cause
from netemu.api.kinds import Kind

NOT_CHECKED = (
    "some validation rules were not checked because the object was invalid; correct the existing errors to"
    " complete validation"
)
# Where a value has not even the right shape, rules would fail in ways that say nothing.
_BLOCKING = (
    "FieldValueNotSupported",
    "FieldValueRequired",
    "FieldValueTooLong",
    "FieldValueTooMany",
    "FieldValueTypeInvalid",
)


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


def served(kind: Kind, obj: Object) -> Object:
    """Give a stored object as clients of a version see it: with its apiVersion and defaults.

    Defaults may be younger than the object. What is no such object (a Scale) stays as it is.
    """
    shown = as_version(kind, obj)
    if kind.custom is None or not kind.custom.fills or shown.get("apiVersion") != kind.api_version:
        return shown
    return fill(kind.custom, shown)


def check(version: CustomVersion, obj: Object, old: Object | None = None) -> Iterator[Cause]:
    """Give every rule of the schema that an object breaks; with ``old``, also those about changes."""
    new, had = _seen(obj), _seen(old) if old is not None else ABSENT
    broken = list(violations(version.schema, new, old=had))
    yield from broken
    if guarded_by(version) is None:
        return
    if any(cause.reason in _BLOCKING for cause in broken):
        yield bad_value(NOWHERE, "null", NOT_CHECKED)
    else:
        yield from broken_rules(version, new, had)


def _seen(obj: Object) -> Object:
    metadata: dict[str, Any] = obj.get("metadata") or {}
    return {**obj, "metadata": {key: metadata[key] for key in ("name", "generateName") if key in metadata}}
