"""[IO] Wait until objects are as they should be, by watching them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing
from functools import partial
from typing import Any

from msgspec.structs import replace

from netemu.api.errors import ExpiredError, NotFoundError
from netemu.cli.conditions import Awaited, is_met
from netemu.cli.resources import Query, display_name
from netemu.cli.session import Session
from netemu.errors import NetemuError

State = dict[str, Any] | None


class WaitTimeoutError(NetemuError):
    """What was waited for did not happen in time."""

    code = "CLI_WAIT_TIMEOUT"


async def states(session: Session, query: Query) -> AsyncGenerator[State, None]:
    """Yield one named object as it is now and after each change; ``None`` while it is not there."""
    by_name = replace(query, name="", field_selector=f"metadata.name={query.name}")
    while True:
        listing = await session.list(by_name)
        yield next(iter(listing.items), None)
        try:
            async with aclosing(session.watch(by_name, revision=str(listing.revision))) as events:
                async for event in events:
                    if event.type != "BOOKMARK":
                        yield None if event.type == "DELETED" else event.object
        except ExpiredError:
            continue  # the revision is no longer kept: list again


async def wait_until(session: Session, query: Query, holds: Callable[[State], bool]) -> None:
    """Return when one object's state is as it should be."""
    async with aclosing(states(session, query)) as seen:
        async for state in seen:
            if holds(state):
                return


async def wait_gone(session: Session, gone: Sequence[tuple[Query, str]], timeout_s: float | None) -> None:
    """Return when no object with these UIDs is there any more.

    Raises:
        WaitTimeoutError: one still is.

    """
    deadline = _deadline(timeout_s)
    for query, uid in gone:
        await _before(deadline, session, query, partial(_is_gone, uid), _describing(query))


async def wait_met(
    session: Session, queries: Sequence[Query], awaited: Awaited, timeout_s: float | None
) -> None:
    """Return when every object has what is waited for, telling of each.

    Raises:
        NotFoundError: an object is not there (unless its creation or deletion is awaited).
        WaitTimeoutError: one does not have it in time.

    """
    deadline = _deadline(timeout_s)
    for query in queries:
        hint = "" if awaited.kind == "create" else _describing(query)
        await _before(deadline, session, query, partial(_has, awaited, query), hint)
        print(f"{display_name(query.kind, query.name)} condition met", flush=True)


async def _before(
    deadline: float | None, session: Session, query: Query, holds: Callable[[State], bool], hint: str
) -> None:
    try:
        async with asyncio.timeout_at(deadline):
            await wait_until(session, query, holds)
    except TimeoutError as err:
        raise WaitTimeoutError(
            f"timed out waiting for the condition on {query.kind.resource}/{query.name}", hint=hint
        ) from err


def _describing(query: Query) -> str:
    return f"netemu describe {query.kind.singular} {query.name} says what it is doing."


def _deadline(timeout_s: float | None) -> float | None:
    return None if timeout_s is None else asyncio.get_running_loop().time() + timeout_s


def _is_gone(uid: str, obj: State) -> bool:
    return obj is None or (uid != "" and obj["metadata"]["uid"] != uid)


def _has(awaited: Awaited, query: Query, obj: State) -> bool:
    if awaited.kind == "delete":
        return obj is None
    if obj is None and awaited.kind != "create":
        raise NotFoundError(f'{query.kind.key} "{query.name}" not found')
    return obj is not None and is_met(awaited, obj)
