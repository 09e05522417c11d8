"""[IO] ``expose``."""

from __future__ import annotations

from netemu.api.kinds import SERVICE
from netemu.cli.generate import ServiceOptions, service
from netemu.cli.manifests import document_of
from netemu.cli.resources import Query, Selection
from netemu.cli.session import Session
from netemu.cli.target import Target
from netemu.cli.verbs.apply import Report, WriteOptions


async def expose(
    session: Session, selection: Selection, target: Target, options: ServiceOptions, write: WriteOptions
) -> None:
    """Make a Service for an object."""
    query = Query(kind=selection.kind, namespace=target.namespace_or_default, name=selection.names[0])
    (obj,) = await session.find(query)
    made = service(selection.kind, obj, options)
    if write.dry_run != "client":
        made = await session.create(SERVICE, made, dry_run=write.dry_run == "server")
    report = Report(write)
    report.done(document_of(SERVICE, made), made, "exposed")
    report.finish()
