"""Text whose columns line up: cells end with a tab, neighbouring lines share their widths.

The rules are those of Go's text/tabwriter, which kubectl writes through: a column of
consecutive lines that have a cell there is as wide as its widest cell.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from netemu.clock import parse_rfc3339

PADDING = 2
SHORTEST_DASHES = 4  # "Age" has four of them


class Sheet:
    """Lines under construction; ``indent`` counts kubectl's two-space steps."""

    def __init__(self) -> None:
        self._lines: list[str] = []

    def write(self, indent: int, *cells: object) -> None:
        """Add a line; every cell but the last takes part in the alignment of its column."""
        self._lines.append("  " * indent + "\t".join(str(cell) for cell in cells))

    def table(self, indent: int, heads: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
        """Add a small table with dashes under its headings."""
        self.write(indent, *heads)
        self.write(indent, *("-" * max(len(head), SHORTEST_DASHES) for head in heads))
        for row in rows:
            self.write(indent, *row)

    def mapping(self, title: str, pairs: Mapping[str, Any], *, separator: str = "=", indent: int = 0) -> None:
        """Add labels or annotations: the first beside the title, the others below it."""
        texts = [f"{key}{separator}{value}" for key, value in sorted(pairs.items())] or ["<none>"]
        for head, text in zip([title, *[""] * len(texts)], texts, strict=False):
            self.write(indent, head, text)

    def render(self) -> str:
        """Align everything."""
        return "\n".join(align([line.split("\t") for line in self._lines])) + "\n"


def align(lines: Sequence[Sequence[str]]) -> list[str]:
    """Pad cells so that columns line up; the last cell of a line belongs to no column."""
    widths: list[list[int]] = [[0] * len(line) for line in lines]
    _measure(lines, widths, 0, 0, len(lines))
    return [
        "".join(cell.ljust(width) for cell, width in zip(line, row, strict=True)).rstrip()
        for line, row in zip(lines, widths, strict=True)
    ]


def render_time(text: str | None) -> str:
    """Render a timestamp as RFC 1123 in UTC."""
    if not text:
        return "<unset>"
    return datetime.fromtimestamp(parse_rfc3339(text), UTC).strftime("%a, %d %b %Y %H:%M:%S +0000")


def _measure(
    lines: Sequence[Sequence[str]], widths: list[list[int]], column: int, start: int, stop: int
) -> None:
    at = start
    while at < stop:
        if column >= len(lines[at]) - 1:
            at += 1
            continue
        end = at
        while end < stop and column < len(lines[end]) - 1:
            end += 1
        width = max(len(lines[i][column]) for i in range(at, end)) + PADDING
        for i in range(at, end):
            widths[i][column] = width
        _measure(lines, widths, column + 1, at, end)
        at = end
