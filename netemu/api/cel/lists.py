"""Lists and sets in expressions. Pure.

Source: apiserver ``pkg/cel/library/lists.go``, cel-go ``ext/sets.go``.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Any


def is_sorted(items: list[Any]) -> bool:
    """Tell whether no item is less than the one before."""
    return all(not later < earlier for earlier, later in pairwise(items))


def total(items: list[Any]) -> Any:
    """Add all numbers; of none it is 0."""
    return sum(items[1:], items[0]) if items else 0


def least(items: list[Any]) -> Any:
    """Give the least item.

    Raises:
        ValueError: there are none.

    """
    if not items:
        raise ValueError("min called on empty list")
    return min(items)


def greatest(items: list[Any]) -> Any:
    """Give the greatest item.

    Raises:
        ValueError: there are none.

    """
    if not items:
        raise ValueError("max called on empty list")
    return max(items)


def contains(items: list[Any], others: list[Any]) -> bool:
    """Tell whether all others are items, too."""
    return all(other in items for other in others)


def are_equivalent(items: list[Any], others: list[Any]) -> bool:
    """Tell whether both have the same members."""
    return contains(items, others) and contains(others, items)


def intersect(items: list[Any], others: list[Any]) -> bool:
    """Tell whether any item is in both."""
    return any(other in items for other in others)


def index_of(items: list[Any], item: Any) -> int:
    """Give the first place of an item, -1 if it has none."""
    return items.index(item) if item in items else -1


def last_index_of(items: list[Any], item: Any) -> int:
    """Give the last place of an item, -1 if it has none."""
    return len(items) - 1 - items[::-1].index(item) if item in items else -1
