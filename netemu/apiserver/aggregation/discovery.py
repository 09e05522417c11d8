"""What other API servers serve, beside the server's own in discovery. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import groupby
from typing import Any

from netemu.api.client import Object
from netemu.apiserver.aggregation.remotes import Remotes

Document = dict[str, Any]


def with_remote_groups(document: Document, remotes: Remotes) -> Document:
    """Give the answer of ``/apis`` with the groups of others."""
    known = {group["name"] for group in document["groups"]}
    return {**document, "groups": [*document["groups"], *_new(groups_of(remotes), known)]}


def find_group(remotes: Remotes, name: str) -> Document | None:
    """Give the answer of ``/apis/NAME`` for a group of others."""
    found = next((group for group in groups_of(remotes) if group["name"] == name), None)
    return {"kind": "APIGroup", "apiVersion": "v1", **found} if found is not None else None


def with_remote_items(document: Document, remotes: Remotes) -> Document:
    """Give the aggregated document of ``/apis`` with the resources of others."""
    known = {item["metadata"].get("name") for item in document["items"]}
    items = [
        {
            "metadata": {"name": group, "creationTimestamp": None},
            "versions": [_version(service, remotes) for service in services],
        }
        for group, services in _by_group(remotes)
        if group not in known
    ]
    return {**document, "items": [*document["items"], *items]}


def groups_of(remotes: Remotes) -> Iterator[Document]:
    """Give each group with its versions, the preferred one first."""
    for group, services in _by_group(remotes):
        names = [service["spec"]["version"] for service in services]
        versions = [{"groupVersion": f"{group}/{name}", "version": name} for name in names]
        yield {"name": group, "versions": versions, "preferredVersion": versions[0]}


def _by_group(remotes: Remotes) -> list[tuple[str, list[Object]]]:
    ordered = groupby(remotes.all(), key=lambda service: str(service["spec"]["group"]))
    return [(group, list(services)) for group, services in ordered]


def _new(groups: Iterable[Document], known: set[str]) -> Iterator[Document]:
    return (group for group in groups if group["name"] not in known)


def _version(service: Object, remotes: Remotes) -> Document:
    name, version = service["metadata"]["name"], service["spec"]["version"]
    listed = remotes.resources.get(name)
    if listed is None:
        return {"version": version, "freshness": "Stale"}
    group = service["spec"]["group"]
    whole = [each for each in listed if "/" not in each["name"]]
    return {
        "version": version,
        "resources": [_resource(each, group, version, listed) for each in whole],
        "freshness": "Current",
    }


def _resource(resource: Object, group: str, version: str, listed: list[Object]) -> Document:
    name = resource["name"]
    parts = [each for each in listed if each["name"].startswith(f"{name}/")]
    made = {
        "resource": name,
        "responseKind": _kind(resource, group, version),
        "scope": "Namespaced" if resource.get("namespaced") else "Cluster",
        "singularResource": resource.get("singularName") or str(resource.get("kind", "")).lower(),
        "verbs": resource.get("verbs") or [],
    }
    names = {key: resource[key] for key in ("shortNames", "categories") if resource.get(key)}
    below = [
        {
            "subresource": part["name"].partition("/")[2],
            "responseKind": _kind(part, group, version),
            "verbs": part.get("verbs") or [],
        }
        for part in parts
    ]
    return {**made, **names, **({"subresources": below} if below else {})}


def _kind(resource: Object, group: str, version: str) -> Document:
    return {
        "group": resource.get("group") or group,
        "version": resource.get("version") or version,
        "kind": resource.get("kind", ""),
    }
