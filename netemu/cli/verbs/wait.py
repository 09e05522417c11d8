"""[IO] ``wait``."""

from __future__ import annotations

from collections.abc import Sequence

from netemu.api.errors import NotFoundError
from netemu.cli.conditions import Awaited
from netemu.cli.resources import Query, Scope, Selection, UsageError
from netemu.cli.session import Session
from netemu.cli.verbs.delete import named_queries
from netemu.cli.verbs.watching import wait_met


async def wait(
    session: Session,
    selections: Sequence[Selection],
    scope: Scope,
    awaited: Awaited,
    timeout_s: float,
    *,
    everything: bool,
) -> None:
    """Wait for all objects that are meant; a negative ``timeout_s`` is a week, as for kubectl.

    Raises:
        UsageError: none is meant; for a deletion that is its end.

    """
    named = await named_queries(session, selections, scope, everything=everything)
    if awaited.kind == "delete":
        named = [query for query in named if await _is_there(session, query)]
    elif not named:
        raise UsageError("no matching resources found")
    await wait_met(session, named, awaited, timeout_s if timeout_s >= 0 else 7 * 24 * 3600)


async def _is_there(session: Session, query: Query) -> bool:
    try:
        return bool(await session.find(query))
    except NotFoundError:
        return False
