"""The columns of FlowSchemas and PriorityLevelConfigurations. Pure."""

from __future__ import annotations

from netemu.api.client import Object
from netemu.apiserver.columns.column import AGE, NAME, NONE, Cell, Column, column, count, field, number


def _dangling(schema: Object) -> str:
    conditions = field(schema, "status", "conditions") or ()
    return next((str(c.get("status")) for c in conditions if c["type"] == "Dangling"), "?")


def _shares(level: Object) -> Cell:
    spec = level.get("spec") or {}
    own = spec.get("limited") or spec.get("exempt") or {}
    shares: Cell = own.get("nominalConcurrencyShares", NONE)
    return shares


def _queuing(level: Object, name: str) -> Cell:
    value: Cell = field(level, "spec", "limited", "limitResponse", "queuing", name)
    return NONE if value is None else value


FLOW_SCHEMAS: tuple[Column, ...] = (
    NAME,
    column("PriorityLevel", lambda obj: field(obj, "spec", "priorityLevelConfiguration", "name") or ""),
    count("MatchingPrecedence", lambda obj: number(obj, "spec", "matchingPrecedence")),
    column("DistinguisherMethod", lambda obj: field(obj, "spec", "distinguisherMethod", "type") or NONE),
    AGE,
    column("MissingPL", _dangling),
)
PRIORITY_LEVELS: tuple[Column, ...] = (
    NAME,
    column("Type", lambda obj: field(obj, "spec", "type") or ""),
    column("NominalConcurrencyShares", _shares),
    column("Queues", lambda obj: _queuing(obj, "queues")),
    column("HandSize", lambda obj: _queuing(obj, "handSize")),
    column("QueueLengthLimit", lambda obj: _queuing(obj, "queueLengthLimit")),
    AGE,
)
