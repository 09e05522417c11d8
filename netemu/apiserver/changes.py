"""What a write makes of an object. Pure: the registry reads before and puts after."""

from __future__ import annotations

from typing import Any

from netemu.api import patch as patches
from netemu.api import schema
from netemu.api.client import Object, PatchType
from netemu.api.crd.definition import as_version
from netemu.api.defaulting import default, without_nulls
from netemu.api.errors import BadRequestError, MethodNotAllowedError, UnsupportedMediaTypeError
from netemu.api.kinds import NAMESPACE, SERVICE, Kind
from netemu.api.validation import invalid, validate
from netemu.apiserver import metadata, services, subresources


def shaped(kind: Kind, obj: Any) -> Object:
    """Give a body with its own kind written into it.

    Raises:
        BadRequestError: it is no object, or one of another kind.

    """
    if not isinstance(obj, dict) or not isinstance(obj.get("metadata") or {}, dict):
        raise schema.decoding_error(kind, schema.check_head(kind, obj))
    said = (obj.get("apiVersion") or kind.api_version, obj.get("kind") or kind.kind)
    if said[0] != kind.api_version and said[1] == kind.kind:
        raise BadRequestError(
            f"the API version in the data ({said[0]}) does not match the expected API version"
            f" ({kind.api_version})"
        )
    if said != (kind.api_version, kind.kind):
        raise BadRequestError(
            f"the API version and kind in the data ({said[0]}, {said[1]}) do not match"
            f" the expected ones ({kind.api_version}, {kind.kind})"
        )
    head = {"apiVersion": kind.api_version, "kind": kind.kind, "metadata": obj.get("metadata") or {}}
    return head | {key: value for key, value in obj.items() if key not in head}


def check_subresource(kind: Kind, subresource: str) -> None:
    """Refuse a part that a kind's objects do not have.

    Raises:
        MethodNotAllowedError: they have none of this name.

    """
    if subresource and subresource not in kind.subresources:
        raise MethodNotAllowedError(f"{kind.key} has no subresource {subresource}", kind=kind.resource)


def part(kind: Kind, obj: Object, subresource: str) -> Object:
    """Give what a subresource shows of an object: all of it, or its Scale."""
    return subresources.scale_of(kind, obj) if subresource == "scale" else as_stored(kind, obj)


def as_stored(kind: Kind, obj: Object) -> Object:
    """Give an object in its kind's version: those of a definition may have been stored in another."""
    return obj if kind.custom is None else as_version(kind, obj)


def patched(kind: Kind, obj: Object, patch: Any, patch_type: PatchType) -> Object:
    """Apply a patch to an object, or to its Scale.

    Raises:
        BadRequestError: the patch cannot be read, or leaves no object of that name.
        InvalidError: it does not apply to this object.
        UnsupportedMediaTypeError: there is no such type of patch.

    """
    changed = _apply(kind, obj, patch, patch_type)
    if not isinstance(changed, dict) or not isinstance(changed.get("metadata"), dict):
        raise BadRequestError("the patch leaves no object")
    found, expected = changed["metadata"].get("name"), obj["metadata"]["name"]
    if found != expected:
        raise BadRequestError(
            f"the name of the object ({found}) does not match the name on the URL ({expected})"
        )
    return changed


def replaced(
    kind: Kind,
    given: Object,
    current: Object,
    subresource: str,
    now_s: float,
    *,
    is_client: bool = False,
) -> Object:
    """Decide what an update makes of the current object.

    Clients (``is_client``) also set labels and annotations with a status, as in Kubernetes; netemu's
    own controllers set nothing but the status, however old the rest is that they have.

    Raises:
        ConflictError: the update is meant for another version of it.
        InvalidError: the result breaks a rule of its kind.

    """
    metadata.check_identity(kind, given["metadata"], current["metadata"])
    match subresource:
        case "status" | "approval":
            told = metadata.told_with_status(kind, given, current) if is_client else current
            return _with_status(kind, told, given.get("status"), current, is_client=is_client)
        case "finalize":
            return subresources.finalized(current, given)
        case "binding":
            return subresources.bound(current, given, now_s)  # its generation stays, as in Kubernetes
        case "ephemeralcontainers":
            new = default(kind, subresources.with_ephemeral(current, given))
            return metadata.counted(kind, new, current)
        case "resize":
            return metadata.counted(kind, subresources.resized(current, given), current)
        case "scale":
            return _rewritten(kind, subresources.scaled(kind, current, given), current)
        case _:
            return _rewritten(kind, given, current)


def check_valid(kind: Kind, new: Object, old: Object | None) -> None:
    """Refuse an object that breaks a rule of its kind.

    Raises:
        InvalidError: with every field that is wrong.

    """
    causes = validate(kind, new, old)
    if causes:
        raise invalid(kind, new["metadata"].get("name", ""), causes)


def is_same(new: Object, current: Object) -> bool:
    """Compare all but the revision: a write that changes nothing is none."""
    if new.keys() != current.keys():
        return False
    meta, had = new["metadata"], current["metadata"]
    if {**meta, "resourceVersion": ""} != {**had, "resourceVersion": ""}:
        return False
    return all(new[key] is current[key] or new[key] == current[key] for key in new if key != "metadata")


def _with_status(
    kind: Kind, told: Object, status: Any, current: Object, *, is_client: bool = False
) -> Object:
    if kind.custom is None:
        new = metadata.with_status(told, without_nulls(status))
        if is_client:
            new = _sharing(default(kind, new), current)
            check_valid(kind, new, current)
        return new
    new = default(kind, metadata.with_status(as_stored(kind, current), status))
    check_valid(kind, new, current)
    return new


def _rewritten(kind: Kind, given: Object, current: Object) -> Object:
    meta = metadata.changed_metadata(given["metadata"], current["metadata"])
    new = {**given, "metadata": meta}
    if metadata.has_status(kind):
        new = metadata.with_status(new, current.get("status"))
    if kind is NAMESPACE:
        new = subresources.finalized(new, current)
    if kind is SERVICE:
        new = services.merged({"spec": {}, **new}, current)
    new = _sharing(default(kind, new), current)
    check_valid(kind, new, current)
    return metadata.counted(kind, new, current)


def _sharing(new: Object, current: Object) -> Object:
    """Keep the parts that did not change, so that versions of an object share their memory."""
    kept = {key: current[key] for key in new if key in current and new[key] == current[key]}
    return {**new, **kept}


def _apply(kind: Kind, obj: Object, patch: Any, patch_type: PatchType) -> Any:
    match patch_type:
        case "application/merge-patch+json":
            return patches.merge_patch(obj, patch)
        case "application/strategic-merge-patch+json" if kind.custom is None:
            return patches.strategic_merge_patch(kind, obj, patch)
        case "application/json-patch+json":
            return patches.json_patch(obj, patch)
    raise UnsupportedMediaTypeError(
        "the body of the request was in an unknown format - accepted media types include:"
        " application/json-patch+json, application/merge-patch+json, application/apply-patch+yaml"
    )
