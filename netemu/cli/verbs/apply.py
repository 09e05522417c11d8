"""[IO] ``apply`` and ``create``: bring what files say to the API.

Every document is checked before the first request, and then by the API, which takes all of them
without keeping anything: a mistake in one of them changes nothing.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass

from netemu.api.errors import ApiError, BadRequestError, InvalidError, NotFoundError, UnavailableError
from netemu.api.kinds import NAMESPACE, Kind
from netemu.cli.applying import missing_annotation_warning, patch_type_of, plan_apply, with_last_applied
from netemu.cli.failures import render_failure
from netemu.cli.manifests import Document, located
from netemu.cli.output import Item, check_format, render
from netemu.cli.resources import Query, UsageError, display_name
from netemu.cli.session import Session

# What no other document of the same files can mend; a missing ServiceAccount, for one, is another's.
_FOR_GOOD = (BadRequestError, InvalidError)
_DRY_RUN_SUFFIX = {"": "", "none": "", "client": " (dry run)", "server": " (server dry run)"}


@dataclass(frozen=True, kw_only=True)
class WriteOptions:
    """How to write; ``dry_run`` is empty, ``client`` or ``server``."""

    dry_run: str = ""
    output: str = ""

    def __post_init__(self) -> None:
        """Refuse a way of trying that does not exist."""
        if self.dry_run not in _DRY_RUN_SUFFIX:
            raise UsageError(
                f'Invalid dry-run value ({self.dry_run}). Must be "none", "server", or "client".'
            )


def write_options(dry_run: str, output: str) -> WriteOptions:
    """Read how to write.

    Raises:
        UsageError: there is no such way, or no such format.

    """
    check_format(output)
    return WriteOptions(dry_run=dry_run, output=output)


class Report:
    """Tells what became of each object, and remembers whether all went well."""

    def __init__(self, options: WriteOptions) -> None:
        self._options = options
        self._items: list[Item] = []
        self.failed = False

    def done(self, document: Document, obj: dict[str, object], verb: str) -> None:
        """Tell of one object that a file describes."""
        self.told(document.kind, document.name, obj, verb)

    def told(self, kind: Kind, name: str, obj: dict[str, object], verb: str) -> None:
        """Tell of one object."""
        if self._options.output:
            self._items.append((kind, obj))
            return
        dry_run = _DRY_RUN_SUFFIX[self._options.dry_run]
        print(f"{display_name(kind, name)} {verb}{dry_run}", flush=True)

    def refused(self, document: Document, error: ApiError) -> None:
        """Tell of an object that the API did not take."""
        self.failed = True
        print(render_failure(located(document, error)), file=sys.stderr)

    def finish(self) -> bool:
        """Print what ``-o`` collected; true when all went well."""
        if self._items:
            sys.stdout.write(render(self._items, self._options.output, single=len(self._items) == 1))
        return not self.failed


async def apply(session: Session, documents: Sequence[Document], options: WriteOptions) -> bool:
    """Create or change objects as ``kubectl apply`` does; false when one was refused.

    Unlike kubectl, nothing is done when the API would refuse one of several.
    """
    report = Report(options)
    if len(documents) > 1 and options.dry_run in ("", "none"):
        await _try_all(session, documents, report)
    for document in () if report.failed else documents:
        try:
            await _apply_one(session, document, options, report)
        except UnavailableError:
            raise
        except ApiError as err:
            report.refused(document, err)
    return report.finish()


async def _try_all(session: Session, documents: Sequence[Document], report: Report) -> None:
    """Let the API take every document without keeping it, and tell what it refuses."""
    made = {document.name for document in documents if document.kind is NAMESPACE}
    silent = Report(WriteOptions(dry_run="server", output="name"))
    for document in documents:
        try:
            await _apply_one(session, document, WriteOptions(dry_run="server"), silent)
        except UnavailableError:
            raise
        except ApiError as err:
            needs_another = document.namespace in made or document.kind.custom is not None
            if isinstance(err, _FOR_GOOD) or (isinstance(err, NotFoundError) and not needs_another):
                report.refused(document, err)
    if report.failed:
        print("Nothing was changed.", file=sys.stderr)


async def create(session: Session, documents: Sequence[Document], options: WriteOptions) -> bool:
    """Create objects; false when one was refused."""
    report = Report(options)
    for document in documents:
        try:
            obj = document.obj
            if options.dry_run != "client":
                obj = await session.create(document.kind, obj, dry_run=options.dry_run == "server")
        except ApiError as err:
            report.refused(document, err)
        else:
            report.done(document.renamed(str(obj["metadata"]["name"])), obj, "created")
    return report.finish()


async def _apply_one(session: Session, document: Document, options: WriteOptions, report: Report) -> None:
    kind, dry_run = document.kind, options.dry_run == "server"
    query = Query(kind=kind, namespace=document.namespace, name=document.name)
    try:
        (live,) = await session.find(query)
    except NotFoundError:
        obj = with_last_applied(document.obj)
        if options.dry_run != "client":
            obj = await session.create(kind, obj, dry_run=dry_run)
        report.done(document, obj, "created")
        return
    if not dry_run and (warning := missing_annotation_warning(kind, live)):
        print(warning, file=sys.stderr)
    patch = plan_apply(kind, document.obj, live)
    if not patch:
        report.done(document, live, "unchanged")
        return
    if options.dry_run != "client":
        live = await session.patch(
            query,
            patch,
            patch_type=patch_type_of(kind),
            dry_run=dry_run,
        )
    report.done(document, live, "configured")
