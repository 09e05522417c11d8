"""What a store can fail with."""

from __future__ import annotations

from netemu.errors import NetemuError
from netemu.naming import Revision


class StoreError(NetemuError):
    """The store's file cannot be used."""

    code = "STORE_UNUSABLE"


class CompareFailedError(NetemuError):
    """A write expected another revision of its key; ``current`` is 0 when the key does not exist."""

    code = "STORE_COMPARE_FAILED"

    def __init__(self, key: str, expected: Revision, current: Revision) -> None:
        super().__init__(f"{key}: expected revision {expected}, found {current}")
        self.current = current
