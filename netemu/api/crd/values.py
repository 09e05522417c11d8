"""Check objects by a structural schema, in the words of Kubernetes. Pure.

Source: kube-openapi ``pkg/validation`` (rules, wording) and apiextensions-apiserver
``pkg/apiserver/validation`` (how they become causes).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from fractions import Fraction
from typing import Any

from netemu.api import gopatterns
from netemu.api.causes import bad_value, duplicate, required, shown, too_long, too_many
from netemu.api.crd.formats import has_format
from netemu.api.crd.schema import INT_OR_STRING
from netemu.api.crd.version import Json
from netemu.api.errors import Cause

ABSENT: Any = object()
"""The value of what was not there before."""

NOWHERE = "<nil>"
"""Where Kubernetes says that a combination of schemas fails: nowhere."""


def violations(schema: Json, value: Any, path: str = "", old: Any = ABSENT) -> Iterator[Cause]:
    """Give every rule of a schema that a value breaks, with the value's path.

    What is as it was before (``old``) may stay as it is: rules may have come later.
    """
    if (value is None and schema.get("nullable")) or (old is not ABSENT and old == value):
        return
    if not _has_type(schema, value):
        yield _wrong_type(path, schema, value)
        return
    if "enum" in schema and value not in schema["enum"]:
        yield _not_in_enum(path, value, schema["enum"])
    for rules in (_text_rules, _number_rules):
        yield from rules(schema, value, path)
    yield from _list_rules(schema, value, path, old)
    yield from _object_rules(schema, value, path, old)
    yield from _combinations(schema, value, path)


def json_type(value: Any) -> str:
    """Name a value's JSON type."""
    if isinstance(value, bool):
        return "boolean"
    return _NAMES.get(type(value), "object")


def _has_type(schema: Json, value: Any) -> bool:
    if schema.get(INT_OR_STRING):
        return type(value) in (int, str)
    wanted, actual = schema.get("type"), json_type(value)
    if not wanted:
        return True
    if wanted == "integer" and actual == "number":
        return bool(value == int(value))
    return wanted == actual or (wanted == "number" and actual == "integer")


def _wrong_type(path: str, schema: Json, value: Any) -> Cause:
    wanted = "integer,string" if schema.get(INT_OR_STRING) else schema["type"]
    return _type_invalid(
        path, json_type(value), f'{path} in body must be of type {wanted}: "{json_type(value)}"'
    )


def _type_invalid(path: str, value: Any, why: str) -> Cause:
    return Cause(field=path, message=f"Invalid value: {shown(value)}: {why}", reason="FieldValueTypeInvalid")


def _not_in_enum(path: str, value: Any, known: list[Any]) -> Cause:
    words = ", ".join(f'"{word}"' if isinstance(word, str) else f'"{shown(word)}"' for word in known)
    message = f"Unsupported value: {shown(value)}: supported values: {words}"
    return Cause(field=path, message=message, reason="FieldValueNotSupported")


def _text_rules(schema: Json, value: Any, path: str) -> Iterator[Cause]:
    if not isinstance(value, str):
        return
    least, most = schema.get("minLength"), schema.get("maxLength")
    if least is not None and len(value) < least:
        yield bad_value(path, value, f"{path} in body should be at least {least} chars long")
    if most is not None and len(value) > most:
        yield too_long(path, most)
    pattern = schema.get("pattern")
    if pattern and not _compiled(pattern).search(value):
        yield bad_value(path, value, f"{path} in body should match '{pattern}'")
    format_ = schema.get("format")
    if format_ and not schema.get(INT_OR_STRING) and not has_format(format_, value):
        yield _type_invalid(path, value, f"{path} in body must be of type {format_}: {shown(value)}")


def _number_rules(schema: Json, value: Any, path: str) -> Iterator[Cause]:
    if type(value) not in (int, float):
        return
    least, most = schema.get("minimum"), schema.get("maximum")
    if least is not None and (value <= least if schema.get("exclusiveMinimum") else value < least):
        how = "greater than" if schema.get("exclusiveMinimum") else "greater than or equal to"
        yield bad_value(path, value, f"{path} in body should be {how} {shown(least)}")
    if most is not None and (value >= most if schema.get("exclusiveMaximum") else value > most):
        how = "less than" if schema.get("exclusiveMaximum") else "less than or equal to"
        yield bad_value(path, value, f"{path} in body should be {how} {shown(most)}")
    step = schema.get("multipleOf")
    if step and Fraction(str(value)) % Fraction(str(step)):
        yield bad_value(path, value, f"{path} in body should be a multiple of {shown(step)}")
    bits = {"int32": 31, "int64": 63}.get(schema.get("format", ""))
    if bits and not -(1 << bits) <= value < 1 << bits:
        yield _type_invalid(path, value, f"{path} in body must be of type {schema['format']}: {shown(value)}")


