"""How a client wants objects: whole, as a Table, or only their metadata (``Accept``). Pure.

Source: https://kubernetes.io/docs/reference/using-api/api-concepts/ ("Receiving resources as
Tables", "Metadata-only fetches").
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from typing import Any, Literal, NamedTuple

from msgspec import Struct

from netemu.api.client import Object
from netemu.api.errors import BadRequestError, NotAcceptableError
from netemu.api.kinds import Kind
from netemu.apiserver.paging import Page
from netemu.apiserver.tables import META, IncludeObject, table, table_rows

Shape = Literal["object", "table", "metadata"]
Encoding = Literal["json", "yaml", "protobuf"]


class Form(Struct, frozen=True):
    """What objects are turned into; ``include`` says what the rows of a Table carry.

    ``meta`` is the version of Tables and mere metadata that the client knows.
    """

    shape: Shape = "object"
    include: IncludeObject = "Metadata"
    encoding: Encoding = "json"
    meta: str = META

    @property
    def is_plain(self) -> bool:
        """True where objects are sent as they are."""
        return self.shape == "object" and self.encoding == "json"


WHOLE = Form()

_SHAPES: dict[str, Shape] = {
    "Table": "table",
    "PartialObjectMetadata": "metadata",
    "PartialObjectMetadataList": "metadata",
}
_NAMES = ("kind", "apiVersion")
_METAS = (META, "meta.k8s.io/v1beta1")
_ENCODINGS: dict[str, Encoding] = {
    **dict.fromkeys(("application/json", "application/*", "*/*", ""), "json"),
    "application/yaml": "yaml",
    "application/vnd.kubernetes.protobuf": "protobuf",
}


@lru_cache(64)
def parse_form(accept: str, include: str) -> Form:
    """Choose the first form that the client takes and that can be made, in JSON if it takes that too.

    Raises:
        NotAcceptableError: there is none.
        BadRequestError: ``includeObject`` is none of None, Metadata and Object.

    """
    forms = [form for clause in accept.split(",") if (form := _form_of(clause, include)) is not None]
    return _best(forms)


@lru_cache(16)
def parse_whole_form(accept: str) -> Form:
    """Choose the form of what has no metadata, and is no row of a table: reviews.

    Raises:
        NotAcceptableError: the client takes nothing else.

    """
    forms = [_form_of(clause, "") for clause in accept.split(",")]
    return _best([form for form in forms if form is not None and form.shape == "object"])


def _best(forms: list[Form]) -> Form:
    for form in forms:
        if form.encoding == "json":
            return form
    if forms:
        return forms[0]
    raise NotAcceptableError(
        "only the following media types are accepted: application/json, application/yaml,"
        " application/vnd.kubernetes.protobuf, application/json;as=Table;v=v1;g=meta.k8s.io,"
        " application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io"
    )


def _form_of(clause: str, include: str) -> Form | None:
    """Read one clause of ``Accept``; ``None`` for what cannot be made."""
    media_type, parameters = _parsed(clause)
    encoding, wanted = _ENCODINGS.get(media_type), parameters.get("as")
    if encoding is None:
        return None
    if wanted is None:
        return Form(encoding=encoding)
    shape, meta = _SHAPES.get(wanted), f"{parameters.get('g')}/{parameters.get('v')}"
    if shape is None or meta not in _METAS or (shape == "table" and encoding != "json"):
        return None
    return Form(shape, _include(include), encoding, meta)


def render_object(kind: Kind, obj: Object, form: Form, now_s: float) -> Object:
    """Give one object in the form that its client wants."""
    match form.shape:
        case "object":
            return obj
        case "metadata":
            return _partial(obj, form)
        case "table":
            meta = {"resourceVersion": obj["metadata"].get("resourceVersion", "")}
            return {**table(kind, [obj], now_s, form.include, form.meta), "metadata": meta}


def render_event(kind: Kind, obj: Object, form: Form, now_s: float, *, is_first: bool) -> Object:
    """Give the object of a watch event; a Table says its columns only the first time."""
    rendered = render_object(kind, obj, form, now_s)
    if form.shape == "table" and not is_first:
        return {**rendered, "columnDefinitions": []}
    return rendered


def render_bookmark(kind: Kind, meta: Object, form: Form) -> Object:
    """Give the object of a BOOKMARK, which has nothing but metadata."""
    whole = {"kind": kind.kind, "apiVersion": kind.api_version, "metadata": meta}
    match form.shape:
        case "object":
            return whole
        case "metadata":
            return _partial(whole, form)
        case "table":
            row = {"cells": [], "object": _partial(whole, form)}
            head = {"resourceVersion": meta["resourceVersion"]}
            return {
                "kind": "Table",
                "apiVersion": form.meta,
                "metadata": head,
                "columnDefinitions": [],
                "rows": [row],
            }


class Listing(NamedTuple):
    """A collection in some form: ``head`` has all but the list called ``name``, whose parts are made
    when they are wanted.
    """

    head: Object
    name: str
    parts: Iterator[Object]
    encoding: Encoding = "json"


def render_list(kind: Kind, page: Page, form: Form, now_s: float) -> Listing:
    """Give a collection in the form that its client wants."""
    meta = list_metadata(page)
    match form.shape:
        case "object":
            head = {"kind": f"{kind.kind}List", "apiVersion": kind.api_version, "metadata": meta}
            items = iter(page.items) if kind.custom is not None else map(_nameless, page.items)
            return Listing(head, "items", items, form.encoding)
        case "metadata":
            head = {"kind": "PartialObjectMetadataList", "apiVersion": form.meta, "metadata": meta}
            return Listing(head, "items", (_partial(obj, form) for obj in page.items), form.encoding)
        case "table":
            empty = {**table(kind, [], now_s, form.include, form.meta), "metadata": meta}
            del empty["rows"]
            rows = table_rows(kind, page.items, now_s, form.include, form.meta)
            return Listing(empty, "rows", rows)


def list_metadata(page: Page) -> dict[str, Any]:
    """Give the metadata of a list."""
    meta: dict[str, Any] = {"resourceVersion": str(page.revision)}
    if page.continue_token:
        meta["continue"] = page.continue_token
    if page.remaining is not None:
        meta["remainingItemCount"] = page.remaining
    return meta


def _nameless(obj: Object) -> Object:
    """Leave out what kind an item is: in Kubernetes a list of its own kinds says it once."""
    return {key: value for key, value in obj.items() if key not in _NAMES}


def _partial(obj: Object, form: Form) -> Object:
    return {"kind": "PartialObjectMetadata", "apiVersion": form.meta, "metadata": obj["metadata"]}


def _parsed(clause: str) -> tuple[str, dict[str, str]]:
    media_type, *parameters = (part.strip() for part in clause.split(";"))
    pairs = (parameter.partition("=") for parameter in parameters)
    return media_type.lower(), {name.strip(): value.strip() for name, _, value in pairs}


def _include(text: str) -> IncludeObject:
    match text:
        case "None" | "Metadata" | "Object":
            return text
        case "":
            return "Metadata"
    raise BadRequestError(
        f'includeObject: Unsupported value: "{text}": supported values: "Metadata", "None", "Object"'
    )
