"""Packed answers by the bytes of the query that got them, taken back by what they depend on."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import cycle

MAX_ANSWERS = 8192


class AnswerCache:
    """Answers without their id, by queries without theirs.

    Each query has one or more answers that take turns (the same addresses in another order).
    A look-up costs one dictionary access; taking back costs what is taken back. When it is full
    it starts anew: names that are asked for come back at once.
    """

    def __init__(self, most: int = MAX_ANSWERS) -> None:
        self._answers: dict[bytes, Iterator[bytes]] = {}
        self._by_tag: dict[str, set[bytes]] = {}
        self._most = most

    def __len__(self) -> int:
        return len(self._answers)

    def find(self, query: bytes) -> bytes | None:
        """Give the answer whose turn it is; both without the two bytes of the id."""
        turns = self._answers.get(query)
        return None if turns is None else next(turns)

    def add(self, query: bytes, answers: Iterable[bytes], tags: Iterable[str]) -> None:
        """Keep the answers to a query until one of ``tags`` is taken back."""
        if len(self._answers) >= self._most:
            self.clear()
        self._answers[query] = cycle(answers)
        for tag in tags:
            self._by_tag.setdefault(tag, set()).add(query)

    def take_back(self, tags: Iterable[str]) -> None:
        """Forget every answer that depends on one of ``tags``."""
        for tag in tags:
            for query in self._by_tag.pop(tag, ()):
                self._answers.pop(query, None)

    def clear(self) -> None:
        """Forget everything."""
        self._answers.clear()
        self._by_tag.clear()
