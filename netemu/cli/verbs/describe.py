"""[IO] ``describe``."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from msgspec.structs import replace

from netemu.api.client import Object
from netemu.api.errors import NotFoundError
from netemu.api.kinds import Kind
from netemu.cli.describe.page import needs, render_page
from netemu.cli.output import complete
from netemu.cli.resources import Query, Scope, Selection, queries
from netemu.cli.session import Session
from netemu.cli.verbs.get import nothing_found
from netemu.clock import system_clock


async def describe(session: Session, selections: Sequence[Selection], scope: Scope) -> None:
    """Print the pages of all objects asked for."""
    pages = [
        await _page(session, selection.kind, complete(selection.kind, obj))
        for selection in selections
        for query in queries(selection, scope)
        for obj in await _meant(session, query)
    ]
    if pages:
        sys.stdout.write("\n\n".join(pages))
    else:
        print(nothing_found(selections, scope), file=sys.stderr)


async def _meant(session: Session, query: Query) -> list[Object]:
    """Read what a query names; a name that nothing has may be the beginning of several.

    Raises:
        NotFoundError: nothing is called so, or begins so.

    """
    try:
        return await session.find(query)
    except NotFoundError:
        everything = await session.list(replace(query, name=""))
        found = [obj for obj in everything.items if obj["metadata"]["name"].startswith(query.name)]
        if not found:
            raise
        return found


async def _page(session: Session, kind: Kind, obj: Object) -> str:
    related = {}
    for need in needs(kind, obj):
        related[need.kind] = (await session.list(need)).items
    return render_page(kind, obj, related, now_s=system_clock())
