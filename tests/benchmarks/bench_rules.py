"""Services from the store into one node's kernel: the first time, and one change after that.

Beside it, the other design on the same kernel (``chains.py``), and what Kubernetes' own kube-proxy 1.36.2
takes in nftables mode on a machine of 2 cores.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from made_services import ENDPOINTS
from progress import say
from results import Result
from workers import Worker, run, working

SIZES = (10, 100, 1_000, 10_000, 50_000)
CHAINS = (1_000, 10_000)
BIG_SERVICE = 5_000
FIRST_SYNCS = 3
SYNCED_ONCE = 50_000  # from so many Services on: it takes a while
ROUNDS = 15
FIRST_SYNC_AIMS_S = {1_000: 0.2, 10_000: 1.0}
CHANGE_AIMS_MS = {10_000: 10.0}
MEMORY_AIMS_MB = {10_000: 150.0}
KUBE_PROXY = {
    1_000: {"first_sync": "0.9 s", "change": "0.2 s"},
    10_000: {"first_sync": "41.5 s", "change": "3.9 to 4.8 s", "memory": "203 to 296 MB"},
}


@dataclass(frozen=True)
class _Row:
    """One size, with the program that has it in its kernel, and how its first syncs went."""

    count: int
    worker: Worker
    first_syncs_s: list[float]


def measure() -> Sequence[Result]:
    """Bring all sizes into kernels, one after the other, then change each in turns."""
    with tempfile.TemporaryDirectory() as made, ExitStack() as stack:  # the workers end before their files go
        rows = [_sync(count, ENDPOINTS, Path(made), stack) for count in SIZES]
        big = _sync(1, BIG_SERVICE, Path(made), stack)
        chains = [_chain(count, stack) for count in CHAINS]
        changes_ms = _changes([*rows, big, *chains])
        return [
            *_first_syncs(rows, big, chains),
            *_change_results(rows, big, chains, changes_ms),
            *(_memory(row) for row in rows),
            _join(rows[-1]),
        ]


def _sync(count: int, endpoints: int, made: Path, stack: ExitStack) -> _Row:
    """Sync one size some times; the last program stays."""
    directory = made / f"{count}-{endpoints}"
    directory.mkdir()
    store = str(directory / "store.db")
    say(f"{count:,} Services with {endpoints:,} endpoints: writing them into a store …")
    run("pipeline.py", "fill", store, str(count), str(endpoints))
    took_s = []
    for _ in range(1 if count >= SYNCED_ONCE else FIRST_SYNCS - 1):
        with working("pipeline.py", "serve", store) as worker:
            took_s.append(float(worker.first["first_sync_s"]))
    worker = stack.enter_context(working("pipeline.py", "serve", store))
    took_s.append(float(worker.first["first_sync_s"]))
    say(f"{count:,} Services with {endpoints:,} endpoints: {median(took_s):.3g} s into the kernel")
    return _Row(count, worker, took_s)


def _chain(count: int, stack: ExitStack) -> _Row:
    say(f"{count:,} Services, a chain for each (50,000 would take minutes: skipped) …")
    worker = stack.enter_context(working("chains.py", str(count)))
    say(f"{count:,} Services, a chain for each: {worker.first['first_sync_s']:.3g} s into the kernel")
    return _Row(count, worker, [worker.first["first_sync_s"]])


def _changes(rows: Sequence[_Row]) -> list[float]:
    """Give the median milliseconds of one change of each, measured in turns."""
    say(f"one change at a time, {ROUNDS} of each …")
    rounds = [[row.worker.ask("change") for row in rows] for _ in range(ROUNDS)]
    return [median(values) for values in zip(*rounds, strict=True)]


def _first_syncs(rows: Sequence[_Row], big: _Row, chains: Sequence[_Row]) -> Iterator[Result]:
    by_chains_s = {row.count: median(row.first_syncs_s) for row in chains}
    for row in rows:
        first = row.worker.first
        detail = {"cpu_s": first["cpu_s"], "store_s": first["store_s"], "loop_late_ms": first["loop_late_ms"]}
        yield Result(
            name=f"first sync, {row.count:,} Services",
            measured=median(row.first_syncs_s),
            unit="s",
            aim=FIRST_SYNC_AIMS_S.get(row.count),
            better="lower",
            detail={**detail, **_beside(row.count, "first_sync", by_chains_s, "s")},
        )
    yield Result(
        name=f"first sync, one Service with {BIG_SERVICE:,} endpoints",
        measured=median(big.first_syncs_s),
        unit="s",
        better="lower",
    )


def _change_results(
    rows: Sequence[_Row], big: _Row, chains: Sequence[_Row], took_ms: Sequence[float]
) -> Iterator[Result]:
    by_size = {row.count: ms for row, ms in zip(rows, took_ms, strict=False)}
    by_chains_ms = {row.count: ms for row, ms in zip(chains, took_ms[len(rows) + 1 :], strict=True)}
    for count, ms in by_size.items():
        yield Result(
            name=f"one endpoint changes, {count:,} Services",
            measured=ms,
            unit="ms",
            aim=CHANGE_AIMS_MS.get(count),
            better="lower",
            detail=_beside(count, "change", by_chains_ms, "ms"),
        )
    yield Result(
        name=f"one of {big.count * BIG_SERVICE:,} endpoints of one Service changes",
        measured=took_ms[len(rows)],
        unit="ms",
        better="lower",
    )
    yield Result(
        name="one change at 10,000 Services against 100",
        measured=by_size[10_000] / by_size[100],
        unit="×",
        aim=1.5,
        better="lower",
        detail={"50,000_against_100": by_size[50_000] / by_size[100]},
    )


def _beside(count: int, what: str, by_chains: dict[int, float], unit: str) -> dict[str, object]:
    detail: dict[str, object] = {}
    if count in by_chains:
        detail[f"chain_per_service_{unit}"] = by_chains[count]
    if what in KUBE_PROXY.get(count, {}):
        detail["kube_proxy_1.36.2"] = KUBE_PROXY[count][what]
    return detail


def _memory(row: _Row) -> Result:
    return Result(
        name=f"memory of store, API and proxy, {row.count:,} Services",
        measured=row.worker.ask("memory"),
        unit="MB PSS",
        aim=MEMORY_AIMS_MB.get(row.count),
        better="lower",
        detail=_beside(row.count, "memory", {}, ""),
    )


def _join(row: _Row) -> Result:
    say(f"one more node at {row.count:,} Services …")
    return Result(
        name=f"one more node joins, {row.count:,} Services",
        measured=row.worker.ask("join"),
        unit="s",
        better="lower",
    )
