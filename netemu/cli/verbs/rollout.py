"""[IO] ``rollout``: status, history, undo, restart, pause, resume."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from contextlib import aclosing
from typing import Any

from netemu.api.errors import NotFoundError
from netemu.api.kinds import DEPLOYMENT
from netemu.cli import rollouts
from netemu.cli.resources import Query, Scope, Selection, UsageError, display_name
from netemu.cli.session import Session
from netemu.cli.verbs.delete import named_queries
from netemu.cli.verbs.watching import WaitTimeoutError, states
from netemu.clock import format_rfc3339
from netemu.errors import NetemuError


async def rollout_status(
    session: Session,
    selection: Selection,
    namespace: str,
    *,
    timeout_s: float | None = None,
    watch: bool = True,
) -> None:
    """Follow a rollout to its end, telling what it waits for; without ``watch`` only once.

    Raises:
        UsageError: the kind has no rollouts.
        NotFoundError: the object is not there.
        WaitTimeoutError: the rollout is not at its end in time.
        NetemuError: it exceeded its own deadline.

    """
    try:
        async with asyncio.timeout(timeout_s):
            await _follow(session, selection, namespace, watch=watch)
    except TimeoutError as err:
        raise WaitTimeoutError("timed out waiting for the condition") from err


async def history(session: Session, selection: Selection, namespace: str, number: int) -> None:
    """Print the revisions of a workload, or (``number``) what one of them is.

    Raises:
        UsageError: the kind has no rollouts.
        NetemuError: there is no such revision.

    """
    query = _query(selection, namespace)
    _, past = await _past(session, query)
    if number:
        chosen = next((each for each in past if each.number == number), None)
        if chosen is None:
            raise NetemuError(f"unable to find the specified revision {number}")
        print(rollouts.render_revision(query.kind, query.name, chosen))
    else:
        print(rollouts.render_history(query.kind, query.name, past))


async def undo(session: Session, selection: Selection, namespace: str, number: int) -> None:
    """Give a workload the template of an older revision; 0 is the last but one.

    Raises:
        UsageError: the kind has no rollouts.
        NetemuError: there is no such revision, or the Deployment is paused.

    """
    query = _query(selection, namespace)
    obj, past = await _past(session, query)
    if obj["spec"].get("paused"):
        raise NetemuError(
            f'you cannot rollback a paused deployment; resume it first with "netemu rollout resume '
            f'{display_name(query.kind, query.name)}" and try again'
        )
    chosen = rollouts.choose(past, number, f'{query.kind.singular} "{query.name}"')
    if obj["spec"]["template"] == chosen.template:
        print(
            f"{display_name(query.kind, query.name)} skipped rollback"
            f" (current template already matches revision {chosen.number})"
        )
        return
    patch = rollouts.patch_back(query.kind, obj, chosen)
    await session.patch(query, patch, patch_type="application/strategic-merge-patch+json")
    print(f"{display_name(query.kind, query.name)} rolled back", flush=True)


async def restart(session: Session, selections: Sequence[Selection], scope: Scope) -> None:
    """Replace all pods of workloads, by a mark in their templates.

    Raises:
        UsageError: the kind has no rollouts.
        NetemuError: a Deployment is paused.

    """
    for query in await _workloads(session, selections, scope):
        (obj,) = await session.find(query)
        if obj["spec"].get("paused"):
            raise NetemuError(
                f'{query.kind.key} "{query.name}" can\'t restart paused deployment (run rollout resume first)'
            )
        mark = {rollouts.RESTARTED_AT: format_rfc3339(time.time())}
        await session.patch(query, {"spec": {"template": {"metadata": {"annotations": mark}}}})
        print(f"{display_name(query.kind, query.name)} restarted", flush=True)


async def set_paused(
    session: Session, selections: Sequence[Selection], scope: Scope, *, paused: bool
) -> None:
    """Pause or resume the rollouts of Deployments.

    Raises:
        UsageError: only Deployments can be paused.
        NetemuError: it is so already.

    """
    for query in await _workloads(session, selections, scope):
        named = f'{query.kind.key} "{query.name}"'
        if query.kind is not DEPLOYMENT:
            raise UsageError(f"{named} {'pausing' if paused else 'resuming'} is not supported")
        (obj,) = await session.find(query)
        if bool(obj["spec"].get("paused")) is paused:
            raise NetemuError(f"{named} is already paused" if paused else f"{named} is not paused")
        await session.patch(query, {"spec": {"paused": paused or None}})
        done = "paused" if paused else "resumed"
        print(f"{display_name(query.kind, query.name)} {done}", flush=True)


async def _follow(session: Session, selection: Selection, namespace: str, *, watch: bool) -> None:
    query = _query(selection, namespace)
    said = ""
    async with aclosing(states(session, query)) as seen:
        async for obj in seen:
            if obj is None:
                raise NotFoundError(f'{query.kind.key} "{query.name}" not found')
            done, text = rollouts.progress(query.kind, obj)
            if text != said:
                print(text, flush=True)
            said = text
            if done or not watch:
                return


def _query(selection: Selection, namespace: str) -> Query:
    rollouts.store_of(selection.kind)
    return Query(kind=selection.kind, namespace=namespace, name=selection.names[0])


async def _past(session: Session, query: Query) -> tuple[dict[str, Any], list[rollouts.Past]]:
    (obj,) = await session.find(query)
    stored = await session.list(Query(kind=rollouts.store_of(query.kind), namespace=query.namespace))
    return obj, rollouts.revisions(obj, stored.items)


async def _workloads(session: Session, selections: Sequence[Selection], scope: Scope) -> list[Query]:
    for selection in selections:
        rollouts.store_of(selection.kind)
    return await named_queries(session, selections, scope, everything=False)
