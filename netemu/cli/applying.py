"""``kubectl apply``'s own bookkeeping: the annotation that says what was applied last.

Source: https://kubernetes.io/docs/tasks/manage-kubernetes-objects/declarative-config/.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from netemu.api.client import PatchType
from netemu.api.kinds import Kind
from netemu.api.patch import three_way_patch

LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"

Object = dict[str, Any]


def with_last_applied(obj: Object) -> Object:
    """Give the object with the annotation that describes it."""
    meta = obj["metadata"]
    annotations = {k: v for k, v in (meta.get("annotations") or {}).items() if k != LAST_APPLIED}
    bare = {**obj, "metadata": {**meta, "annotations": annotations}}
    text = json.dumps(bare, sort_keys=True, separators=(",", ":"), ensure_ascii=False) + "\n"
    return {**obj, "metadata": {**meta, "annotations": {**annotations, LAST_APPLIED: text}}}


def last_applied(live: Mapping[str, Any]) -> Object | None:
    """Read what was applied last; ``None`` when nobody applied this object, or not readably."""
    text = (live["metadata"].get("annotations") or {}).get(LAST_APPLIED)
    try:
        return json.loads(text) if text else None
    except ValueError:
        return None


def plan_apply(kind: Kind, wanted: Object, live: Object) -> Object:
    """Compute the patch that ``apply`` sends; empty when nothing changes."""
    return three_way_patch(kind, last_applied(live), with_last_applied(wanted), live)


def patch_type_of(kind: Kind) -> PatchType:
    """Say how the patch is to be read: lists of custom kinds are replaced as a whole."""
    if kind.custom is not None:
        return "application/merge-patch+json"
    return "application/strategic-merge-patch+json"


def missing_annotation_warning(kind: Kind, live: Mapping[str, Any]) -> str:
    """Warn of an object that was not made by ``apply``; empty for one that was."""
    if LAST_APPLIED in (live["metadata"].get("annotations") or {}):
        return ""
    name = f"{kind.resource}/{live['metadata']['name']}"
    return (
        f"Warning: resource {name} is missing the {LAST_APPLIED} annotation which is required by apply."
        " apply should only be used on resources created declaratively by either create --save-config or"
        " apply. The missing annotation will be patched automatically."
    )
