"""``api-resources`` and ``api-versions``: discovery as kubectl lists it. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from netemu.api.client import Object
from netemu.cli.tables import Row

HEADS = ("NAME", "SHORTNAMES", "APIVERSION", "NAMESPACED", "KIND")
WIDE_HEADS = (*HEADS, "VERBS", "CATEGORIES")


class Resource(NamedTuple):
    """One resource that is served."""

    name: str
    short_names: tuple[str, ...]
    group: str
    version: str
    namespaced: bool
    kind: str
    verbs: tuple[str, ...]
    categories: tuple[str, ...]

    @property
    def api_version(self) -> str:
        """``v1`` or ``group/version``."""
        return f"{self.group}/{self.version}" if self.group else self.version

    @property
    def full_name(self) -> str:
        """``pods`` or ``deployments.apps``."""
        return f"{self.name}.{self.group}" if self.group else self.name


class Wanted(NamedTuple):
    """Which resources to list; ``None`` and empty stand for any."""

    namespaced: bool | None = None
    group: str | None = None
    verbs: frozenset[str] = frozenset()
    categories: frozenset[str] = frozenset()


def resources_of(discoveries: Iterable[Object]) -> Iterator[Resource]:
    """Give the resources of the preferred version of each group (``APIGroupDiscoveryList``)."""
    for discovery in discoveries:
        for group in discovery["items"]:
            name = group["metadata"].get("name", "")
            for version in group["versions"][:1]:
                for one in version["resources"]:
                    yield _resource(name, version["version"], one)


def versions_of(discoveries: Iterable[Object]) -> list[str]:
    """Give every group and version, in alphabetical order."""
    return sorted(
        f"{group['metadata']['name']}/{version['version']}"
        if group["metadata"].get("name")
        else version["version"]
        for discovery in discoveries
        for group in discovery["items"]
        for version in group["versions"]
    )


def is_wanted(resource: Resource, wanted: Wanted) -> bool:
    """Tell whether to list a resource."""
    return (
        wanted.namespaced in (None, resource.namespaced)
        and wanted.group in (None, resource.group)
        and wanted.verbs <= set(resource.verbs)
        and wanted.categories <= set(resource.categories)
    )


def resource_rows(resources: Iterable[Resource], *, wide: bool, headings: bool) -> list[Row]:
    """Give kubectl's table: by group, then by name."""
    ordered = sorted(resources, key=lambda one: (one.group, one.name))
    rows = [_row(one) for one in ordered]
    body = rows if wide else [row[: len(HEADS)] for row in rows]
    return [WIDE_HEADS if wide else HEADS, *body] if headings else body


def _resource(group: str, version: str, one: Object) -> Resource:
    return Resource(
        name=one["resource"],
        short_names=_texts(one.get("shortNames")),
        group=group,
        version=version,
        namespaced=one["scope"] == "Namespaced",
        kind=one["responseKind"]["kind"],
        verbs=_texts(one["verbs"]),
        categories=_texts(one.get("categories")),
    )


def _row(one: Resource) -> Row:
    return (
        one.name,
        ",".join(one.short_names),
        one.api_version,
        str(one.namespaced).lower(),
        one.kind,
        ",".join(one.verbs),
        ",".join(one.categories),
    )


def _texts(values: Sequence[str] | None) -> tuple[str, ...]:
    return tuple(values or ())
