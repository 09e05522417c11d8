"""What was measured, and how it is shown."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Literal


class MeasurementError(Exception):
    """Something could not be measured; the message says why."""


@dataclass(frozen=True, kw_only=True)
class Result:
    """One number with its aim, if there is one; ``detail`` holds what it was made from."""

    name: str
    measured: float
    unit: str
    aim: float | None = None
    better: Literal["lower", "higher"]
    detail: dict[str, Any] = field(default_factory=dict)

    @property
    def is_met(self) -> bool | None:
        """Tell whether the aim is reached; ``None`` without one."""
        if self.aim is None:
            return None
        return self.measured <= self.aim if self.better == "lower" else self.measured >= self.aim


Measurement = Callable[[], Sequence[Result]]


def to_json(result: Result) -> dict[str, Any]:
    """Give a result as JSON can hold it."""
    return {**asdict(result), "met": result.is_met}


def render_table(results: Sequence[Result]) -> str:
    """Render results for people."""
    header = ("measurement", "measured", "aim", "", "made from")
    rows = [header, *(_row(result) for result in results)]
    widths = [max(len(row[column]) for row in rows) for column in range(4)]
    lines = (
        "  ".join((*(cell.ljust(width) for cell, width in zip(row, widths, strict=False)), row[4]))
        for row in rows
    )
    return "\n".join(line.rstrip() for line in lines)


def _row(result: Result) -> tuple[str, str, str, str, str]:
    sign = "≤" if result.better == "lower" else "≥"
    detail = ", ".join(f"{key} {_short(value)}" for key, value in result.detail.items())
    return (
        result.name,
        f"{_short(result.measured)} {result.unit}",
        "" if result.aim is None else f"{sign} {_short(result.aim)} {result.unit}",
        {True: "met", False: "missed", None: ""}[result.is_met],
        detail,
    )


def _short(value: Any) -> str:
    if not isinstance(value, float):
        return str(value)
    return f"{value:.3g}" if abs(value) < 1000 else f"{value:,.0f}"
