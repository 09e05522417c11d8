"""Numbers that others collect, in Prometheus' text format (version 0.0.4). Pure.

The official client library keeps a registry for each process and imports an HTTP server: with all parts
of a cluster in one process, each tells of its own, and of nothing while nobody asks.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

CONTENT_TYPE = "text/plain; version=0.0.4"


class Metric(NamedTuple):
    """One metric: its values by labels that are written already."""

    name: str
    type: str
    help: str
    values: Iterable[tuple[str, float]]


class Histogram:
    """How often something took how long: numbers of observations up to each bound, and their sum."""

    __slots__ = ("_bounds", "_counts", "_sum")

    def __init__(self, bounds: tuple[float, ...]) -> None:
        self._bounds = bounds
        self._counts = [0] * (len(bounds) + 1)
        self._sum = 0.0

    def observe(self, value: float) -> None:
        """Count a value in."""
        self._counts[bisect_left(self._bounds, value)] += 1
        self._sum += value

    def values(self, given: Mapping[str, str]) -> Iterator[tuple[str, float]]:
        """Give the values of a metric of the type histogram, with the labels that are given."""
        total = 0
        for bound, count in zip((*map(_number, self._bounds), "+Inf"), self._counts, strict=True):
            total += count
            yield "_bucket" + labels({**given, "le": bound}), total
        yield "_sum" + labels(given), self._sum
        yield "_count" + labels(given), total


def labels(values: Mapping[str, str]) -> str:
    """Write labels; their values have nothing in them that must be escaped."""
    return "{" + ",".join(f'{name}="{value}"' for name, value in values.items()) + "}" if values else ""


def render_metrics(metrics: Iterable[Metric]) -> str:
    """Write metrics for whoever collects them."""
    return "".join(line for metric in metrics for line in _lines(metric))


def _lines(metric: Metric) -> Iterator[str]:
    yield f"# HELP {metric.name} {metric.help}\n# TYPE {metric.name} {metric.type}\n"
    for written, value in metric.values:
        yield f"{metric.name}{written} {_number(value)}\n"


def _number(value: float) -> str:
    return str(int(value)) if value == int(value) else str(value)
