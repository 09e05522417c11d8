"""What the query of a list or a watch asks for (meta/v1 ``ListOptions``). Pure.

Source: apimachinery ``pkg/apis/meta/internalversion/validation`` for what may stand together, and
https://kubernetes.io/docs/reference/using-api/api-concepts/#semantics-for-get-and-list.
"""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct

from netemu.api.errors import BadRequestError, Cause, TimedOutError
from netemu.apiserver import bodies
from netemu.apiserver.paging import CURRENT, PageRequest, parse_token
from netemu.apiserver.words import invalid_options
from netemu.naming import Revision

EXACT = "Exact"
NOT_OLDER = "NotOlderThan"

Query = Mapping[str, str]


class WatchOptions(Struct, frozen=True, kw_only=True):
    """Where a watch begins and how it goes.

    Without ``revision`` it begins with what there is. ``initial_events`` is what the client says
    about that: ``None`` where it says nothing.
    """

    revision: Revision | None
    initial_events: bool | None
    bookmarks: bool
    timeout_s: int | None


def list_options(query: Query, current: Revision) -> PageRequest:
    """Read which part of a list is wanted, and as of when.

    Raises:
        InvalidError, BadRequestError: the options contradict each other.
        TimedOutError: a revision is asked for that does not exist yet.

    """
    match = query.get("resourceVersionMatch", "")
    _refuse([*_match_causes(query, match), *_initial_causes(query)])
    limit = bodies.parse_int(query, "limit") or 0
    token = query.get("continue", "")
    revision = bodies.parse_revision(query)
    if token:
        if revision is not None:
            raise BadRequestError("specifying resource version is not allowed when using continue")
        start = parse_token(token)
        return PageRequest(
            limit=limit, start=start, revision=None if start.revision == CURRENT else start.revision
        )
    if revision is None:
        return PageRequest(limit=limit)
    if revision > current:
        raise not_yet(revision, current)
    # A limit with a revision meant exactly that one, before there was a way to say so.
    is_exact = match == EXACT or (not match and limit > 0)
    return PageRequest(limit=limit, revision=revision if is_exact else None)


def refuse_future(query: Query, current: Revision) -> None:
    """Check that an object may be read as of the revision that a client has seen.

    Raises:
        BadRequestError: it is no number.
        TimedOutError: it does not exist yet.

    """
    revision = bodies.parse_revision(query)
    if revision is not None and revision > current:
        raise not_yet(revision, current)


def watch_options(query: Query) -> WatchOptions:
    """Read how a watch is wanted.

    Raises:
        InvalidError, BadRequestError: the options contradict each other.

    """
    asked = query.get("sendInitialEvents")
    _refuse(_watch_causes(query, asked is not None))
    return WatchOptions(
        revision=bodies.parse_revision(query),
        initial_events=bodies.parse_bool(query, "sendInitialEvents") if asked is not None else None,
        bookmarks=bodies.parse_bool(query, "allowWatchBookmarks"),
        timeout_s=bodies.parse_int(query, "timeoutSeconds"),
    )


def _match_causes(query: Query, match: str) -> list[Cause]:
    if not match:
        return []
    causes = []
    if not query.get("resourceVersion"):
        causes.append(_forbidden("resourceVersionMatch is forbidden unless resourceVersion is provided"))
    if query.get("continue"):
        causes.append(_forbidden("resourceVersionMatch is forbidden when continue is provided"))
    if match not in (EXACT, NOT_OLDER):
        causes.append(_unsupported(match, (EXACT, NOT_OLDER, "")))
    if match == EXACT and query.get("resourceVersion") == "0":
        causes.append(_forbidden('resourceVersionMatch "exact" is forbidden for resourceVersion "0"'))
    return causes


def _initial_causes(query: Query) -> list[Cause]:
    if "sendInitialEvents" not in query:
        return []
    return [_forbidden("sendInitialEvents is forbidden for list", field="sendInitialEvents")]


def _watch_causes(query: Query, is_watch_list: bool) -> list[Cause]:
    match = query.get("resourceVersionMatch", "")
    causes = []
    if is_watch_list and match != NOT_OLDER:
        causes.append(_forbidden(f"sendInitialEvents requires setting resourceVersionMatch to {NOT_OLDER}"))
    if not match:
        return causes
    if not is_watch_list:
        why = "resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided"
        causes.append(_forbidden(why))
    if match != NOT_OLDER:
        causes.append(_unsupported(match, (NOT_OLDER,)))
    if query.get("continue"):
        causes.append(_forbidden("resourceVersionMatch is forbidden when continue is provided"))
    return causes


def _forbidden(why: str, *, field: str = "resourceVersionMatch") -> Cause:
    return Cause(field=field, message=f"Forbidden: {why}", reason="FieldValueForbidden")


def _unsupported(value: str, known: tuple[str, ...]) -> Cause:
    listed = ", ".join(f'"{name}"' for name in known)
    return Cause(
        field="resourceVersionMatch",
        message=f'Unsupported value: "{value}": supported values: {listed}',
        reason="FieldValueNotSupported",
    )


def _refuse(causes: list[Cause]) -> None:
    if causes:
        raise invalid_options("ListOptions", causes)


def not_yet(revision: Revision, current: Revision) -> TimedOutError:
    """Say that a revision is not reached."""
    cause = Cause(field="", message="Too large resource version", reason="ResourceVersionTooLarge")
    return TimedOutError(
        f"Timeout: Too large resource version: {revision}, current: {current}",
        causes=(cause,),
        hint="The cluster was made anew since this revision was read: list again without one.",
    )
