"""The columns of Deployments, ReplicaSets, DaemonSets and StatefulSets. Pure."""

from __future__ import annotations

from netemu.api.client import Object
from netemu.apiserver.columns.column import (
    AGE,
    NAME,
    NONE,
    Column,
    column,
    count,
    field,
    joined,
    labels_text,
    number,
)
from netemu.apiserver.subresources import render_selector


def _containers(obj: Object) -> list[dict[str, str]]:
    return field(obj, "spec", "template", "spec", "containers") or []


def _selector(obj: Object) -> str:
    return render_selector(field(obj, "spec", "selector") or {}) or NONE


_TEMPLATE = (
    column("Containers", lambda obj: joined(c["name"] for c in _containers(obj)), wide=True),
    column("Images", lambda obj: joined(c.get("image", "") for c in _containers(obj)), wide=True),
)
_SELECTOR = column("Selector", _selector, wide=True)


def _ready_of_wanted(obj: Object) -> str:
    return f"{number(obj, 'status', 'readyReplicas')}/{number(obj, 'spec', 'replicas')}"


DEPLOYMENTS: tuple[Column, ...] = (
    NAME,
    column("Ready", _ready_of_wanted),
    count("Up-to-date", lambda obj: number(obj, "status", "updatedReplicas")),
    count("Available", lambda obj: number(obj, "status", "availableReplicas")),
    AGE,
    *_TEMPLATE,
    _SELECTOR,
)
REPLICA_SETS: tuple[Column, ...] = (
    NAME,
    count("Desired", lambda obj: number(obj, "spec", "replicas")),
    count("Current", lambda obj: number(obj, "status", "replicas")),
    count("Ready", lambda obj: number(obj, "status", "readyReplicas")),
    AGE,
    *_TEMPLATE,
    _SELECTOR,
)
DAEMON_SETS: tuple[Column, ...] = (
    NAME,
    count("Desired", lambda obj: number(obj, "status", "desiredNumberScheduled")),
    count("Current", lambda obj: number(obj, "status", "currentNumberScheduled")),
    count("Ready", lambda obj: number(obj, "status", "numberReady")),
    count("Up-to-date", lambda obj: number(obj, "status", "updatedNumberScheduled")),
    count("Available", lambda obj: number(obj, "status", "numberAvailable")),
    column("Node Selector", lambda obj: labels_text(field(obj, "spec", "template", "spec", "nodeSelector"))),
    AGE,
    *_TEMPLATE,
    _SELECTOR,
)
STATEFUL_SETS: tuple[Column, ...] = (NAME, column("Ready", _ready_of_wanted), AGE, *_TEMPLATE)
