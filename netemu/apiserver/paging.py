"""Lists in pages: where one goes on, told to clients as an opaque token. Pure.

Source: apiserver ``pkg/storage/continue.go``; https://kubernetes.io/docs/reference/using-api/api-concepts/.
"""

from __future__ import annotations

from base64 import urlsafe_b64decode, urlsafe_b64encode
from typing import NamedTuple

import msgspec
from msgspec import Struct

from netemu.api.client import Object
from netemu.api.errors import BadRequestError
from netemu.naming import Revision

TOKEN_VERSION = "meta.k8s.io/v1"  # noqa: S105 - not a secret
CURRENT = Revision(-1)
"""The revision in a token that goes on with what there is now."""

TOO_OLD = (
    "The provided continue parameter is too old to display a consistent list result. You can start a new list"
    " without the continue parameter, or use the continue token in this response to retrieve the remainder of"
    " the results. Continuing with the provided token results in an inconsistent list - objects that were"
    " created, modified, or deleted between the time the first chunk was returned and now may show up in the"
    " list."
)


class Start(NamedTuple):
    """Where a page begins: after the object ``key`` (``namespace/name``), of the list at ``revision``."""

    revision: Revision
    key: str


class PageRequest(Struct, frozen=True, kw_only=True):
    """Which part of a list is wanted, and as of when; by default all of it, as it is now."""

    limit: int = 0
    start: Start | None = None
    revision: Revision | None = None


class Page(NamedTuple):
    """One part of a list. ``remaining`` is ``None`` where nobody counted."""

    items: list[Object]
    revision: Revision
    continue_token: str = ""
    remaining: int | None = None


WHOLE = PageRequest()


def cut(items: list[Object], revision: Revision, wanted: PageRequest, *, is_counted: bool) -> Page:
    """Cut one page out of all selected objects, which are in the order of their keys."""
    if wanted.start is not None:
        items = [obj for obj in items if key_of(obj) > wanted.start.key]
    if not wanted.limit or len(items) <= wanted.limit:
        return Page(items, revision)
    page = items[: wanted.limit]
    token = render_token(Start(revision, key_of(page[-1])))
    return Page(page, revision, token, len(items) - wanted.limit if is_counted else None)


def key_of(obj: Object) -> str:
    """Give an object's key within its kind."""
    meta = obj["metadata"]
    namespace = meta.get("namespace")
    return f"{namespace}/{meta['name']}" if namespace else str(meta["name"])


def render_token(start: Start) -> str:
    """Write where a list goes on."""
    said = {"v": TOKEN_VERSION, "rv": start.revision, "start": start.key}
    return urlsafe_b64encode(msgspec.json.encode(said)).rstrip(b"=").decode()


def parse_token(text: str) -> Start:
    """Read where a list goes on.

    Raises:
        BadRequestError: the token is none of ours.

    """
    try:
        padded = text.encode("ascii") + b"=" * (-len(text) % 4)
        token = msgspec.json.decode(urlsafe_b64decode(padded), type=_Token)
    except (ValueError, msgspec.DecodeError) as err:
        raise BadRequestError(f"continue key is not valid: {err}") from err
    if token.v != TOKEN_VERSION or not token.start or token.rv < CURRENT or token.rv == 0:
        raise BadRequestError(f"continue key is not valid: incorrect encoded start key or version: {token.v}")
    return Start(Revision(token.rv), token.start)


class _Token(Struct, frozen=True):
    v: str
    rv: int
    start: str
