"""The order of a merged list: as the patch wants it, with what only the server has kept in place.

Source: the same document as ``strategic``, "setElementOrder".
"""

from __future__ import annotations

from typing import Any


def merge_order(items: list[Any], wanted: list[Any], before: list[Any], key: str) -> list[Any]:
    """Order merged items: those in ``wanted`` as there, the others relative to ``before``.

    ``key`` is the merge key, empty for lists of scalars. An item that only the server has goes
    in front of a wanted one exactly when it stood in front of it before.
    """
    wanted_order = _ranks(wanted, key)
    server_order = _ranks(before, key)
    ours = [item for item in items if _identity(item, key) in wanted_order]
    theirs = [item for item in items if _identity(item, key) not in wanted_order]
    ours.sort(key=lambda item: wanted_order[_identity(item, key)])
    theirs.sort(key=lambda item: server_order.get(_identity(item, key), len(server_order)))
    return _interleaved(theirs, ours, server_order, key)


def _interleaved(theirs: list[Any], ours: list[Any], order: dict[Any, int], key: str) -> list[Any]:
    result: list[Any] = []
    left, right = iter(theirs), iter(ours)
    their, our = next(left, None), next(right, None)
    while their is not None and our is not None:
        before, after = order.get(_identity(their, key)), order.get(_identity(our, key))
        if before is not None and after is not None and before < after:
            result.append(their)
            their = next(left, None)
        else:
            result.append(our)
            our = next(right, None)
    result += [item for item in (their, our) if item is not None]
    return [*result, *left, *right]


def _ranks(items: list[Any], key: str) -> dict[Any, int]:
    ranks: dict[Any, int] = {}
    for rank, item in enumerate(items):
        ranks.setdefault(_identity(item, key), rank)
    return ranks


def _identity(item: Any, key: str) -> Any:
    value = item.get(key) if key and isinstance(item, dict) else item
    return value if isinstance(value, str | int | float | None) else repr(value)
