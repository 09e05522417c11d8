"""[IO] ``scale``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from netemu.cli.resources import Query, Scope, Selection, UsageError, display_name
from netemu.cli.session import Session
from netemu.cli.verbs.delete import named_queries
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
                hint="Deployments, ReplicaSets, ReplicationControllers and StatefulSets can.",
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
