"""Bodies of requests, JSON or YAML, and what the query says. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from netemu.api import schema
from netemu.api.client import Object
from netemu.api.errors import BadRequestError, UnsupportedMediaTypeError
from netemu.apiserver.duplicates import duplicate_fields
from netemu.apiserver.options import DeleteOptions, FieldCheck, FieldValidation, WriteOptions
from netemu.naming import Revision

JSON_PATCH = "application/json-patch+json"
MERGE_PATCH = "application/merge-patch+json"
STRATEGIC_PATCH = "application/strategic-merge-patch+json"
PATCH_TYPES = (JSON_PATCH, MERGE_PATCH, STRATEGIC_PATCH)
PROTOBUF = "application/vnd.kubernetes.protobuf"

_JSON_TYPES = ("application/json", "", "application/octet-stream", "*/*", *PATCH_TYPES)
_UNSAID_TYPES = ("", "application/octet-stream")
_YAML_TYPES = ("application/yaml", "application/x-yaml", "text/yaml", "application/apply-patch+yaml")

_TRUE = ("true", "1", "t", "")
_FALSE = ("false", "0", "f")

Query = Mapping[str, str]


def parse_body(body: bytes, content_type: str) -> Any:
    """Read a JSON, YAML or protobuf body; no body is ``None``.

    Raises:
        BadRequestError: it is not what its content type says.
        UnsupportedMediaTypeError: it is something else.

    """
    if not body:
        return None
    if content_type == PROTOBUF or (content_type in _UNSAID_TYPES and body.startswith(b"k8s\0")):
        return _parse_protobuf(body)
    if content_type in _JSON_TYPES:
        return _parse_json(body)
    if content_type in _YAML_TYPES:
        from netemu.apiserver.yamlbody import parse_yaml

        return parse_yaml(body)
    raise UnsupportedMediaTypeError(
        f"the body of the request was in an unknown format - {content_type}: accepted media types"
        f" include: application/json, application/yaml, {PROTOBUF}"
    )


def parse_object(body: bytes, content_type: str, options: WriteOptions | None = None) -> Object:
    """Read a body that must be an object; ``options`` learn which of its fields come twice.

    Raises:
        BadRequestError: it is not.

    """
    obj = parse_checked(body, content_type, options)
    if not isinstance(obj, dict):
        raise BadRequestError("the body of the request is not an object")
    return obj


def parse_checked(body: bytes, content_type: str, options: WriteOptions | None) -> Any:
    """Read any body; ``options`` learn which fields of it come twice.

    Raises:
        BadRequestError: it is not what its content type says.

    """
    value = parse_body(body, content_type)
    if options is not None and options.fields is not None and options.fields.wants_duplicates:
        is_yaml = content_type in _YAML_TYPES
        if is_yaml or content_type in _JSON_TYPES:
            options.fields.duplicates = duplicate_fields(body, is_yaml=is_yaml)
        if content_type in PATCH_TYPES:
            options.fields.patch = (content_type, value)
    return value


def addressed(obj: Object, namespace: str, name: str) -> Object:
    """Give a body the name of its URL.

    Raises:
        BadRequestError: it has another one.

    """
    meta = _metadata_of(obj)
    said = meta.get("name") or name
    if said != name:
        raise BadRequestError(f"the name of the object ({said}) does not match the name on the URL ({name})")
    named = {**meta, "name": name}
    if namespace:
        named.setdefault("namespace", namespace)
    return {**obj, "metadata": named}


def name_of(obj: Object) -> str:
    """Give the name that a body says, for URLs without one; empty if it says none.

    Raises:
        BadRequestError: it is not a text.

    """
    name = _metadata_of(obj).get("name") or ""
    if not isinstance(name, str):
        raise BadRequestError("metadata.name: expected a string")
    return name


def _metadata_of(obj: Object) -> Object:
    meta = obj.get("metadata") or {}
    if not isinstance(meta, dict):
        raise BadRequestError("metadata: expected an object")
    return meta


def write_options(query: Query) -> WriteOptions:
    """Read how a create, update or patch wants to be done.

    Raises:
        BadRequestError: the query cannot be understood.

    """
    return WriteOptions(fields=FieldCheck(_field_validation(query)), dry_run=_is_dry_run(query))


def delete_options(obj: Any, query: Query) -> DeleteOptions:
    """Read how a delete wants to be done: from the body, else from the query.

    Raises:
        BadRequestError: it cannot be understood.

    """
    if obj is not None:
        schema.check_sent("DeleteOptions", "", "v1", obj)
    given = dict(obj or {})
    given = {key: value for key, value in given.items() if value is not None}
    if query.get("gracePeriodSeconds"):
        given.setdefault("gracePeriodSeconds", parse_int(query, "gracePeriodSeconds"))
    if query.get("propagationPolicy"):
        given.setdefault("propagationPolicy", query["propagationPolicy"])
    if _is_dry_run(query):
        given["dryRun"] = ["All"]
    try:
        return msgspec.convert(given, DeleteOptions)
    except msgspec.ValidationError as err:
        raise BadRequestError(f"DeleteOptions: {err}") from err


def parse_bool(query: Query, name: str) -> bool:
    """Read a flag of the query, false when it is missing.

    Raises:
        BadRequestError: it is neither true nor false.

    """
    text = query.get(name)
    if text is None or text.lower() in _FALSE:
        return False
    if text.lower() in _TRUE:
        return True
    raise BadRequestError(f'{name}: Invalid value: "{text}": must be true or false')


def parse_int(query: Query, name: str) -> int | None:
    """Read a number of the query.

    Raises:
        BadRequestError: it is none, or negative.

    """
    text = query.get(name)
    if not text:
        return None
    if not (text.isascii() and text.isdigit()) or len(text) > 18:
        raise BadRequestError(f'{name}: Invalid value: "{text}": must be a number, 0 or greater')
    return int(text)


def parse_revision(query: Query) -> Revision | None:
    """Read ``resourceVersion``: ``None`` when none or "any" (0) is asked for.

    Raises:
        BadRequestError: it is no number.

    """
    number = parse_int(query, "resourceVersion")
    return Revision(number) if number else None


def _field_validation(query: Query) -> FieldValidation:
    match query.get("fieldValidation") or "Warn":
        case ("Strict" | "Warn" | "Ignore") as mode:
            return mode
        case mode:
            raise BadRequestError(
                f'fieldValidation: Unsupported value: "{mode}": supported values: "Ignore", "Strict", "Warn"'
            )


def _is_dry_run(query: Query) -> bool:
    wanted = query.get("dryRun")
    if wanted not in (None, "", "All"):
        raise BadRequestError(f'dryRun: Unsupported value: "{wanted}": supported values: "All"')
    return wanted == "All"


def _parse_json(body: bytes) -> Any:
    try:
        return msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as err:
        raise BadRequestError(f"the body of the request is not JSON: {err}") from err


def _parse_protobuf(body: bytes) -> Any:
    from netemu.api import protobuf

    return protobuf.decode_object(body)
