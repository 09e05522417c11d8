"""What the API says about itself: versions, groups, resources, one by one or all at once. Pure.

Source: https://kubernetes.io/docs/concepts/overview/kubernetes-api/#discovery-api.
"""

from __future__ import annotations

import base64
import hashlib
import platform
from typing import Any

from netemu import __version__
from netemu.api.kinds import Kind
from netemu.api.resources import (
    Review,
    Subresource,
    listed_group_versions,
    listed_kinds_of,
    reviews_of,
    subresources_of,
    verbs_of,
)
from netemu.api.served import ServedKinds

EMULATED = "v1.37.1"
"""The Kubernetes release whose behaviour netemu follows."""

RELEASE = f"{EMULATED}+netemu-{__version__}"

_MACHINES = {"x86_64": "amd64", "aarch64": "arm64"}
_CREATE = ("create",)

Document = dict[str, Any]


def version() -> Document:
    """Give the answer of ``/version``."""
    major, minor, _ = EMULATED.removeprefix("v").split(".")
    machine = platform.machine()
    return {
        "major": major,
        "minor": minor,
        "emulationMajor": major,
        "emulationMinor": minor,
        "minCompatibilityMajor": major,
        "minCompatibilityMinor": str(int(minor) - 1),
        "gitVersion": RELEASE,
        "gitCommit": "",
        "gitTreeState": "clean",
        "buildDate": "1970-01-01T00:00:00Z",
        "goVersion": "",
        "compiler": "",
        "platform": f"linux/{_MACHINES.get(machine, machine)}",
    }


def core_versions() -> Document:
    """Give the answer of ``/api``."""
    return {"kind": "APIVersions", "versions": ["v1"], "serverAddressByClientCIDRs": []}


def group_list(kinds: ServedKinds) -> Document:
    """Give the answer of ``/apis``."""
    groups = [_group(name, versions) for name, versions in listed_group_versions(kinds).items() if name]
    return {"kind": "APIGroupList", "apiVersion": "v1", "groups": groups}


def find_group(kinds: ServedKinds, name: str) -> Document | None:
    """Give the answer of ``/apis/NAME``, if there is such a group."""
    versions = listed_group_versions(kinds).get(name)
    if not name or not versions:
        return None
    return {"kind": "APIGroup", "apiVersion": "v1", **_group(name, versions)}


def find_resources(kinds: ServedKinds, group: str, version: str) -> Document | None:
    """Give the answer of ``/apis/GROUP/VERSION`` or ``/api/v1``, if that is served."""
    if version not in listed_group_versions(kinds).get(group, ()):
        return None
    found = listed_kinds_of(kinds, group, version)
    entries = [entry for kind in found for entry in (_resource(kind), *_subresources(kind))]
    return {
        "kind": "APIResourceList",
        "apiVersion": "v1",
        "groupVersion": f"{group}/{version}" if group else version,
        "resources": [*entries, *(_review(review) for review in reviews_of(group, version))],
    }


def aggregated(kinds: ServedKinds, discovery_version: str, *, core: bool) -> Document:
    """Give everything below ``/api`` (``core``) or ``/apis`` in one document."""
    served = listed_group_versions(kinds).items()
    return {
        "kind": "APIGroupDiscoveryList",
        "apiVersion": f"apidiscovery.k8s.io/{discovery_version}",
        "metadata": {},
        "items": [
            _discovered_group(kinds, name, versions) for name, versions in served if (not name) is core
        ],
    }


def _group(name: str, versions: tuple[str, ...]) -> Document:
    listed = [{"groupVersion": f"{name}/{version}", "version": version} for version in versions]
    return {"name": name, "versions": listed, "preferredVersion": listed[0]}


def _resource(kind: Kind) -> Document:
    return {
        "name": kind.resource,
        "singularName": kind.singular,
        "namespaced": kind.namespaced,
        "kind": kind.kind,
        "verbs": verbs_of(kind),
        **_names(kind),
        "storageVersionHash": _storage_hash(kind.stored or kind),
    }


def _storage_hash(kind: Kind) -> str:
    """Give what changes when objects are stored in another version (apiserver ``StorageVersionHash``)."""
    name = f"{kind.group}/{kind.version}/{kind.kind}"
    return base64.b64encode(hashlib.sha256(name.encode()).digest()[:8]).decode()


def _subresources(kind: Kind) -> list[Document]:
    return [
        {
            "name": f"{kind.resource}/{part.name}",
            "singularName": "",
            "namespaced": kind.namespaced,
            **_foreign(kind, part),
            "kind": part.kind,
            "verbs": part.verbs,
        }
        for part in subresources_of(kind)
    ]


def _foreign(kind: Kind, part: Subresource) -> Document:
    """Name a subresource's group and version where they are not those of its list."""
    own = (part.group, part.version) == (kind.group, kind.version)
    return {} if own else {"group": part.group, "version": part.version}


def _review(review: Review) -> Document:
    return {
        "name": review.resource,
        "singularName": review.kind.lower(),
        "namespaced": review.namespaced,
        "kind": review.kind,
        "verbs": _CREATE,
    }


def _names(kind: Kind) -> Document:
    names = {"shortNames": kind.short_names, "categories": kind.categories}
    return {key: value for key, value in names.items() if value}


def _discovered_group(kinds: ServedKinds, name: str, versions: tuple[str, ...]) -> Document:
    meta: Document = {"name": name} if name else {}
    return {
        "metadata": {**meta, "creationTimestamp": None},
        "versions": [_discovered_version(kinds, name, version) for version in versions],
    }


def _discovered_version(kinds: ServedKinds, group: str, version: str) -> Document:
    resources = [_discovered(kind) for kind in listed_kinds_of(kinds, group, version)]
    reviews = [_discovered_review(review) for review in reviews_of(group, version)]
    return {"version": version, "resources": [*resources, *reviews], "freshness": "Current"}


def _discovered(kind: Kind) -> Document:
    parts = [_discovered_part(part) for part in subresources_of(kind)]
    return {
        "resource": kind.resource,
        "responseKind": {"group": kind.group, "version": kind.version, "kind": kind.kind},
        "scope": _scope(kind.namespaced),
        "singularResource": kind.singular,
        "verbs": verbs_of(kind),
        **_names(kind),
        **({"subresources": parts} if parts else {}),
    }


def _discovered_part(part: Subresource) -> Document:
    return {
        "subresource": part.name,
        "responseKind": {"group": part.group, "version": part.version, "kind": part.kind},
        "verbs": part.verbs,
    }


def _discovered_review(review: Review) -> Document:
    return {
        "resource": review.resource,
        "responseKind": {"group": review.group, "version": review.version, "kind": review.kind},
        "scope": _scope(review.namespaced),
        "singularResource": review.kind.lower(),
        "verbs": _CREATE,
    }


def _scope(namespaced: bool) -> str:
    return "Namespaced" if namespaced else "Cluster"
