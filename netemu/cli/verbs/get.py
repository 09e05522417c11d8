"""[IO] ``get``: tables, objects, and rows as they change."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any

from msgspec import Struct, field
from msgspec.structs import replace

from netemu.api.client import Object
from netemu.api.errors import NotFoundError
from netemu.cli.failures import render_failure
from netemu.cli.output import CUSTOM_COLUMNS, TABLE_FORMATS, Item, render, without_managed_fields
from netemu.cli.resources import Query, Scope, Selection, UsageError, queries
from netemu.cli.session import Session
from netemu.cli.tables import TableOptions, TableRows, headings, render_rows, rows


class GetRequest(Struct, frozen=True, kw_only=True):
    """What to show, of what, and how."""

    selections: tuple[Selection, ...]
    scope: Scope
    output: str = ""
    watch: bool = False
    watch_only: bool = False
    ignore_not_found: bool = False
    show_managed_fields: bool = False
    sort_by: str = ""
    table: TableOptions = field(default_factory=TableOptions)


async def get(session: Session, request: GetRequest) -> bool:
    """Print what was asked for; false when something that was named is not there."""
    if request.watch and (len(request.selections) != 1 or len(request.selections[0].names) > 1):
        raise UsageError("you may only specify a single resource type when watching")
    if request.watch:
        await _watch(session, request)
        return True
    missing = _Missing(ignored=request.ignore_not_found)
    if request.output in TABLE_FORMATS:
        await _print_tables(session, request, missing)
    else:
        await _print_objects(session, request, missing)
    return missing.tell()


class _Missing:
    """What was named and is not there: kubectl prints what it found first, then these."""

    def __init__(self, *, ignored: bool) -> None:
        self._ignored = ignored
        self._errors: list[NotFoundError] = []

    async def objects(self, session: Session, query: Query) -> list[Object]:
        """Read a query's objects."""
        try:
            return await session.find(query)
        except NotFoundError as err:
            self._errors.append(err)
            return []

    async def tables(self, session: Session, query: Query, *, whole: bool) -> list[Object]:
        """Read a query's objects as a Table."""
        try:
            return [await session.table(query, whole=whole)]
        except NotFoundError as err:
            self._errors.append(err)
            return []

    def any(self) -> bool:
        """Tell whether something is missing."""
        return bool(self._errors)

    def tell(self) -> bool:
        """Print what is missing; true when nothing is, or when that does not matter."""
        for error in () if self._ignored else self._errors:
            print(render_failure(error), file=sys.stderr)
        return self._ignored or not self._errors


async def _print_objects(session: Session, request: GetRequest, missing: _Missing) -> None:
    items: list[Item] = []
    for selection in request.selections:
        for query in queries(selection, request.scope):
            items += [(selection.kind, obj) for obj in await missing.objects(session, query)]
    named = sum(len(selection.names) for selection in request.selections)
    single = named == 1 and len(request.selections) == 1
    if missing.any() and not items:
        return
    if request.sort_by:
        from netemu.cli.columns import sort_key

        key = sort_key(request.sort_by)
        items.sort(key=lambda item: key(item[1]))
    if request.output.startswith(CUSTOM_COLUMNS):
        _print_custom(request, [obj for _, obj in items])
        return
    if not request.show_managed_fields:
        items = [(kind, without_managed_fields(obj)) for kind, obj in items]
    sys.stdout.write(render(items, request.output, single=single))


def _print_custom(request: GetRequest, objects: Sequence[Object]) -> None:
    from netemu.cli.columns import custom_rows, parse_columns

    columns = parse_columns(request.output.removeprefix(CUSTOM_COLUMNS))
    print("\n".join(render_rows(custom_rows(columns, objects, headings=request.table.headings))))


