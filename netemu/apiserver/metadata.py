"""What the API itself writes into an object's metadata and keeps from writers."""

from __future__ import annotations

import random
import uuid
from typing import Any

from netemu.api.client import Object
from netemu.api.errors import BadRequestError, Cause
from netemu.api.kinds import DEPLOYMENT, NODE, Kind
from netemu.api.validation import invalid
from netemu.apiserver import words
from netemu.clock import format_rfc3339

# No vowels and no look-alikes, so that no word comes out (apimachinery util/rand).
SUFFIX_ALPHABET = "bcdfghjklmnpqrstvwxz2456789"
SUFFIX_LENGTH = 5
MAX_GENERATED = 63

_COUNTED_GROUPS = (
    "admissionregistration.k8s.io",
    "apiextensions.k8s.io",
    "apps",
    "batch",
    "discovery.k8s.io",
    "networking.k8s.io",
    "policy",
    "scheduling.k8s.io",
)
_STATUS_ALONE = (
    "admissionregistration.k8s.io",
    "apiextensions.k8s.io",
    "apiregistration.k8s.io",
    "flowcontrol.apiserver.k8s.io",
)
"""Groups of which a status is written without metadata (``ResetObjectMetaForStatus``)."""
_COUNTED_KINDS = ("Pod", "ReplicationController")
_KEPT_FROM_WRITERS = (
    "uid",
    "creationTimestamp",
    "generation",
    "deletionTimestamp",
    "deletionGracePeriodSeconds",
    "generateName",
)
_NOT_STORED = ("managedFields", "selfLink", "resourceVersion")


def new_metadata(kind: Kind, given: dict[str, Any], namespace: str, now_s: float) -> dict[str, Any]:
    """Complete the metadata of an object that is created; the name is there already."""
    own: dict[str, Any] = {"name": given["name"]}
    if kind.namespaced:
        own["namespace"] = namespace
    own["uid"] = str(uuid.uuid4())
    if has_generation(kind):
        own["generation"] = 1
    own["creationTimestamp"] = format_rfc3339(now_s)
    dropped = ("deletionTimestamp", "deletionGracePeriodSeconds", *_NOT_STORED, *own)
    rest = {key: value for key, value in given.items() if key not in dropped and value is not None}
    return own | rest


def changed_metadata(given: dict[str, Any], current: dict[str, Any]) -> dict[str, Any]:
    """Give the metadata of an object that is replaced: what belongs to the API stays."""
    own = {key: current[key] for key in ("name", "namespace", *_KEPT_FROM_WRITERS) if key in current}
    dropped = ("name", "namespace", *_KEPT_FROM_WRITERS, *_NOT_STORED)
    new = own | {key: value for key, value in given.items() if key not in dropped and value is not None}
    managed = given.get("managedFields") or current.get("managedFields")
    # One entry without content is how clients ask to forget all managers.
    return {**new, "managedFields": managed} if managed and managed != [{}] else new


def with_managed(obj: Object, entries: list[dict[str, Any]]) -> Object:
    """Give ``obj`` with other ``managedFields``, or without any."""
    meta = {key: value for key, value in obj["metadata"].items() if key != "managedFields"}
    return {**obj, "metadata": {**meta, "managedFields": entries} if entries else meta}


def generated_name(prefix: str, rng: random.Random) -> str:
    """Make a name from ``metadata.generateName``."""
    suffix = "".join(rng.choices(SUFFIX_ALPHABET, k=SUFFIX_LENGTH))
    return prefix[: MAX_GENERATED - SUFFIX_LENGTH] + suffix


def check_named(kind: Kind, metadata: dict[str, Any]) -> None:
    """Refuse an object that can have no name.

    Raises:
        InvalidError: neither ``name`` nor ``generateName`` is given.

    """
    if not metadata.get("name") and not metadata.get("generateName"):
        message = "Required value: name or generateName is required"
        cause = Cause(field="metadata.name", message=message, reason="FieldValueRequired")
        raise invalid(kind, "", (cause,))


