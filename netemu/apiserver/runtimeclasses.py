"""What a Pod's RuntimeClass adds to it: its overhead, and where it may run. Pure.

Source: kubernetes ``plugin/pkg/admission/runtimeclass``.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from netemu.api.client import Object
from netemu.api.errors import NotFoundError
from netemu.api.kinds import POD, RUNTIME_CLASS, Kind
from netemu.apiserver import words


def admit_runtime_class(kind: Kind, obj: Object, find: Callable[[Kind, str, str], Object]) -> Object:
    """Give a new Pod as it is stored.

    Raises:
        ForbiddenError: its class does not exist, or it says other things than its class.

    """
    if kind is not POD:
        return obj
    spec, name = obj["spec"], obj["spec"].get("runtimeClassName")
    chosen = _named(obj, name, find) if name else {}
    overhead = (chosen.get("overhead") or {}).get("podFixed") or {}
    if spec.get("overhead") and spec["overhead"] != overhead:
        why = (
            "pod rejected: Pod's Overhead doesn't match RuntimeClass's defined Overhead"
            if name
            else "pod rejected: Pod Overhead set without corresponding RuntimeClass defined Overhead"
        )
        raise words.forbidden(POD, obj["metadata"]["name"], why)
    added = {**({"overhead": overhead} if overhead else {}), **_placed(obj, chosen.get("scheduling") or {})}
    return {**obj, "spec": {**spec, **added}} if added else obj


def _named(pod: Object, name: str, find: Callable[[Kind, str, str], Object]) -> Object:
    try:
        return find(RUNTIME_CLASS, "", name)
    except NotFoundError as err:
        why = f'pod rejected: RuntimeClass "{name}" not found'
        raise words.forbidden(POD, pod["metadata"]["name"], why) from err


def _placed(pod: Object, scheduling: dict[str, Any]) -> dict[str, Any]:
    added: dict[str, Any] = {}
    own, wanted = pod["spec"].get("nodeSelector") or {}, scheduling.get("nodeSelector") or {}
    if any(own.get(key, value) != value for key, value in wanted.items()):
        why = "pod rejected: conflict: runtimeClass.scheduling.nodeSelector and pod.spec.nodeSelector"
        raise words.forbidden(POD, pod["metadata"]["name"], why)
    if wanted:
        added["nodeSelector"] = {**own, **wanted}
    tolerations = pod["spec"].get("tolerations") or []
    more = [each for each in scheduling.get("tolerations") or () if each not in tolerations]
    if more:
        added["tolerations"] = [*tolerations, *more]
    return added
