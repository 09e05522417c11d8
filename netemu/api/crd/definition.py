"""Read a CustomResourceDefinition: the kinds that it adds. Pure."""

from __future__ import annotations

import re
from typing import Any

from netemu.api.client import Object
from netemu.api.crd.schema import has_defaults
from netemu.api.crd.version import CustomVersion, Json, ScalePaths
from netemu.api.kinds import Kind

_VERSION = re.compile(r"v([1-9][0-9]*)(?:(alpha|beta)([1-9][0-9]*))?")
_STAGES = {None: 2, "beta": 1, "alpha": 0}


def kinds_of(crd: Object) -> tuple[Kind, ...]:
    """Give the kinds of the served versions, the preferred one first; none before it is established."""
    if not is_established(crd):
        return ()
    versions = sorted(crd["spec"]["versions"], key=lambda v: version_rank(v["name"]), reverse=True)
    stored = next(_kind(crd, version, None) for version in versions if version.get("storage"))
    return tuple(
        stored if version["name"] == stored.version else _kind(crd, version, stored)
        for version in versions
        if version.get("served")
    )


def as_version(kind: Kind, obj: Object) -> Object:
    """Give an object as another version shows it: only its apiVersion differs (conversion ``None``).

    What is no such object (a Scale), or what a webhook must convert, stays as it is.
    """
    if obj.get("apiVersion") == kind.api_version or obj.get("kind") != kind.kind:
        return obj
    if kind.custom is not None and kind.custom.conversion is not None:
        return obj
    return {**obj, "apiVersion": kind.api_version}


def is_established(crd: Object) -> bool:
    """Tell whether the API serves objects of this definition."""
    return has_condition(crd, "Established")


def is_terminating(crd: Object) -> bool:
    """Tell whether a definition is going away, with all of its objects."""
    return "deletionTimestamp" in crd["metadata"]


def has_condition(crd: Object, type_: str) -> bool:
    """Tell whether a condition of a definition is True."""
    conditions = (crd.get("status") or {}).get("conditions") or ()
    return any(c.get("type") == type_ and c.get("status") == "True" for c in conditions)


def storage_version(crd: Object) -> str:
    """Give the name of the version that objects are stored as."""
    return str(next(version["name"] for version in crd["spec"]["versions"] if version.get("storage")))


def version_rank(name: str) -> tuple[Any, ...]:
    """Order versions: ``v2`` before ``v1`` before ``v1beta1`` before ``v1alpha1``, others last.

    Greater is preferred (apimachinery ``version.CompareKubeAwareVersionStrings``).
    """
    match = _VERSION.fullmatch(name)
    if match is None:
        return (0, tuple(-ord(letter) for letter in name))
    return (1, _STAGES[match[2]], int(match[1]), int(match[3] or 0))


def schema_of(version: Json) -> dict[str, Any]:
    """Give the schema of a version as the CRD has it."""
    found: dict[str, Any] = (version.get("schema") or {}).get("openAPIV3Schema") or {}
    return found


def _kind(crd: Object, version: Json, stored: Kind | None) -> Kind:
    spec = crd["spec"]
    names = crd["status"]["acceptedNames"]
    subresources = version.get("subresources") or {}
    return Kind(
        group=spec["group"],
        version=version["name"],
        kind=names["kind"],
        resource=names["plural"],
        singular=names.get("singular") or names["kind"].lower(),
        namespaced=spec.get("scope") == "Namespaced",
        short_names=tuple(names.get("shortNames") or ()),
        categories=tuple(names.get("categories") or ()),
        subresources=tuple(name for name in ("status", "scale") if subresources.get(name) is not None),
        custom=_custom(crd, version),
        stored=stored,
    )


def _custom(crd: Object, version: Json) -> CustomVersion:
    names = crd["status"]["acceptedNames"]
    scale = (version.get("subresources") or {}).get("scale")
    schema = schema_of(version)
    return CustomVersion(
        definition=crd["metadata"]["name"],
        list_kind=names.get("listKind") or f"{names['kind']}List",
        schema=schema,
        fills=has_defaults(schema),
        columns=tuple(version.get("additionalPrinterColumns") or ()),
        scale=_scale_paths(scale) if scale is not None else None,
        selectable=tuple(f["jsonPath"].removeprefix(".") for f in version.get("selectableFields") or ()),
        deprecation=_deprecation(crd, version),
        conversion=_conversion(crd),
    )


def _conversion(crd: Object) -> Json | None:
    conversion = crd["spec"].get("conversion") or {}
    return conversion.get("webhook") if conversion.get("strategy") == "Webhook" else None


def _scale_paths(scale: Json) -> ScalePaths:
    return ScalePaths(
        spec_replicas=simple_path(scale["specReplicasPath"]),
        status_replicas=simple_path(scale["statusReplicasPath"]),
        selector=simple_path(scale.get("labelSelectorPath") or ""),
    )


def simple_path(path: str) -> tuple[str, ...]:
    """Read a path without arrays, as in ``.spec.replicas``."""
    return tuple(part for part in path.split(".") if part)


def _deprecation(crd: Object, version: Json) -> str:
    if not version.get("deprecated"):
        return ""
    said: str | None = version.get("deprecationWarning")
    group, kind = crd["spec"]["group"], crd["spec"]["names"]["kind"]
    return said or f"{group}/{version['name']} {kind} is deprecated"
