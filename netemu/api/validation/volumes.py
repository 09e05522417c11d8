"""The rules of a pod's volumes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from netemu.api import syntax
from netemu.api.causes import bad_value, bad_values, duplicate, forbidden, required
from netemu.api.errors import Cause

# The field of each source that must not be empty.
_NEEDED = {
    "hostPath": "path",
    "secret": "secretName",
    "configMap": "name",
    "persistentVolumeClaim": "claimName",
    "image": "reference",
}


def check_volumes(volumes: list[dict[str, Any]], path: str) -> Iterator[Cause]:
    """Check names and sources of volumes."""
    seen: set[str] = set()
    for index, volume in enumerate(volumes):
        field, name = f"{path}[{index}]", volume.get("name", "")
        if not name:
            yield required(f"{field}.name")
        else:
            yield from bad_values(f"{field}.name", name, syntax.label(name))
            if name in seen:
                yield duplicate(f"{field}.name", name)
            seen.add(name)
        yield from _check_source(volume, field)


def _check_source(volume: dict[str, Any], field: str) -> Iterator[Cause]:
    sources = [key for key in volume if key != "name"]
    if not sources:
        yield required(field, "must specify a volume type")
    for extra in sources[1:]:
        yield forbidden(f"{field}.{extra}", "may not specify more than 1 volume type")
    for source in sources[:1]:
        needed = _NEEDED.get(source)
        if needed and not volume[source].get(needed):
            yield required(f"{field}.{source}.{needed}")
        for index, item in enumerate(volume[source].get("items", ())):
            yield from _check_path(item.get("path", ""), f"{field}.{source}.items[{index}].path")


def _check_path(path: str, field: str) -> Iterator[Cause]:
    """Ask for a path that stays inside the volume."""
    if not path:
        yield required(field)
    elif path.startswith("/"):
        yield bad_value(field, path, "must be a relative path")
    elif ".." in path.split("/"):
        yield bad_value(field, path, "must not contain '..'")
