"""What a delete request makes of an object: nothing, a marked one, or none.

An object with finalizers, and a Pod that runs, only gets marked; whoever holds it back lets go
of it later. Source: apiserver ``registry/rest/delete.go`` and ``pkg/registry/core/pod``.
"""

from __future__ import annotations

from typing import Any

from netemu.api.client import Object
from netemu.api.crd import names
from netemu.api.kinds import CUSTOM_RESOURCE_DEFINITION, NAMESPACE, POD, Kind
from netemu.apiserver import words
from netemu.apiserver.metadata import uid_differs
from netemu.apiserver.options import DeleteOptions
from netemu.clock import format_rfc3339, parse_rfc3339

DEFAULT_GRACE_S = 30
IMMORTAL_NAMESPACES = ("default", "kube-system", "kube-public")


def check_deletable(kind: Kind, obj: Object, options: DeleteOptions) -> None:
    """Refuse to delete what must stay, or another object than the one that is meant.

    Raises:
        ConflictError: a precondition does not hold.
        ForbiddenError: the namespace is one of the system's.

    """
    meta = obj["metadata"]
    wanted = options.preconditions
    if wanted.uid and wanted.uid != meta["uid"]:
        raise words.conflict(kind, meta["name"], uid_differs(wanted.uid, meta["uid"]))
    if wanted.resource_version and wanted.resource_version != meta["resourceVersion"]:
        why = (
            f"Precondition failed: ResourceVersion in precondition: {wanted.resource_version},"
            f" ResourceVersion in object meta: {meta['resourceVersion']}"
        )
        raise words.conflict(kind, meta["name"], why)
    if kind is NAMESPACE and meta["name"] in IMMORTAL_NAMESPACES:
        raise words.forbidden(kind, meta["name"], "this namespace may not be deleted")


def plan_deletion(kind: Kind, obj: Object, options: DeleteOptions, now_s: float) -> Object | None:
    """Decide what is left of an object: ``None`` when it goes at once, else what it becomes."""
    grace_s = _grace_s(obj, options) if kind is POD else 0
    marked = _marked(kind, obj, grace_s, now_s)
    if kind is CUSTOM_RESOURCE_DEFINITION:
        marked = names.marked(marked, now_s)
    return None if is_released(marked) else marked


def orphaned(obj: Object, owner_uid: str) -> Object:
    """Give an object that its owner leaves behind: without the reference to it."""
    owners = obj["metadata"].get("ownerReferences") or ()
    others = [owner for owner in owners if owner["uid"] != owner_uid]
    rest = {key: value for key, value in obj["metadata"].items() if key != "ownerReferences"}
    return {**obj, "metadata": {**rest, "ownerReferences": others} if others else rest}


def is_released(obj: Object) -> bool:
    """Tell whether a marked object has nothing left that holds it."""
    meta = obj["metadata"]
    return (
        "deletionTimestamp" in meta
        and not meta.get("finalizers")
        and not meta.get("deletionGracePeriodSeconds")
        and not (obj["kind"] == "Namespace" and obj.get("spec", {}).get("finalizers"))
    )


def _grace_s(pod: Object, options: DeleteOptions) -> int:
    """Give the grace period that is left to a Pod; a second request can only shorten it."""
    meta, spec = pod["metadata"], pod["spec"]
    running = meta.get("deletionGracePeriodSeconds")
    asked = options.grace_period_seconds
    if asked is None:
        asked = running if running is not None else spec.get("terminationGracePeriodSeconds", DEFAULT_GRACE_S)
    asked = 1 if asked < 0 else int(asked)
    if not spec.get("nodeName") or pod.get("status", {}).get("phase") in ("Succeeded", "Failed"):
        asked = 0
    return asked if running is None else min(asked, running)


def _marked(kind: Kind, obj: Object, grace_s: int, now_s: float) -> Object:
    meta: dict[str, Any] = dict(obj["metadata"])
    if "deletionTimestamp" not in meta:
        meta["deletionTimestamp"] = format_rfc3339(now_s + grace_s)
        meta["deletionGracePeriodSeconds"] = grace_s
        if "generation" in meta:
            meta["generation"] += 1
    elif grace_s < meta.get("deletionGracePeriodSeconds", 0):
        began_s = parse_rfc3339(meta["deletionTimestamp"]) - meta["deletionGracePeriodSeconds"]
        meta["deletionTimestamp"] = format_rfc3339(max(began_s + grace_s, now_s))
        meta["deletionGracePeriodSeconds"] = grace_s
    marked = {**obj, "metadata": meta}
    if kind is NAMESPACE:
        marked["status"] = {**obj.get("status", {}), "phase": "Terminating"}
    return marked
