"""``taint``: ``KEY=VALUE:EFFECT`` and ``KEY[:EFFECT]-`` words, and what they change. Pure.

Source: https://kubernetes.io/docs/reference/kubectl/generated/kubectl_taint/.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from netemu.api.client import Object
from netemu.cli.resources import UsageError
from netemu.errors import NetemuError

EFFECTS = ("NoSchedule", "PreferNoSchedule", "NoExecute")


class TaintChange(NamedTuple):
    """One taint to set, or (``removed``) to take away; no ``effect`` means all of the key."""

    key: str
    value: str
    effect: str
    removed: bool


def parse_taint(word: str) -> TaintChange:
    """Read one word.

    Raises:
        UsageError: it is no taint.

    """
    removed = word.endswith("-")
    spec, _, effect = word.removesuffix("-").partition(":")
    key, _, value = spec.partition("=")
    if not key or (effect and effect not in EFFECTS) or (not effect and not removed):
        raise UsageError(f"invalid taint spec: {word}", hint="KEY=VALUE:NoSchedule, KEY:NoExecute, KEY-")
    return TaintChange(key, value, effect, removed)


def plan_taints(node: Object, changes: Sequence[TaintChange], *, overwrite: bool) -> tuple[list[Object], str]:
    """Give a node's new taints, and kubectl's word for the change.

    Raises:
        NetemuError: one to be removed is not there, or one to be set is.

    """
    name = node["metadata"]["name"]
    taints = list(node.get("spec", {}).get("taints") or ())
    for change in changes:
        same = [taint for taint in taints if _is_meant(taint, change)]
        if change.removed:
            if not same:
                what = f"{change.key}:{change.effect}" if change.effect else change.key
                raise NetemuError(f'taint "{what}" not found')
            taints = [taint for taint in taints if taint not in same]
            continue
        if same and not overwrite and same[0].get("value", "") != change.value:
            raise NetemuError(
                f"node {name} already has {change.key} taint(s) with same effect(s) and --overwrite is false"
            )
        value = {"value": change.value} if change.value else {}
        made = {"key": change.key, **value, "effect": change.effect}
        taints = [*(taint for taint in taints if taint not in same), made]
    return taints, _verb(changes)


def _is_meant(taint: Object, change: TaintChange) -> bool:
    return taint["key"] == change.key and change.effect in ("", taint["effect"])


def _verb(changes: Sequence[TaintChange]) -> str:
    kinds = {change.removed for change in changes}
    if len(kinds) > 1:
        return "modified"
    return "untainted" if kinds == {True} else "tainted"
