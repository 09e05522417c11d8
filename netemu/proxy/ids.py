"""Small numbers for service ports: they are keys in the kernel's maps and connections' marks."""

from __future__ import annotations

from collections.abc import Hashable
from zlib import crc32

ID_BITS = 24
ID_MASK = (1 << ID_BITS) - 1  # the bits of ct mark that are the proxy's; the other eight are not


class Ids:
    """Gives each key a number from 1 to 2^24 - 1 that no other key has meanwhile.

    It starts from a hash of the key, so that a restarted daemon gives the same numbers as
    before (but for rare collisions) and a number hardly ever comes again for another key,
    while open connections still carry it.
    """

    def __init__(self) -> None:
        self._by_key: dict[Hashable, int] = {}
        self._taken: set[int] = set()

    def take(self, key: Hashable) -> int:
        """Give the number of ``key``, which keeps it until ``release``."""
        number = self._by_key.get(key)
        if number is None:
            number = crc32(repr(key).encode()) & ID_MASK
            while number == 0 or number in self._taken:
                number = (number + 1) & ID_MASK
            self._by_key[key] = number
            self._taken.add(number)
        return number

    def release(self, key: Hashable) -> None:
        """Free the number of ``key``; a no-op when it has none."""
        number = self._by_key.pop(key, None)
        if number is not None:
            self._taken.discard(number)
