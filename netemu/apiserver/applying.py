"""Writes whose fields have owners. Pure: the registry reads before and puts after.

Only writers that come over HTTP are told apart. netemu's own controllers are not tracked: what
they set belongs to nobody, and can be applied by anyone without a conflict.
"""

from __future__ import annotations

from typing import Any

from netemu.api import apply as owners
from netemu.api.apply import Writer
from netemu.api.client import Object
from netemu.api.errors import BadRequestError
from netemu.api.kinds import Kind
from netemu.apiserver import changes, metadata
from netemu.apiserver.options import WriteOptions
from netemu.clock import parse_rfc3339


def shaped(kind: Kind, wish: Any, subresource: str, options: WriteOptions) -> Object:
    """Give the body of an apply as an object of its kind; a Scale becomes the part that it is of.

    Raises:
        BadRequestError: it is no such object.

    """
    if not isinstance(wish, dict) or not wish.get("apiVersion") or not wish.get("kind"):
        raise BadRequestError("the body of an apply needs apiVersion, kind and metadata.name")
    if subresource == "scale":
        replicas = (wish.get("spec") or {}).get("replicas")
        wish = {"metadata": wish.get("metadata"), "spec": {"replicas": replicas}}
    made = changes.shaped(kind, wish)
    if made["metadata"].get("managedFields"):
        raise BadRequestError("metadata.managedFields must be nil")
    if not made["metadata"].get("name"):
        raise BadRequestError("metadata.name must be set")
    if options.fields is not None:
        options.fields.is_applied = True
    return options.checked(kind, made)


def created(kind: Kind, obj: Object, wish: Object | None, writer: Writer) -> Object:
    """Note who made an object: all of it is its maker's, or (applied) what it wished."""
    if wish is None:
        return metadata.with_managed(obj, owners.created_fields(kind, obj, writer))
    return metadata.with_managed(obj, owners.apply(kind, None, wish, writer, force=False).managed_fields)


def applied(kind: Kind, current: Object, wish: Object, writer: Writer, *, force: bool) -> Object:
    """Decide what an apply makes of the current object.

    Raises:
        ConflictError: others own what is to change.
        InvalidError: the result breaks a rule of its kind.

    """
    wanted = owners.apply(kind, current, wish, writer, force=force)
    subresource = "" if writer.subresource == "scale" else writer.subresource
    new = changes.replaced(
        kind, wanted.object, current, subresource, parse_rfc3339(writer.time), is_client=True
    )
    return metadata.with_managed(new, wanted.managed_fields)


def noted(kind: Kind, old: Object, new: Object, writer: Writer) -> Object:
    """Note what an update or a patch set."""
    return metadata.with_managed(new, owners.updated_fields(kind, old, new, writer))
