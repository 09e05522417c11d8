"""The numbers of an Indexed Job's completions: as text in its status, and of its pods. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Set

from netemu.api.views.core import Pod

INDEX = "batch.kubernetes.io/job-completion-index"
"""An annotation and a label of each pod."""


def parse_indexes(text: str | None, completions: int) -> frozenset[int]:
    """Read ``1,3-5,7``; what is not below ``completions``, or no number, is left out."""
    found: set[int] = set()
    for part in (text or "").split(","):
        first, _, last = part.partition("-")
        if first.isdigit() and (last or first).isdigit():
            found.update(range(int(first), min(int(last or first), completions - 1) + 1))
    return frozenset(found)


def render_indexes(indexes: Iterable[int]) -> str:
    """Write indexes in order, three and more in a row as a range: ``1,3-5,7``."""
    runs: list[list[int]] = []
    for index in sorted(indexes):
        if runs and runs[-1][-1] == index - 1:
            runs[-1].append(index)
        else:
            runs.append([index])
    return ",".join(f"{run[0]}-{run[-1]}" if len(run) > 2 else ",".join(map(str, run)) for run in runs)


def index_of(pod: Pod) -> int | None:
    """Give the completion that a pod works at; ``None`` if it says none."""
    text = pod.metadata.annotations.get(INDEX, "")
    return int(text) if text.isdigit() else None


def first_free(taken: Set[int], completions: int, count: int) -> list[int]:
    """Give the lowest indexes that nobody works at and that are not done, at most ``count``."""
    free: list[int] = []
    for index in range(completions):
        if len(free) == count:
            break
        if index not in taken:
            free.append(index)
    return free
