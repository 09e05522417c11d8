"""[IO] The record of what a cluster made on this machine: a file per thing, written first.

``<run>/record/netns/<name>``, ``…/process/<name>``, ``…/link/<name>``. What is in the record may
or may not exist (the writer may have died in between); what is not in it is not ours.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

import msgspec

from netemu.linux.files import overwrite_small, read_small, write_small

RecordKind = Literal["netns", "process", "link", "directory", "cgroup"]


class Record:
    """The things that one cluster made, by kind and name; every method is idempotent."""

    def __init__(self, run: Path) -> None:
        self._root = run / "record"

    def add(self, kind: RecordKind, name: str, facts: dict[str, Any] | None = None) -> None:
        """Note that ``name`` is about to be made, with what is needed to find its owner again."""
        path = self._root / kind / name
        data = msgspec.json.encode(facts or {})
        try:
            write_small(path, data)
        except FileNotFoundError:
            path.parent.mkdir(parents=True, exist_ok=True)
            write_small(path, data)

    def extend(self, kind: RecordKind, name: str, facts: dict[str, Any]) -> None:
        """Say more about ``name``: ``facts`` are those that it has, and then others."""
        overwrite_small(self._root / kind / name, msgspec.json.encode(facts))

    def remove(self, kind: RecordKind, name: str) -> None:
        """Note that ``name`` is gone."""
        (self._root / kind / name).unlink(missing_ok=True)

    def facts(self, kind: RecordKind, name: str) -> dict[str, Any] | None:
        """Read what was noted about ``name``; ``None`` when it is not in the record.

        Empty when its writer died before it could say more than the name.
        """
        path = self._root / kind / name
        data = read_small(path)
        if not data:
            return {} if path.exists() else None
        return msgspec.json.decode(data)  # type: ignore[no-any-return]

    def entries(self, kind: RecordKind) -> Iterator[tuple[str, dict[str, Any]]]:
        """Yield every name of a kind with its facts."""
        try:
            names = sorted(os.listdir(self._root / kind))
        except FileNotFoundError:
            return
        for name in names:
            facts = self.facts(kind, name)
            if facts is not None:
                yield name, facts