async def _print_tables(session: Session, request: GetRequest, missing: _Missing) -> None:
    options = replace(request.table, kind_prefix=len(request.selections) > 1)
    blocks = []
    for selection in request.selections:
        table_options = replace(options, namespace=options.namespace and selection.kind.namespaced)
        tables = [
            table
            for query in queries(selection, request.scope)
            for table in await missing.tables(session, query, whole=bool(request.sort_by))
        ]
        if tables and request.sort_by:
            tables = [_sorted(tables, request.sort_by)]
        lines = _lines(tables, selection, table_options)
        if lines:
            blocks.append("\n".join(lines))
    if blocks:
        print("\n\n".join(blocks))
    elif not missing.any() and not request.ignore_not_found:
        print(nothing_found(request.selections, request.scope), file=sys.stderr)


def _sorted(tables: Sequence[Object], path: str) -> Object:
    """Make one Table of several, in the order of what is at a path."""
    from netemu.cli.columns import sort_key

    key = sort_key(path)
    all_rows = [row for table in tables for row in table.get("rows") or ()]
    return {**tables[0], "rows": sorted(all_rows, key=lambda row: key(row["object"]))}


def nothing_found(selections: Sequence[Selection], scope: Scope) -> str:
    """Say that there is nothing, and where."""
    if scope.namespace and any(selection.kind.namespaced for selection in selections):
        return f"No resources found in {scope.namespace} namespace."
    return "No resources found"


def _lines(tables: Sequence[dict[str, Any]], selection: Selection, options: TableOptions) -> list[str]:
    body = [row for table in tables for row in rows(table, selection.kind, options)]
    if not body:
        return []
    return render_rows([headings(tables[0], options), *body] if options.headings else body)


async def show_raw(session: Session, path: str) -> None:
    """Print whatever the API has at a path.

    Raises:
        UsageError: it is no path.

    """
    if not path.startswith("/"):
        raise UsageError("--raw must be a valid URL path", hint="For example: --raw /healthz")
    sys.stdout.buffer.write(await session.read(path))
    sys.stdout.flush()


async def _watch(session: Session, request: GetRequest) -> None:
    """Print what is there, then every change, until interrupted."""
    selection = request.selections[0]
    (query,) = queries(selection, request.scope)
    options = replace(request.table, namespace=request.table.namespace and selection.kind.namespaced)
    printer = _WatchPrinter(request, selection, options)
    if request.output in TABLE_FORMATS:
        table = await session.table(query)
        if not request.watch_only:
            printer.show_table(table)
        revision = table["metadata"]["resourceVersion"]
        async for event in session.watch(query, revision=revision, as_table=True):
            printer.show_table(event.object)
        return
    listing = await session.list(query)
    for obj in () if request.watch_only else listing.items:
        printer.show_object(obj)
    async for event in session.watch(query, revision=str(listing.revision)):
        printer.show_object(event.object)


class _WatchPrinter:
    """Prints rows whose columns keep their widths; the headings once."""

    def __init__(self, request: GetRequest, selection: Selection, options: TableOptions) -> None:
        self._request = request
        self._selection = selection
        self._options = options
        self._rows = TableRows()
        self._definitions: list[dict[str, Any]] = []

    def show_table(self, table: dict[str, Any]) -> None:
        """Print the rows of a table; later ones of a watch may lack the column definitions."""
        body_only = bool(self._definitions)
        self._definitions = table.get("columnDefinitions") or self._definitions
        table = {**table, "columnDefinitions": self._definitions}
        body = rows(table, self._selection.kind, self._options)
        if not body:
            self._definitions = self._definitions if body_only else []
            return
        heads = [] if body_only or not self._options.headings else [headings(table, self._options)]
        for line in self._rows.render([*heads, *body]):
            print(line, flush=True)

    def show_object(self, obj: dict[str, Any]) -> None:
        """Print one object."""
        if not self._request.show_managed_fields:
            obj = without_managed_fields(obj)
        text = render([(self._selection.kind, obj)], self._request.output, single=True)
        print("---\n" * (self._request.output == "yaml") + text.rstrip("\n"), flush=True)
