"""What every object's metadata must be.

Source: apimachinery ``pkg/api/validation/objectmeta.go``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from netemu.api import syntax
from netemu.api.causes import bad_value, bad_values, forbidden, immutable, required, too_long
from netemu.api.client import Object
from netemu.api.errors import Cause
from netemu.api.kinds import (
    CLUSTER_ROLE,
    CLUSTER_ROLE_BINDING,
    IP_ADDRESS,
    NAMESPACE,
    ROLE,
    ROLE_BINDING,
    SERVICE,
    Kind,
)

_ANNOTATIONS_BYTES = 256 * 1024
_FIXED = ("name", "namespace", "uid", "creationTimestamp")
_FREELY_NAMED = (ROLE, ROLE_BINDING, CLUSTER_ROLE, CLUSTER_ROLE_BINDING)
_NAME_RULES: dict[str, Callable[[str], syntax.Broken]] = {
    NAMESPACE.key: syntax.label,
    SERVICE.key: syntax.label,
    IP_ADDRESS.key: syntax.address,
    **dict.fromkeys((each.key for each in _FREELY_NAMED), syntax.path_segment),
}


def check_metadata(kind: Kind, obj: Object, old: Object | None) -> Iterator[Cause]:
    """Check names, labels, annotations and owners; on an update also what must not change."""
    metadata = obj.get("metadata", {})
    yield from _check_name(kind, metadata)
    if kind.namespaced and not metadata.get("namespace"):
        yield required("metadata.namespace")
    if not kind.namespaced and metadata.get("namespace"):
        yield forbidden("metadata.namespace", "not allowed on this type")
    yield from check_labels("metadata.labels", metadata.get("labels", {}))
    yield from check_annotations("metadata.annotations", metadata.get("annotations", {}))
    yield from _check_owners(metadata.get("ownerReferences", ()))
    for index, finalizer in enumerate(metadata.get("finalizers", ())):
        yield from bad_values(f"metadata.finalizers[{index}]", finalizer, syntax.qualified_name(finalizer))
    if old is not None:
        yield from _check_update(metadata, old.get("metadata", {}))


def check_labels(field: str, labels: Mapping[str, str]) -> Iterator[Cause]:
    """Check keys and values of labels."""
    for key, value in labels.items():
        yield from bad_values(field, key, syntax.qualified_name(key))
        yield from bad_values(field, value, syntax.label_value(value))


def check_annotations(field: str, annotations: Mapping[str, str]) -> Iterator[Cause]:
    """Check keys of annotations, and the size of all together."""
    for key in annotations:
        yield from bad_values(field, key, syntax.qualified_name(key.lower()))
    if sum(len(k.encode()) + len(v.encode()) for k, v in annotations.items()) > _ANNOTATIONS_BYTES:
        yield too_long(field, _ANNOTATIONS_BYTES)


def _check_name(kind: Kind, metadata: Mapping[str, Any]) -> Iterator[Cause]:
    name, prefix = metadata.get("name", ""), metadata.get("generateName", "")
    rule = _NAME_RULES.get(kind.key, syntax.subdomain)
    if name:
        yield from bad_values("metadata.name", name, rule(name))
    elif prefix:
        # A generated name ends with letters and digits, so only the prefix's own end is free.
        yield from bad_values("metadata.generateName", prefix, rule(prefix.rstrip("-.") or prefix))
    else:
        yield required("metadata.name", "name or generateName is required")


def _check_owners(owners: list[dict[str, Any]]) -> Iterator[Cause]:
    controllers = [owner for owner in owners if owner.get("controller")]
    if len(controllers) > 1:
        first, second = (f"{owner.get('kind')}/{owner.get('name')}" for owner in controllers[:2])
        yield bad_value(
            "metadata.ownerReferences",
            owners,
            "Only one reference can have Controller set to true. "
            f'Found "true" in references for {first} and {second}',
        )
    for index, owner in enumerate(owners):
        for key in ("apiVersion", "kind", "name", "uid"):
            if not owner.get(key):
                yield required(f"metadata.ownerReferences[{index}].{key}", "must not be empty")


def _check_update(metadata: Mapping[str, Any], old: Mapping[str, Any]) -> Iterator[Cause]:
    for key in _FIXED:
        if old.get(key) and metadata.get(key, old[key]) != old[key]:
            yield immutable(f"metadata.{key}", metadata[key])
