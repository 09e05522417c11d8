"""[IO] Find the pods that a command means: a name, ``TYPE/NAME``, or labels."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any

from netemu.api.kinds import POD, SERVICE
from netemu.cli.resources import Query, Selection, UsageError
from netemu.cli.session import Session
from netemu.errors import NetemuError

Object = dict[str, Any]


class NoPodError(NetemuError):
    """Nothing that was named has a pod, or the pod has no such container."""

    code = "CLI_NO_POD"


async def pod_for(session: Session, selection: Selection, namespace: str, *, tell: bool = False) -> Object:
    """Give the pod itself, or one of the pods of a workload or Service; ``tell`` which of several."""
    name = selection.names[0]
    query = Query(kind=selection.kind, namespace=namespace, name=name)
    obj = (await session.find(query))[0]
    if selection.kind is POD:
        return obj
    pods = (
        await session.list(Query(kind=POD, namespace=namespace, label_selector=_selector(selection, obj)))
    ).items
    if not pods:
        raise NoPodError(f"{selection.kind.singular} {name!r} has no pods")
    chosen = min(pods, key=_rank)
    if tell and len(pods) > 1:
        print(f"Found {len(pods)} pods, using pod/{chosen['metadata']['name']}", file=sys.stderr)
    return chosen


def container_of(pod: Object, wanted: str) -> str:
    """Choose a container: the one named, or the first, telling that there are others.

    Raises:
        NoPodError: the pod has none of that name.

    """
    spec = pod["spec"]
    names = [container["name"] for container in spec["containers"]]
    others = (*(spec.get("initContainers") or ()), *(spec.get("ephemeralContainers") or ()))
    initial = [container["name"] for container in others]
    if wanted:
        if wanted not in names + initial:
            raise NoPodError(
                f"container {wanted} is not valid for pod {pod['metadata']['name']}",
                hint="Its containers: " + ", ".join(names + initial),
            )
        return wanted
    if len(names) > 1:
        print(f'Defaulted container "{names[0]}" out of: {", ".join(names + initial)}', file=sys.stderr)
    return str(names[0])


def _selector(selection: Selection, obj: Mapping[str, Any]) -> str:
    selector = (obj.get("spec") or {}).get("selector") or {}
    labels = selector if selection.kind is SERVICE else selector.get("matchLabels")
    if not labels:
        raise UsageError(f"{selection.kind.singular} {selection.names[0]!r} selects no pods by labels")
    return ",".join(f"{key}={value}" for key, value in sorted(labels.items()))


def _rank(pod: Mapping[str, Any]) -> tuple[bool, str]:
    running = (pod.get("status") or {}).get("phase") == "Running"
    return (not running or "deletionTimestamp" in pod["metadata"], pod["metadata"]["name"])
