"""Print tables as kubectl does: upper-case headings, columns three spaces apart.

The API renders the cells (``meta.k8s.io/v1`` Table); this only chooses and aligns columns.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from msgspec import Struct, field

from netemu.api.kinds import Kind
from netemu.cli.resources import typed_word

Row = tuple[str, ...]

PADDING = 3
NARROWEST = 6
"""kubectl's columns are no narrower than this, their padding counted."""
TABLE_ACCEPT = "application/json;as=Table;v=v1;g=meta.k8s.io"


class TableOptions(Struct, frozen=True, kw_only=True):
    """Which columns a user wants; ``kind_prefix`` is for several kinds in one answer."""

    wide: bool = False
    namespace: bool = False
    kind_prefix: bool = False
    show_labels: bool = False
    label_columns: tuple[str, ...] = ()
    headings: bool = True


class TableRows(Struct):
    """The lines of one table, as wide as what was seen so far.

    A watch prints row after row: a column never gets narrower again.
    """

    widths: list[int] = field(default_factory=list)

    def render(self, rows: Iterable[Row]) -> list[str]:
        """Align rows; the last column is not padded."""
        chosen = list(rows)
        for row in chosen:
            self.widths += [0] * (len(row) - len(self.widths))
            self.widths = [max(w, len(cell)) for w, cell in zip(self.widths, row, strict=False)]
        return [self._line(row) for row in chosen]

    def _line(self, row: Row) -> str:
        cells = [
            cell.ljust(max(width + PADDING, NARROWEST)) for cell, width in zip(row, self.widths, strict=False)
        ]
        return "".join(cells).rstrip()


def render_rows(rows: Iterable[Row]) -> list[str]:
    """Align rows once."""
    return TableRows().render(rows)


def headings(table: Mapping[str, Any], options: TableOptions) -> Row:
    """Give the headings of a Table."""
    names = [table["columnDefinitions"][i]["name"].upper() for i in _columns(table, options)]
    labels = [key.rpartition("/")[2].upper() for key in options.label_columns]
    return (
        *(["NAMESPACE"] if options.namespace else []),
        *names,
        *labels,
        *(["LABELS"] if options.show_labels else []),
    )


def rows(table: Mapping[str, Any], kind: Kind, options: TableOptions) -> list[Row]:
    """Give the rows of a Table."""
    columns = _columns(table, options)
    return [_row(row, columns, kind, options) for row in table.get("rows") or ()]


def render_labels(labels: Mapping[str, str]) -> str:
    """Render ``a=b,c=d``, or ``<none>``."""
    return ",".join(f"{key}={value}" for key, value in sorted(labels.items())) or "<none>"


def _columns(table: Mapping[str, Any], options: TableOptions) -> Sequence[int]:
    definitions = table.get("columnDefinitions") or ()
    return [i for i, column in enumerate(definitions) if options.wide or not column.get("priority", 0)]


def _row(row: Mapping[str, Any], columns: Sequence[int], kind: Kind, options: TableOptions) -> Row:
    meta = row["object"]["metadata"]
    labels = meta.get("labels") or {}
    cells = [_cell(row["cells"][i]) for i in columns]
    if options.kind_prefix and cells:
        cells[0] = f"{typed_word(kind)}/{cells[0]}"
    return (
        *([meta.get("namespace", "")] if options.namespace else []),
        *cells,
        *(labels.get(key, "") for key in options.label_columns),
        *([render_labels(labels)] if options.show_labels else []),
    )


def _cell(value: Any) -> str:
    return "" if value is None else str(value)
