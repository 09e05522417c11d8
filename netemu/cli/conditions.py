"""``wait --for``: what is waited for, and whether an object has it.

Source: https://kubernetes.io/docs/reference/kubectl/generated/kubectl_wait/.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from netemu.cli.jsonpath import find_all
from netemu.cli.resources import UsageError


@dataclass(frozen=True, kw_only=True)
class Awaited:
    """What an object must become; ``value`` is ``None`` where any value will do."""

    kind: Literal["delete", "create", "condition", "jsonpath"]
    subject: str = ""
    value: str | None = None


def parse_awaited(text: str) -> Awaited:
    """Read ``delete``, ``create``, ``condition=NAME[=VALUE]`` or ``jsonpath={…}[=VALUE]``.

    Raises:
        UsageError: it is none of these.

    """
    word, equals, rest = text.partition("=")
    match word.lower(), bool(equals and rest):
        case "delete", False:
            return Awaited(kind="delete")
        case "create", False:
            return Awaited(kind="create")
        case "condition", True:
            name, _, value = rest.partition("=")
            return Awaited(kind="condition", subject=name, value=value or "True")
        case "jsonpath", True:
            return _parse_jsonpath(rest.strip("'\""))
        case _:
            raise UsageError(
                f'unrecognized condition: "{text}"',
                hint="Use condition=NAME[=VALUE], jsonpath='{PATH}'[=VALUE], create or delete.",
            )


def is_met(awaited: Awaited, obj: Mapping[str, Any]) -> bool:
    """Tell whether an object that exists has what is waited for."""
    match awaited.kind:
        case "create":
            return True
        case "delete":
            return False
        case "condition":
            return _has_condition(awaited, obj)
        case "jsonpath":
            found = [_text(value) for value in find_all(awaited.subject, obj)]
            return bool(found) if awaited.value is None else found == [awaited.value]


def parse_duration_s(text: str) -> float:
    """Read Go's durations (``90s``, ``1m30s``, ``500ms``, ``2h``) and bare seconds.

    Raises:
        UsageError: it is neither.

    """
    import re

    units = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}
    sign, magnitude = (-1.0, text[1:]) if text.startswith("-") else (1.0, text)
    if re.fullmatch(r"\d+(\.\d+)?", magnitude):
        return sign * float(magnitude)
    if not re.fullmatch(r"(\d+(\.\d+)?(ms|s|m|h))+", magnitude):
        raise UsageError(f"invalid duration {text!r}", hint="For example: 30s, 5m, 1m30s.")
    parts = re.findall(r"(\d+(?:\.\d+)?)(ms|s|m|h)", magnitude)
    return sign * sum(float(number) * units[unit] for number, unit in parts)


def _parse_jsonpath(rest: str) -> Awaited:
    path, brace, value = rest.rpartition("}")
    if rest.startswith("{") and not brace:
        raise UsageError(
            "unexpected path string, expected a 'name1.name2' or '.name1.name2' or '{name1.name2}'"
            " or '{.name1.name2}'"
        )
    if not brace:
        path, _, value = rest.partition("=")
        return Awaited(kind="jsonpath", subject=path, value=value.strip("'\"") or None)
    value = value.strip("'\"").removeprefix("=").strip("'\"")
    return Awaited(kind="jsonpath", subject=path.lstrip("{"), value=value or None)


def _has_condition(awaited: Awaited, obj: Mapping[str, Any]) -> bool:
    wanted = (awaited.subject.lower(), (awaited.value or "").lower())
    status = obj.get("status") or {}
    generation = obj["metadata"].get("generation", 0)
    if status.get("observedGeneration", generation) < generation:
        return False  # its conditions speak of an older spec
    return any((c["type"].lower(), c["status"].lower()) == wanted for c in status.get("conditions") or ())


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)
