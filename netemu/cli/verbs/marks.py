"""[IO] ``label`` and ``annotate``."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass

from netemu.api.client import Object
from netemu.cli.marks import Marks, plan_marks
from netemu.cli.resources import Query, Scope, Selection, UsageError
from netemu.cli.session import Session
from netemu.cli.tables import render_labels
from netemu.cli.verbs.apply import Report, WriteOptions
from netemu.cli.verbs.delete import named_queries


@dataclass(frozen=True, kw_only=True)
class MarkOptions:
    """How to mark objects; with ``listed`` their marks are printed as well."""

    overwrite: bool = False
    everything: bool = False
    listed: bool = False
    write: WriteOptions


async def mark(
    session: Session, selections: Sequence[Selection], scope: Scope, marks: Marks, options: MarkOptions
) -> None:
    """Change the labels or annotations of objects.

    Raises:
        UsageError: a key has a value already, or nothing is to be done.

    """
    if not marks.given and not marks.removed and not options.listed:
        raise UsageError(f"at least one {marks.field[:-1]} update is required")
    report = Report(options.write)
    for query in await named_queries(session, selections, scope, everything=options.everything):
        (obj,) = await session.find(query)
        changed = await _mark_one(session, query, obj, marks, options, report)
        if options.listed:
            print(f"Listing {marks.field} for {query.kind.kind}.{query.kind.version}/{query.name}:")
            print(render_labels(changed["metadata"].get(marks.field) or {}).replace(",", "\n "))
    report.finish()


async def _mark_one(
    session: Session, query: Query, obj: Object, marks: Marks, options: MarkOptions, report: Report
) -> Object:
    for key in marks.removed:
        if key not in (obj["metadata"].get(marks.field) or {}):
            print(f'{marks.field[:-1]} "{key}" not found.', file=sys.stderr)
    patch = plan_marks(obj, marks, overwrite=options.overwrite)
    if patch and options.write.dry_run != "client":
        obj = await session.patch(query, patch, dry_run=options.write.dry_run == "server")
    if marks.given or marks.removed:
        verb = marks.verb if patch or marks.field == "annotations" else f"not {marks.verb}"
        report.told(query.kind, query.name, obj, verb)
    return obj
