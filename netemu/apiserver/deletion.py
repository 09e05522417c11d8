"""What a delete request makes of an object: nothing, a marked one, or none.

An object with finalizers, and a Pod that runs, only gets marked; whoever holds it back lets go
of it later. Source: apiserver ``registry/rest/delete.go`` and ``pkg/registry/core/pod``.
"""

from __future__ import annotations

from typing import Any

from netemu.api.client import Object
from netemu.api.crd import names
from netemu.api.errors import Cause
from netemu.api.kinds import CUSTOM_RESOURCE_DEFINITION, NAMESPACE, POD, Kind
from netemu.apiserver import words
from netemu.apiserver.metadata import uid_differs
from netemu.apiserver.options import DeleteOptions
from netemu.apiserver.owners import FOREGROUND, ORPHAN
from netemu.clock import format_rfc3339, parse_rfc3339

DEFAULT_GRACE_S = 30
IMMORTAL_NAMESPACES = ("default", "kube-system", "kube-public")


_POLICIES = {"Background": (), "Foreground": (FOREGROUND,), "Orphan": (ORPHAN,)}


def check_options(options: DeleteOptions) -> None:
    """Refuse options that contradict each other.

    Raises:
        InvalidError: naming the field.

    """
    policy = options.propagation_policy
    field = "propagationPolicy"
    if policy is not None and options.orphan_dependents is not None:
        why = "orphanDependents and deletionPropagation cannot be both set"
        raise words.invalid_options(
            "DeleteOptions", [Cause(field=field, message=f'Invalid value: "{policy}": {why}')]
        )
    if policy and policy not in _POLICIES:
        known = '"Background", "Foreground", "Orphan", ""'
        message = f'Unsupported value: "{policy}": supported values: {known}'
        cause = Cause(field=field, message=message, reason="FieldValueNotSupported")
        raise words.invalid_options("DeleteOptions", [cause])


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
    marked = _marked(kind, _finalized(obj, options.policy), grace_s, now_s)
    if kind is CUSTOM_RESOURCE_DEFINITION:
        marked = names.marked(marked, now_s)
    return None if is_released(marked) else marked


def is_released(obj: Object) -> bool:
    """Tell whether a marked object has nothing left that holds it."""
    meta = obj["metadata"]
    return (
        "deletionTimestamp" in meta
        and not meta.get("finalizers")
        and not meta.get("deletionGracePeriodSeconds")
        and not (obj["kind"] == "Namespace" and obj.get("spec", {}).get("finalizers"))
    )


def _finalized(obj: Object, policy: str) -> Object:
    """Give an object whose finalizers tell the garbage collector what to do with dependents."""
    if not policy:
        return obj
    had = obj["metadata"].get("finalizers") or []
    finalizers = [name for name in had if name not in (ORPHAN, FOREGROUND)] + list(_POLICIES[policy])
    return obj if finalizers == had else {**obj, "metadata": {**obj["metadata"], "finalizers": finalizers}}


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
