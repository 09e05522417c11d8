"""Variables that stand in a file of a pod's volume (``fileKeyRef``, KEP-3721). Pure.

A line is ``NAME=value``, or ``NAME='value'``; empty ones and those that begin with ``#`` say nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from netemu.agent.environment import ConfigError

ReadFile = Callable[[str, str], str | None]
"""Gives the text of a file, by the name of its volume and its path there; ``None`` if it is not there."""

_QUOTES = ("'", '"')


def value_of(reference: Mapping[str, Any], read: ReadFile) -> str | None:
    """Give the value that a reference means; ``None`` for an optional one that is not there.

    Raises:
        ConfigError: the file or the key is missing, and not optional.

    """
    path, key = reference["path"], reference["key"]
    text = read(reference["volumeName"], path)
    found = parse(text) if text is not None else {}
    if key in found:
        return found[key]
    if reference.get("optional"):
        return None
    if text is None:
        raise ConfigError(f'couldn\'t open env file "{path}": no such file or directory')
    raise ConfigError(f'environment variable key "{key}" not found in file "{path}"')


def parse(text: str) -> dict[str, str]:
    """Read the variables of a file; of a name that stands there twice the first counts."""
    found: dict[str, str] = {}
    for line in text.splitlines():
        name, separator, value = line.strip().partition("=")
        if separator and not name.startswith("#"):
            found.setdefault(name.strip(), _unquoted(value.strip()))
    return found


def _unquoted(value: str) -> str:
    is_quoted = len(value) > 1 and value[0] in _QUOTES and value[-1] == value[0]
    return value[1:-1] if is_quoted else value
