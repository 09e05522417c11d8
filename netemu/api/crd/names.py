"""Which names a CustomResourceDefinition gets, and its conditions. Pure.

Kubernetes decides this a moment after the definition is stored; here it is decided with it, so
that whoever creates a definition can use it with the next request.

Source: apiextensions-apiserver ``pkg/controller/status`` and ``…/establish``.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from netemu.api.client import Object
from netemu.api.crd.definition import is_established, is_terminating, storage_version
from netemu.api.crd.version import Json
from netemu.clock import format_rfc3339

APPROVAL = "api-approved.kubernetes.io"
FINALIZER = "customresourcecleanup.apiextensions.k8s.io"


def named(crd: Object, others: Iterable[Object], now_s: float) -> Object:
    """Give a definition with accepted names, conditions and stored versions in its status."""
    status = crd.get("status") or {}
    wanted = crd["spec"]["names"]
    had: dict[str, Any] = status.get("acceptedNames") or {}
    taken = _taken_names(crd, others)
    accepted, conflict = _accepted(wanted, had, taken)
    stored = list(dict.fromkeys([*(status.get("storedVersions") or ()), storage_version(crd)]))
    new = {
        **status,
        "acceptedNames": accepted or {"kind": "", "plural": ""},
        "conditions": status.get("conditions") or [],
        "storedVersions": stored,
    }
    for condition in _conditions(crd, conflict):
        new["conditions"] = with_condition(new["conditions"], condition, now_s)
    return {**crd, "status": new}


def marked(crd: Object, now_s: float) -> Object:
    """Give a definition that is deleted: its objects go first."""
    meta = crd["metadata"]
    finalizers = list(dict.fromkeys([*(meta.get("finalizers") or ()), FINALIZER]))
    status = crd.get("status") or {}
    condition = {
        "type": "Terminating",
        "status": "True",
        "reason": "InstanceDeletionPending",
        "message": "CustomResourceDefinition marked for deletion; CustomResource deletion will begin soon",
    }
    conditions = with_condition(status.get("conditions") or [], condition, now_s)
    return {
        **crd,
        "metadata": {**meta, "finalizers": finalizers},
        "status": {**status, "conditions": conditions},
    }


def emptied(crd: Object) -> Object:
    """Give a definition whose last object is gone: nothing of ours holds it any more."""
    meta = crd["metadata"]
    left = [finalizer for finalizer in meta.get("finalizers") or () if finalizer != FINALIZER]
    rest = {key: value for key, value in meta.items() if key != "finalizers"}
    return {**crd, "metadata": {**rest, "finalizers": left} if left else rest}


def with_condition(conditions: list[Json], condition: Json, now_s: float) -> list[Json]:
    """Set one condition; its time changes with its status only."""
    old = next((c for c in conditions if c.get("type") == condition["type"]), None)
    since = format_rfc3339(now_s)
    if old is not None and old.get("status") == condition["status"]:
        since = old.get("lastTransitionTime") or since
    made = {**condition, "lastTransitionTime": since}
    if old is None:
        return [*conditions, made]
    return [made if c is old else c for c in conditions]


def _taken_names(crd: Object, others: Iterable[Object]) -> set[str]:
    """Collect the names of resources and of kinds that other definitions of the group have."""
    taken: set[str] = set()
    for other in others:
        same = other["metadata"]["name"] == crd["metadata"]["name"]
        if same or other["spec"]["group"] != crd["spec"]["group"] or is_terminating(other):
            continue
        names = (other.get("status") or {}).get("acceptedNames") or {}
        taken |= {names.get("plural", ""), names.get("singular", ""), *(names.get("shortNames") or ())}
        taken |= {f"/{names.get('kind', '')}", f"/{names.get('listKind', '')}"}
    return taken - {"", "/"}


def _accepted(wanted: Json, had: Json, taken: set[str]) -> tuple[dict[str, Any], tuple[str, str]]:
    """Decide which names are accepted; where one is taken the former one stays."""
    accepted: dict[str, Any] = {}
    conflict = ("", "")
    for field, reason in _REASONS.items():
        value = wanted.get(field)
        names = value if isinstance(value, list) else [value] if value else []
        prefix = "/" if field in ("kind", "listKind") else ""
        used = [name for name in names if f"{prefix}{name}" in taken]
        if used:
            conflict = (reason, f'"{used[0]}" is already in use')
            value = had.get(field)
        if value:
            accepted[field] = value
    if wanted.get("categories"):
        accepted["categories"] = wanted["categories"]
    return accepted, conflict


def _conditions(crd: Object, conflict: tuple[str, str]) -> Iterable[dict[str, str]]:
    reason, message = conflict
    if not reason:
        yield _condition("NamesAccepted", "True", "NoConflicts", "no conflicts found")
        yield _condition(
            "Established", "True", "InitialNamesAccepted", "the initial names have been accepted"
        )
    else:
        yield _condition("NamesAccepted", "False", reason, message)
        if not is_established(crd):
            yield _condition("Established", "False", "NotAccepted", "not all names are accepted")
    approval = (crd["metadata"].get("annotations") or {}).get(APPROVAL)
    if approval:
        kind = "KubernetesAPIApprovalPolicyConformant"
        if approval.startswith("unapproved"):
            yield _condition(kind, "False", "UnapprovedAnnotation", f'not approved: "{approval}"')
        else:
            yield _condition(kind, "True", "ApprovedAnnotation", f"approved in {approval}")


def _condition(type_: str, status: str, reason: str, message: str) -> dict[str, str]:
    return {"type": type_, "status": status, "reason": reason, "message": message}


_REASONS = {
    "plural": "PluralConflict",
    "singular": "SingularConflict",
    "shortNames": "ShortNamesConflict",
    "kind": "KindConflict",
    "listKind": "ListKindConflict",
}
