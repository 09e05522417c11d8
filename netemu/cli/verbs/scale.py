"""[IO] ``scale`` and ``rollout status``."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any

from netemu.api.errors import NotFoundError
from netemu.api.kinds import DAEMON_SET, DEPLOYMENT, STATEFUL_SET, Kind
from netemu.cli.resources import Query, Scope, Selection, UsageError, display_name
from netemu.cli.session import Session
from netemu.cli.verbs.delete import named_queries
from netemu.cli.verbs.watching import WaitTimeoutError, states
from netemu.errors import NetemuError


@dataclass(frozen=True, kw_only=True)
class ScaleRequest:
    """How many replicas, and how many there must be before (``None``: any number)."""

    replicas: int
    current_replicas: int | None = None
    everything: bool = False


async def scale(
    session: Session, selections: Sequence[Selection], scope: Scope, request: ScaleRequest
) -> None:
    """Set how many replicas each object has.

    Raises:
        UsageError, NetemuError: there are none, they have no replicas, or not the number expected.

    """
    if request.replicas < 0:
        raise UsageError(
            "The --replicas=COUNT flag is required, and COUNT must be greater than or equal to 0"
        )
    for selection in selections:
        if "scale" not in selection.kind.subresources:
            raise UsageError(
                f"{selection.kind.resource} cannot be scaled",
                hint="Deployments, ReplicaSets and StatefulSets can.",
            )
    named = await named_queries(session, selections, scope, everything=request.everything)
    if not named:
        raise NetemuError("no objects passed to scale")
    for query in named:
        await _check_current(session, query, request.current_replicas)
        await session.patch(query, {"spec": {"replicas": request.replicas}}, subresource="scale")
        print(f"{display_name(query.kind, query.name)} scaled", flush=True)


async def _check_current(session: Session, query: Query, expected: int | None) -> None:
    if expected is None:
        return
    (obj,) = await session.find(query)
    current = obj["spec"].get("replicas", 1)
    if current != expected:
        raise NetemuError(f"Expected replicas to be {expected}, was {current}")


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

    """
    try:
        async with asyncio.timeout(timeout_s):
            await _follow(session, selection, namespace, watch=watch)
    except TimeoutError as err:
        raise WaitTimeoutError("timed out waiting for the condition") from err


async def _follow(session: Session, selection: Selection, namespace: str, *, watch: bool) -> None:
    kind, name = selection.kind, selection.names[0]
    if kind not in (DEPLOYMENT, DAEMON_SET, STATEFUL_SET):
        raise UsageError(f"no status viewer has been implemented for {kind.kind}")
    said = ""
    async with aclosing(states(session, Query(kind=kind, namespace=namespace, name=name))) as seen:
        async for obj in seen:
            if obj is None:
                raise NotFoundError(f'{kind.key} "{name}" not found')
            done, text = rollout_progress(kind, obj)
            if text != said:
                print(text, flush=True)
            said = text
            if done or not watch:
                return


def rollout_progress(kind: Kind, obj: dict[str, Any]) -> tuple[bool, str]:
    """Say whether a rollout is at its end, in kubectl's words."""
    meta, spec, status = obj["metadata"], obj["spec"], obj.get("status") or {}
    name = meta["name"]
    if status.get("observedGeneration", 0) < meta.get("generation", 0):
        return False, f"Waiting for {kind.singular} spec update to be observed..."
    if kind is DAEMON_SET:
        wanted, updated = status.get("desiredNumberScheduled", 0), status.get("updatedNumberScheduled", 0)
        available, total = status.get("numberAvailable", 0), wanted
    else:
        wanted, updated = spec.get("replicas", 1), status.get("updatedReplicas", 0)
        total = status.get("replicas", 0)
        available = status.get("readyReplicas" if kind is STATEFUL_SET else "availableReplicas", 0)
    waiting = f'Waiting for {kind.singular} "{name}" rollout to finish: '
    if updated < wanted:
        return False, f"{waiting}{updated} out of {wanted} new replicas have been updated..."
    if total > updated:
        return False, f"{waiting}{total - updated} old replicas are pending termination..."
    if available < updated:
        return False, f"{waiting}{available} of {updated} updated replicas are available..."
    return True, f'{kind.singular} "{name}" successfully rolled out'