def item_before(schema: Json, item: Any, old: Any) -> Any:
    """Find what an item of a list was: only where items have keys this can be told."""
    keys = schema.get("x-kubernetes-list-map-keys") or ()
    is_keyed = schema.get("x-kubernetes-list-type") == "map" and isinstance(item, dict)
    if not is_keyed or not isinstance(old, list):
        return ABSENT
    wanted = [item.get(key) for key in keys]
    same = (each for each in old if isinstance(each, dict) and [each.get(key) for key in keys] == wanted)
    return next(same, ABSENT)


def _list_rules(schema: Json, value: Any, path: str, old: Any) -> Iterator[Cause]:
    if not isinstance(value, list):
        return
    least, most = schema.get("minItems"), schema.get("maxItems")
    if least is not None and len(value) < least:
        yield bad_value(path, len(value), f"{path} in body should have at least {least} items")
    if most is not None and len(value) > most:
        yield too_many(path, len(value), most)
    items = schema.get("items")
    if isinstance(items, dict):
        for index, item in enumerate(value):
            yield from violations(items, item, f"{path}[{index}]", item_before(schema, item, old))
    yield from _repeated(schema, value, path)


def _repeated(schema: Json, value: list[Any], path: str) -> Iterator[Cause]:
    list_type, keys = schema.get("x-kubernetes-list-type"), schema.get("x-kubernetes-list-map-keys") or ()
    if list_type not in ("set", "map"):
        return
    seen: list[Any] = []
    for index, item in enumerate(value):
        key = item
        if list_type == "map":
            key = {name: item[name] for name in keys if name in item} if isinstance(item, dict) else item
        if key in seen:
            yield duplicate(f"{path}[{index}]", key)
        seen.append(key)


def _object_rules(schema: Json, value: Any, path: str, old: Any) -> Iterator[Cause]:
    if not isinstance(value, dict):
        return
    for name in schema.get("required") or ():
        if name not in value:
            yield required(_join(path, name))
    least, most = schema.get("minProperties"), schema.get("maxProperties")
    if least is not None and len(value) < least:
        yield bad_value(path, len(value), f"{path} in body should have at least {least} properties")
    if most is not None and len(value) > most:
        yield too_many(path, len(value), most)
    properties, values = schema.get("properties") or {}, schema.get("additionalProperties")
    for name, item in value.items():
        below = properties.get(name, values)
        if isinstance(below, dict):
            was = old.get(name, ABSENT) if isinstance(old, dict) else ABSENT
            yield from violations(below, item, _join(path, name), was)


def _combinations(schema: Json, value: Any, path: str) -> Iterator[Cause]:
    for below in schema.get("allOf") or ():
        yield from violations(below, value, path)
    any_of, one_of = schema.get("anyOf") or (), schema.get("oneOf") or ()
    if any_of and not schema.get(INT_OR_STRING):
        tried = [list(violations(below, value, path)) for below in any_of]
        if all(tried):
            yield _combination(f'"{path}" must validate at least one schema (anyOf)')
            yield from min(tried, key=len)
    if one_of:
        tried = [list(violations(below, value, path)) for below in one_of]
        count = sum(not broken for broken in tried)
        if count != 1:
            found = f"Found {count} valid alternatives" if count else "Found none valid"
            yield _combination(f'"{path}" must validate one and only one schema (oneOf). {found}')
        if count == 0:
            yield from min(tried, key=len)
    if schema.get("not") is not None and not any(violations(schema["not"], value, path)):
        yield _combination(f'"{path}" must not validate the schema (not)')


def _combination(why: str) -> Cause:
    return bad_value(NOWHERE, "", why)


def _join(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name


def _compiled(pattern: str) -> re.Pattern[str]:
    """Compile a pattern of Go's syntax; one that Python cannot read accepts everything."""
    try:
        return gopatterns.compiled(pattern)
    except re.error:
        return re.compile("")


_NAMES = {str: "string", int: "integer", float: "number", list: "array", dict: "object", type(None): "null"}
