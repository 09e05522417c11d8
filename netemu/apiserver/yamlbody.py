"""YAML bodies, read into what JSON can say. Pure.

Kubernetes turns YAML into JSON first (``sigs.k8s.io/yaml``): keys become text, and what looks
like a date stays text. YAML can also say more than its length: each alias repeats what it names,
so that what comes out is counted and bounded. Imported with the first such body, for PyYAML.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from itertools import accumulate
from typing import Any

import msgspec
import yaml

from netemu.api.errors import BadRequestError, Cause

MAX_VALUES = 1_000_000
MAX_DEPTH = 200
_NO_BRACKETS = bytes(sign for sign in range(256) if sign not in b"[]{}")


class _Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
    """YAML as Kubernetes reads it: what looks like a date is text."""


_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
    for first, resolvers in _Loader.yaml_implicit_resolvers.items()
}


def parse_yaml(body: bytes) -> Any:
    """Read one YAML document.

    Raises:
        BadRequestError: it is none, or says what JSON cannot.

    """
    if body.lstrip()[:1] in (b"{", b"["):
        try:  # what clients of server-side apply send is JSON, which is read much faster
            return msgspec.json.decode(body)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            pass  # it may be YAML all the same
    try:
        _check_depth(body)
        value = yaml.load(body, Loader=_Loader)  # noqa: S506 - a safe loader, less its dates
    except (yaml.YAMLError, UnicodeDecodeError, RecursionError, ValueError) as err:
        raise BadRequestError(f"the body of the request is not YAML: {err}") from err
    return _Copier().copied(value, 0)


def repeated_keys(body: bytes) -> Iterator[Cause]:
    """Name every key that comes twice in its mapping; a body that cannot be read has none."""
    try:
        root = yaml.compose(body, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    except (yaml.YAMLError, UnicodeDecodeError, RecursionError, ValueError):
        return
    yield from _walk_nodes(root, "")


def _check_depth(body: bytes) -> None:
    """Refuse brackets in brackets before they are read: that takes the square of their depth in time.

    Raises:
        BadRequestError: there are too many in one another.

    """
    opened = accumulate(1 if sign in b"[{" else -1 for sign in body.translate(None, _NO_BRACKETS))
    if max(opened, default=0) <= MAX_DEPTH:
        return
    depth = 0  # they may be in texts
    for event in yaml.parse(body, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader)):
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if depth > MAX_DEPTH:
            raise _too_much()


def _too_much() -> BadRequestError:
    return BadRequestError("the body of the request has too many values, or too many in one another")


class _Copier:
    """Copies a value, without aliases, and gives up where it becomes too big."""

    def __init__(self) -> None:
        self._left = MAX_VALUES

    def copied(self, value: Any, depth: int) -> Any:
        self._left -= 1
        if self._left < 0 or depth > MAX_DEPTH:
            raise _too_much()
        match value:
            case dict():
                return {_key(key): self.copied(item, depth + 1) for key, item in value.items()}
            case list():
                return [self.copied(item, depth + 1) for item in value]
            case None | bool() | str() | int():
                return value
            case float() if math.isfinite(value):
                return value
        raise BadRequestError(f"the body of the request has a value that JSON does not: {value!r:.60}")


def _key(key: Any) -> str:
    match key:
        case str():
            return key
        case bool():
            return "true" if key else "false"
        case int() | float():
            return str(key)
    raise BadRequestError(f"the body of the request has a key that is no text: {key!r:.60}")


def _walk_nodes(node: Any, path: str) -> Iterator[Cause]:
    if isinstance(node, yaml.MappingNode):
        seen: set[str] = set()
        for key, item in node.value:
            name = str(key.value)
            below = f"{path}.{name}" if path else name
            if name in seen:
                line = key.start_mark.line + 1
                yield Cause(field=below, message=f'line {line}: key "{name}" already set in map')
            seen.add(name)
            yield from _walk_nodes(item, below)
    elif isinstance(node, yaml.SequenceNode):
        for index, item in enumerate(node.value):
            yield from _walk_nodes(item, f"{path}[{index}]")
