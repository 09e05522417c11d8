"""[IO] ``scale`` and ``rollout status``."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import aclosing
from typing import Any

from netemu.api.errors import NotFoundError
from netemu.api.kinds import DAEMON_SET, DEPLOYMENT, STATEFUL_SET, Kind
from netemu.cli.resources import Query, Scope, Selection, UsageError, display_name, queries
from netemu.cli.session import Session
from netemu.cli.verbs.watching import states


async def scale(session: Session, selections: Sequence[Selection], namespace: str, replicas: int) -> None:
    """Set how many replicas each object has."""
    for selection in selections:
        if "scale" not in selection.kind.subresources:
            raise UsageError(
                f"{selection.kind.resource} cannot be scaled",
                hint="Deployments, ReplicaSets and StatefulSets can.",
            )
        for query in queries(selection, Scope(namespace=namespace)):
            await session.patch(query, {"spec": {"replicas": replicas}}, subresource="scale")
            print(f"{display_name(query.kind, query.name)} scaled", flush=True)


async def rollout_status(session: Session, selection: Selection, namespace: str) -> None:
    """Follow a rollout to its end, telling what it waits for."""
    kind, name = selection.kind, selection.names[0]
    if kind not in (DEPLOYMENT, DAEMON_SET, STATEFUL_SET):
        raise UsageError(f"{kind.resource} have no rollout")
    said = ""
    async with aclosing(states(session, Query(kind=kind, namespace=namespace, name=name))) as seen:
        async for obj in seen:
            if obj is None:
                raise NotFoundError(f'{kind.key} "{name}" not found')
            done, text = rollout_progress(kind, obj)
            if text != said:
                print(text, flush=True)
            said = text
            if done:
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
