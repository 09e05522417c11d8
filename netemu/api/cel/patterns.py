"""Finding patterns in texts. Pure.

Source: apiserver ``pkg/cel/library/regex.go``.
"""

from __future__ import annotations

from netemu.api.gopatterns import compiled


def find(text: str, pattern: str) -> str:
    """Give the first part of a text that fits, or nothing."""
    found = compiled(pattern).search(text)
    return found[0] if found is not None else ""


def find_all(text: str, pattern: str) -> list[str]:
    """Give all parts that fit."""
    return find_some(text, pattern, -1)


def find_some(text: str, pattern: str, most: int) -> list[str]:
    """Give the first parts that fit, at most so many; all if that is negative."""
    found = [match[0] for match in compiled(pattern).finditer(text)]
    return found if most < 0 else found[:most]
