"""Semantic versions in expressions. Pure.

Source: apiserver ``pkg/cel/library/semverlib.go``, https://semver.org (what blang/semver accepts, its words).
"""

from __future__ import annotations

from itertools import zip_longest
from typing import Any

Value = dict[str, Any]
Version = tuple[int, int, int, tuple[str, ...]]

_SEMVER = "kubernetes.Semver"
_DIGITS = frozenset("0123456789")
_SIGNS = _DIGITS | frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ-")


def semver(text: str) -> Value:
    """Read a version; what it was built from is no part of it.

    Raises:
        ValueError: it is none.

    """
    *numbers, more = _parse(text)
    return {_SEMVER: ".".join(map(str, numbers)) + ("-" + ".".join(more) if more else "")}


def semver_normalized(text: str, is_normalized: bool) -> Value:
    """Read a version that may begin with ``v``, be short, or have zeros in front.

    Raises:
        ValueError: it is none.

    """
    return semver(_normalized(text) if is_normalized else text)


def is_semver(text: str) -> bool:
    """Tell whether a text is a version."""
    return is_semver_normalized(text, False)


def is_semver_normalized(text: str, is_normalized: bool) -> bool:
    """Tell whether a text is a version, or can be made one."""
    try:
        semver_normalized(text, is_normalized)
    except ValueError:
        return False
    return True


def is_one(value: Value) -> bool:
    """Tell whether a value is a version."""
    return _SEMVER in value


def major(value: Value) -> int:
    """Give the first number."""
    return _of(value)[0]


def minor(value: Value) -> int:
    """Give the second number."""
    return _of(value)[1]


def patch(value: Value) -> int:
    """Give the third number."""
    return _of(value)[2]


def compare(value: Value, other: Value) -> int:
    """Give -1, 0 or 1: older, equal, newer."""
    one, two = _of(value), _of(other)
    if one[:3] != two[:3]:
        return 1 if one[:3] > two[:3] else -1
    if not one[3] or not two[3]:
        return bool(two[3]) - bool(one[3])
    return _compare_more(one[3], two[3])


def is_less(value: Value, other: Value) -> bool:
    """Tell whether it is older."""
    return compare(value, other) < 0


def is_greater(value: Value, other: Value) -> bool:
    """Tell whether it is newer."""
    return compare(value, other) > 0


def _compare_more(one: tuple[str, ...], two: tuple[str, ...]) -> int:
    for left, right in zip_longest(one, two):
        if left is None or right is None:
            return -1 if left is None else 1
        if left != right:
            return 1 if _rank(left) > _rank(right) else -1
    return 0


def _rank(part: str) -> tuple[bool, int, str]:
    """Order numbers before names."""
    return (False, int(part), "") if _DIGITS.issuperset(part) else (True, 0, part)


def _parse(text: str) -> Version:
    if not text:
        raise ValueError("Version string empty")
    parts = text.split(".", 2)
    if len(parts) != 3:
        raise ValueError("No Major.Minor.Patch elements found")
    rest, plus, build = parts[2].partition("+")
    third, dash, more = rest.partition("-")
    prerelease = tuple(_prerelease(part) for part in more.split(".")) if dash else ()
    for part in build.split(".") if plus else ():
        if not part:
            raise ValueError("Build meta data is empty")
        if not _SIGNS.issuperset(part):
            raise ValueError(f'Invalid character(s) found in build meta data "{part}"')
    return _number(parts[0], "Major"), _number(parts[1], "Minor"), _number(third, "Patch"), prerelease


def _number(text: str, what: str) -> int:
    if not text or not _DIGITS.issuperset(text):
        raise ValueError(f'Invalid character(s) found in {what.lower()} number "{text}"')
    if len(text) > 1 and text[0] == "0":
        raise ValueError(f'{what} number must not contain leading zeroes "{text}"')
    return int(text)


def _prerelease(part: str) -> str:
    if not part:
        raise ValueError("Prerelease is empty")
    if not _SIGNS.issuperset(part):
        raise ValueError(f'Invalid character(s) found in prerelease "{part}"')
    if _DIGITS.issuperset(part) and len(part) > 1 and part[0] == "0":
        raise ValueError(f'Numeric PreRelease version must not contain leading zeroes "{part}"')
    return part


def _normalized(text: str) -> str:
    parts = [_without_zeros(part) for part in text.removeprefix("v").split(".", 2)]
    if len(parts) < 3 and any(sign in parts[-1] for sign in "+-"):
        raise ValueError("short version cannot contain PreRelease/Build meta data")
    return ".".join((*parts, "0", "0")[:3])


def _without_zeros(part: str) -> str:
    if len(part) < 2:
        return part
    left = part.lstrip("0")
    return left if left and left[0] in _DIGITS else f"0{left}"


def _of(value: Value) -> Version:
    found = value.get(_SEMVER)
    if not isinstance(found, str):
        raise TypeError("no such overload")
    return _parse(found)
