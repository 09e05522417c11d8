"""[IO] ``events``."""

from __future__ import annotations

import sys
from dataclasses import dataclass

from netemu.api.client import Object
from netemu.api.kinds import EVENT
from netemu.cli.describe.head import event_age, last_seen
from netemu.cli.resources import Query, Selection, UsageError
from netemu.cli.session import Session
from netemu.cli.tables import Row, TableRows
from netemu.clock import system_clock

HEADS = ("LAST SEEN", "TYPE", "REASON", "OBJECT", "MESSAGE")


@dataclass(frozen=True, kw_only=True)
class EventsRequest:
    """Which events to show; no ``namespace`` means all, no ``types`` any."""

    namespace: str
    about: Selection | None = None
    types: tuple[str, ...] = ()
    watch: bool = False
    headings: bool = True


async def show_events(session: Session, request: EventsRequest) -> None:
    """Print the events, oldest first, then what comes if that is wanted.

    Raises:
        UsageError: there is no such type.

    """
    if not set(request.types) <= {"normal", "warning"}:
        raise UsageError("valid --types are Normal or Warning")
    query = Query(kind=EVENT, namespace=request.namespace, field_selector=_fields(request.about))
    listing = await session.list(query)
    found = sorted((one for one in listing.items if _is_wanted(one, request)), key=last_seen)
    lines = TableRows()
    everywhere = not request.namespace
    if found or request.watch:
        head = (("NAMESPACE",) * everywhere + HEADS,) if request.headings else ()
        for line in lines.render([*head, *(_row(one, everywhere) for one in found)]):
            print(line, flush=True)
    else:
        where = f" in {request.namespace} namespace." if request.namespace else "."
        print(f"No events found{where}", file=sys.stderr)
    if request.watch:
        async for event in session.watch(query, revision=str(listing.revision)):
            if event.type != "DELETED" and _is_wanted(event.object, request):
                print(*lines.render([_row(event.object, everywhere)]), flush=True)


def _fields(about: Selection | None) -> str:
    if about is None:
        return ""
    if not about.names:
        raise UsageError("--for must be in resource/name form")
    return f"involvedObject.kind={about.kind.kind},involvedObject.name={about.names[0]}"


def _is_wanted(event: Object, request: EventsRequest) -> bool:
    return not request.types or str(event.get("type", "")).lower() in request.types


def _row(event: Object, everywhere: bool) -> Row:
    about = event.get("involvedObject") or {}
    return (
        *((event["metadata"].get("namespace", ""),) * everywhere),
        event_age(event, system_clock()),
        event.get("type") or "",
        event.get("reason") or "",
        f"{about.get('kind', '')}/{about.get('name', '')}",
        (event.get("message") or "").strip().replace("\n", " "),
    )