def namespace_of(kind: Kind, obj: Object, requested: str) -> str:
    """Decide in which namespace an object is.

    Raises:
        BadRequestError: the object and the request name different ones, or none.

    """
    given: str = obj["metadata"].get("namespace") or ""
    if not kind.namespaced:
        if given:
            raise BadRequestError("namespace may not be set on a cluster-scoped object")
        return ""
    if requested and given and requested != given:
        raise BadRequestError(
            f"the namespace of the provided object does not match the namespace sent on the request"
            f" ({given!r}, {requested!r})"
        )
    namespace = requested or given
    if not namespace:
        raise BadRequestError(f"{kind.kind}: an empty namespace may not be set during creation")
    return namespace


def check_identity(kind: Kind, given: dict[str, Any], current: dict[str, Any]) -> None:
    """Refuse an update that is meant for another object or another version of it.

    Raises:
        ConflictError: the object changed, or was made anew, since it was read.

    """
    name = current["name"]
    uid = given.get("uid")
    if uid and uid != current["uid"]:
        raise words.conflict(kind, name, uid_differs(uid, current["uid"]))
    revision = given.get("resourceVersion")
    if revision and revision != current["resourceVersion"]:
        raise words.modified(kind, name)


def uid_differs(wanted: str, actual: str) -> str:
    """Say that a name belongs to another object now."""
    return f"Precondition failed: UID in precondition: {wanted}, UID in object meta: {actual}"


def has_generation(kind: Kind) -> bool:
    """Tell whether Kubernetes counts the changes of this kind's spec."""
    is_core = not kind.group and kind.kind in _COUNTED_KINDS
    return is_core or kind.group in _COUNTED_GROUPS or kind.custom is not None


def has_status(kind: Kind) -> bool:
    """Tell whether the status is written apart from the rest."""
    return "status" in kind.subresources


def without_status(kind: Kind, obj: Object) -> Object:
    """Give what a creator may set; a Node brings its status with it."""
    if not has_status(kind) or kind is NODE or "status" not in obj:
        return obj
    return {key: value for key, value in obj.items() if key != "status"}


def with_status(obj: Object, status: Any) -> Object:
    """Give ``obj`` with another status, or without one."""
    rest = {key: value for key, value in obj.items() if key != "status"}
    return rest if status is None else {**rest, "status": status}


def told_with_status(kind: Kind, given: Object, current: Object) -> Object:
    """Give an object with the metadata that a client sends along with a status.

    Source: ``PrepareForUpdate`` of the status strategies in Kubernetes ``pkg/registry``.
    """
    if kind.custom is not None or kind.group in _STATUS_ALONE:
        return current
    meta = changed_metadata(given["metadata"], current["metadata"])
    if kind is DEPLOYMENT:
        meta = {key: value for key, value in meta.items() if key != "labels"}
        meta |= {key: value for key, value in current["metadata"].items() if key == "labels"}
    meta["resourceVersion"] = current["metadata"].get("resourceVersion", "")
    return current if meta == current["metadata"] else {**current, "metadata": meta}


def counted(kind: Kind, new: Object, old: Object) -> Object:
    """Give ``new`` with the next generation if it asks for something else than ``old``."""
    if not has_generation(kind) or _wish(new) == _wish(old):
        return new
    generation = old["metadata"].get("generation", 0) + 1
    return {**new, "metadata": {**new["metadata"], "generation": generation}}


def _wish(obj: Object) -> Object:
    return {key: value for key, value in obj.items() if key not in ("metadata", "status")}


def kept_identity(changed: Object, obj: Object) -> Object:
    """Give an object that someone else changed, with the identity that it had before."""
    had = obj["metadata"]
    kept = {key: had[key] for key in _IDENTITY if key in had}
    rest = {key: value for key, value in changed.items() if key not in ("apiVersion", "kind", "metadata")}
    head = {"apiVersion": obj["apiVersion"], "kind": obj["kind"]}
    return {**head, "metadata": {**(changed.get("metadata") or {}), **kept}, **rest}


_IDENTITY = ("name", "namespace", "uid", "creationTimestamp", "generation", "generateName")
