"""``label`` and ``annotate``: ``KEY=VALUE`` and ``KEY-`` words, and what they change. Pure.

Source: https://kubernetes.io/docs/reference/kubectl/generated/kubectl_label/.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal, NamedTuple

from netemu.api.client import Object
from netemu.cli.resources import UsageError

Field = Literal["labels", "annotations"]


class Marks(NamedTuple):
    """What to set and what to remove."""

    field: Field
    given: Mapping[str, str]
    removed: tuple[str, ...]

    @property
    def verb(self) -> str:
        """What kubectl says of an object that was changed."""
        if self.field == "annotations":
            return "annotated"
        return "unlabeled" if self.removed and not self.given else "labeled"


def split_words(words: Sequence[str], field: Field) -> tuple[tuple[str, ...], Marks]:
    """Split words into those that name objects and those that say what to change.

    Raises:
        UsageError: nothing is to be changed, or one key is set and removed.

    """
    first = next((i for i, word in enumerate(words) if _is_mark(word)), len(words))
    given, removed = {}, []
    for word in words[first:]:
        key, equals, value = word.partition("=")
        if equals:
            given[key] = value
        elif word.endswith("-"):
            removed.append(word[:-1])
        else:
            raise UsageError("all resources must be specified before " + field[:-1] + f" changes: {word}")
    for key in removed:
        if key in given:
            raise UsageError(f"can not both modify and remove a {field[:-1]} in the same command")
    return tuple(words[:first]), Marks(field, given, tuple(removed))


def plan_marks(obj: Object, marks: Marks, *, overwrite: bool) -> Object:
    """Give the merge patch that makes an object so; empty when it is so already.

    Raises:
        UsageError: a key has another value, and may not be given a new one.

    """
    now = obj["metadata"].get(marks.field) or {}
    for key, value in marks.given.items():
        if not overwrite and now.get(key, value) != value:
            raise UsageError(f"'{key}' already has a value ({now[key]}), and --overwrite is false")
    changes: dict[str, str | None] = {k: v for k, v in marks.given.items() if now.get(k) != v}
    changes |= {key: None for key in marks.removed if key in now}
    return {"metadata": {marks.field: changes}} if changes else {}


def _is_mark(word: str) -> bool:
    return "=" in word or (word.endswith("-") and len(word) > 1)
