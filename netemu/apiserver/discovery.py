"""What the API says about itself: versions, groups, resources (the legacy documents). Pure.

Source: https://kubernetes.io/docs/concepts/overview/kubernetes-api/#discovery-api.
"""

from __future__ import annotations

import platform
from typing import Any

from netemu import __version__
from netemu.api.kinds import Kind
from netemu.api.served import BUILT_IN, ServedKinds
from netemu.apiserver.routes import Document, DocumentPath, nothing_there

EMULATED = "1.36"
"""The Kubernetes release whose behaviour netemu follows."""

_MACHINES = {"x86_64": "amd64", "aarch64": "arm64"}
_VERBS = ("create", "delete", "deletecollection", "get", "list", "patch", "update", "watch")
_SUBRESOURCE_VERBS = {
    "status": ("get", "patch", "update"),
    "scale": ("get", "patch", "update"),
    "log": ("get",),
    "exec": ("create", "get"),
    "attach": ("create", "get"),
    "portforward": ("create", "get"),
    "proxy": ("create", "delete", "get", "patch", "update"),
    "binding": ("create",),
    "finalize": ("update",),
}
_SUBRESOURCE_KINDS = {
    "scale": {"group": "autoscaling", "version": "v1", "kind": "Scale"},
    "binding": {"kind": "Binding"},
    "exec": {"kind": "PodExecOptions"},
    "attach": {"kind": "PodAttachOptions"},
    "portforward": {"kind": "PodPortForwardOptions"},
}


def _subresource_kind(kind: Kind, name: str) -> dict[str, str]:
    if name == "proxy":
        return {"kind": f"{kind.kind}ProxyOptions"}
    return _SUBRESOURCE_KINDS.get(name, {})


def document(path: DocumentPath, kinds: ServedKinds = BUILT_IN) -> Any:
    """Give a document of discovery, where ``kinds`` are served.

    Raises:
        NotFoundError: there is no such document.

    """
    match path.document:
        case Document.VERSION:
            return version()
        case Document.CORE_VERSIONS:
            return {"kind": "APIVersions", "versions": ["v1"], "serverAddressByClientCIDRs": []}
        case Document.GROUPS:
            groups = [_group(kinds, name) for name in kinds.groups]
            return {"kind": "APIGroupList", "apiVersion": "v1", "groups": groups}
        case Document.GROUP:
            return {"kind": "APIGroup", "apiVersion": "v1", **_group(kinds, path.group)}
        case Document.RESOURCES:
            return _resources(kinds, path.group, path.version)
        case Document.INDEX:
            return {"paths": ["/api", "/api/v1", "/apis", "/healthz", "/livez", "/readyz", "/version"]}
        case _:
            raise nothing_there()


def version() -> dict[str, str]:
    """Give the answer of ``/version``."""
    major, minor = EMULATED.split(".")
    machine = platform.machine()
    return {
        "major": major,
        "minor": minor,
        "gitVersion": f"v{EMULATED}.0+netemu-{__version__}",
        "gitCommit": "",
        "gitTreeState": "clean",
        "buildDate": "1970-01-01T00:00:00Z",
        "goVersion": "",
        "compiler": "",
        "platform": f"linux/{_MACHINES.get(machine, machine)}",
    }


def _group(kinds: ServedKinds, name: str) -> dict[str, Any]:
    versions = kinds.versions(name)
    listed = [{"groupVersion": f"{name}/{version}", "version": version} for version in versions]
    return {"name": name, "versions": listed, "preferredVersion": listed[0]}


def _resources(served: ServedKinds, group: str, version: str) -> dict[str, Any]:
    kinds = [kind for kind in served.all if (kind.group, kind.version) == (group, version)]
    return {
        "kind": "APIResourceList",
        "apiVersion": "v1",
        "groupVersion": f"{group}/{version}" if group else version,
        "resources": [entry for kind in kinds for entry in (_resource(kind), *_subresources(kind))],
    }


def _resource(kind: Kind) -> dict[str, Any]:
    entry: dict[str, Any] = {
        "name": kind.resource,
        "singularName": kind.singular,
        "namespaced": kind.namespaced,
        "kind": kind.kind,
        "verbs": list(_VERBS),
    }
    if kind.short_names:
        entry["shortNames"] = list(kind.short_names)
    if kind.categories:
        entry["categories"] = list(kind.categories)
    return entry


def _subresources(kind: Kind) -> list[dict[str, Any]]:
    return [
        {
            "name": f"{kind.resource}/{name}",
            "singularName": "",
            "namespaced": kind.namespaced,
            "kind": kind.kind,
            "verbs": list(_SUBRESOURCE_VERBS[name]),
            **_subresource_kind(kind, name),
        }
        for name in kind.subresources
    ]
