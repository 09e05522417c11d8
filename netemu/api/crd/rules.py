"""The rules of CustomResourceDefinitions, in the words of Kubernetes. Pure.

Source: apiextensions-apiserver ``pkg/apis/apiextensions/validation``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from netemu.api import syntax
from netemu.api.causes import bad_value, bad_values, immutable, not_supported, required
from netemu.api.client import Object
from netemu.api.crd.definition import schema_of
from netemu.api.crd.expressionrules import check_expressions
from netemu.api.crd.names import APPROVAL
from netemu.api.crd.structure import check_structure
from netemu.api.crd.version import Json
from netemu.api.errors import Cause

_PROTECTED = (".k8s.io", ".kubernetes.io")
_COLUMN_TYPES = ("boolean", "date", "integer", "number", "string")


def check_definition(new: Object, old: Object | None) -> Iterator[Cause]:
    """Check a CustomResourceDefinition."""
    spec = new.get("spec") or {}
    names = spec.get("names") or {}
    yield from _check_group(new, spec)
    yield from _check_names(names)
    wanted = f"{names.get('plural', '')}.{spec.get('group', '')}"
    if new["metadata"].get("name") != wanted:
        yield bad_value(
            "metadata.name", new["metadata"].get("name"), 'must be spec.names.plural+"."+spec.group'
        )
    if not spec.get("scope"):
        yield required("spec.scope")
    elif spec["scope"] not in ("Cluster", "Namespaced"):
        yield not_supported("spec.scope", spec["scope"], ("Cluster", "Namespaced"))
    if spec.get("preserveUnknownFields"):
        yield bad_value(
            "spec.preserveUnknownFields",
            True,
            "cannot set to true, set x-kubernetes-preserve-unknown-fields to true in spec.versions[*].schema"
            " instead",
        )
    yield from _check_versions(spec.get("versions") or [])
    yield from _check_conversion(spec.get("conversion") or {})
    if old is not None:
        yield from _check_update(new, old)


def _check_group(crd: Object, spec: Json) -> Iterator[Cause]:
    group = spec.get("group", "")
    if not group:
        yield required("spec.group")
        return
    broken = syntax.subdomain(group)
    yield from bad_values("spec.group", group, broken)
    if not broken and "." not in group:
        yield bad_value("spec.group", group, "should be a domain with at least one dot")
    approval = (crd["metadata"].get("annotations") or {}).get(APPROVAL)
    if f".{group}".endswith(_PROTECTED) and not approval:
        yield required(
            f"metadata.annotations[{APPROVAL}]",
            f'protected groups must have approval annotation "{APPROVAL}", see '
            "https://github.com/kubernetes/enhancements/pull/1111",
        )


def _check_names(names: Json) -> Iterator[Cause]:
    for key in ("plural", "singular"):
        if names.get(key):
            yield from bad_values(f"spec.names.{key}", names[key], syntax.label_1035(names[key]))
    for key in ("kind", "listKind"):
        if names.get(key):
            mixed = (
                f"may have mixed case, but should otherwise match: {words}"
                for words in syntax.label_1035(names[key].lower())
            )
            yield from bad_values(f"spec.names.{key}", names[key], mixed)
    for key in ("plural", "singular", "kind", "listKind"):
        if not names.get(key):
            yield required(f"spec.names.{key}")
    for key in ("shortNames", "categories"):
        for index, name in enumerate(names.get(key) or ()):
            yield from bad_values(f"spec.names.{key}[{index}]", name, syntax.label_1035(name))
    if names.get("kind") and names.get("kind") == names.get("listKind"):
        yield bad_value("spec.names.listKind", names["listKind"], "kind and listKind may not be the same")


def _check_versions(versions: list[dict[str, Any]]) -> Iterator[Cause]:
    stored = [version for version in versions if version.get("storage")]
    names = [version.get("name", "") for version in versions]
    if len(set(names)) != len(names):
        yield bad_value("spec.versions", versions, "must contain unique version names")
    if len(stored) != 1:
        yield bad_value("spec.versions", versions, "must have exactly one version marked as storage version")
    for index, version in enumerate(versions):
        field = f"spec.versions[{index}]"
        yield from bad_values(
            f"{field}.name", version.get("name", ""), syntax.label_1035(version.get("name", ""))
        )
        if not schema_of(version):
            yield required(f"{field}.schema.openAPIV3Schema", "schemas are required")
    for key, together in _SHARED.items():
        for part, path in _parts(versions, key, together):
            yield from _CHECKS[key](part, path)


def _parts(versions: list[dict[str, Any]], key: str, together: str) -> Iterator[tuple[Any, str]]:
    """Give a part of each version with its path; what all have alike is one, and said of the definition.

    So Kubernetes' server sees it: a definition was once one version.
    """
    parts = [version.get(key) for version in versions]
    if parts and all(part == parts[0] for part in parts):
        yield parts[0], together
        return
    for index, part in enumerate(parts):
        yield part, f"spec.versions[{index}].{key}"


def _check_validation(schema: Json | None, path: str) -> Iterator[Cause]:
    found = (schema or {}).get("openAPIV3Schema") or {}
    if found:
        yield from _check_schema(found, f"{path}.openAPIV3Schema")


def _check_schema(schema: Json, path: str) -> Iterator[Cause]:
    broken = list(check_structure(schema, path))
    yield from broken
    if not broken:
        yield from check_expressions(schema, path)


def _check_columns(columns: list[dict[str, Any]] | None, path: str) -> Iterator[Cause]:
    for index, column in enumerate(columns or ()):
        field = f"{path}[{index}]"
        if not column.get("name"):
            yield required(f"{field}.name")
        if not column.get("type"):
            yield required(f"{field}.type", f"must be one of {','.join(_COLUMN_TYPES)}")
        elif column["type"] not in _COLUMN_TYPES:
            yield bad_value(f"{field}.type", column["type"], f"must be one of {','.join(_COLUMN_TYPES)}")
        if not column.get("jsonPath"):
            yield required(f"{field}.JSONPath")


def _check_selectable(fields: list[dict[str, Any]] | None, path: str) -> Iterator[Cause]:
    for index, field in enumerate(fields or ()):
        if not field.get("jsonPath"):
            yield required(f"{path}[{index}].jsonPath")


def _check_subresources(subresources: Json | None, path: str) -> Iterator[Cause]:
    scale, path = (subresources or {}).get("scale"), f"{path}.scale"
    if scale is None:
        return
    for key, root in (
        ("specReplicasPath", ".spec."),
        ("statusReplicasPath", ".status."),
        ("labelSelectorPath", ""),
    ):
        value = scale.get(key, "")
        if not value and root:
            yield required(f"{path}.{key}")
        elif value and root and not value.startswith(root):
            yield bad_value(f"{path}.{key}", value, f"should be a json path under {root.rstrip('.')}")
        elif value and not root and not value.startswith((".spec.", ".status.")):
            yield bad_value(f"{path}.{key}", value, "should be a json path under either .status or .spec")


def _check_conversion(conversion: Json) -> Iterator[Cause]:
    strategy = conversion.get("strategy", "None")
    if strategy not in ("None", "Webhook"):
        yield not_supported("spec.conversion.strategy", strategy, ("None", "Webhook"))
    elif strategy == "Webhook" and not conversion.get("webhook"):
        yield required("spec.conversion.webhook", 'required when strategy is set to "Webhook"')


def _check_update(new: Object, old: Object) -> Iterator[Cause]:
    spec, had = new.get("spec") or {}, old.get("spec") or {}
    names, had_names = spec.get("names") or {}, had.get("names") or {}
    for key in ("group", "scope"):
        if spec.get(key) != had.get(key):
            yield immutable(f"spec.{key}", spec.get(key))
    for key in ("kind", "plural"):
        if names.get(key) != had_names.get(key):
            yield immutable(f"spec.names.{key}", names.get(key))
    known = {version.get("name") for version in spec.get("versions") or ()}
    for index, stored in enumerate((new.get("status") or {}).get("storedVersions") or ()):
        if stored not in known:
            yield bad_value(
                f"status.storedVersions[{index}]",
                stored,
                f"missing from spec.versions; {stored} was previously a storage version, and must remain in "
                "spec.versions until a storage migration ensures no data remains persisted in "
                f"{stored} and removes {stored} from status.storedVersions",
            )


_SHARED = {
    "schema": "spec.validation",
    "additionalPrinterColumns": "spec.additionalPrinterColumns",
    "selectableFields": "spec.selectableFields",
    "subresources": "spec.subresources",
}
_CHECKS: dict[str, Callable[[Any, str], Iterator[Cause]]] = {
    "schema": _check_validation,
    "additionalPrinterColumns": _check_columns,
    "selectableFields": _check_selectable,
    "subresources": _check_subresources,
}
