"""What can be asked of each kind: its verbs, its subresources, and kinds that are only ever sent."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import NamedTuple

from netemu.api.kinds import NAMESPACE, SERVICE, Kind


class Subresource(NamedTuple):
    """A part of an object with an address of its own, and the kind that it speaks."""

    name: str
    verbs: tuple[str, ...]
    group: str
    version: str
    kind: str

    @property
    def connects(self) -> bool:
        """Whether it is a connection to something, not a part of the object."""
        return self.kind.endswith("Options")


class Review(NamedTuple):
    """A kind that is sent, answered and not kept."""

    group: str
    version: str
    kind: str
    resource: str
    namespaced: bool = False


REVIEWS = (
    Review("", "v1", "Binding", "bindings", namespaced=True),
    Review("authentication.k8s.io", "v1", "SelfSubjectReview", "selfsubjectreviews"),
    Review("authentication.k8s.io", "v1", "TokenReview", "tokenreviews"),
    Review(
        "authorization.k8s.io",
        "v1",
        "LocalSubjectAccessReview",
        "localsubjectaccessreviews",
        namespaced=True,
    ),
    Review("authorization.k8s.io", "v1", "SelfSubjectAccessReview", "selfsubjectaccessreviews"),
    Review("authorization.k8s.io", "v1", "SelfSubjectRulesReview", "selfsubjectrulesreviews"),
    Review("authorization.k8s.io", "v1", "SubjectAccessReview", "subjectaccessreviews"),
)

_VERBS = ("create", "delete", "deletecollection", "get", "list", "patch", "update", "watch")
_PART = ("get", "patch", "update")
_PARTS = {
    "log": ("get",),
    "exec": ("create", "get"),
    "attach": ("create", "get"),
    "portforward": ("create", "get"),
    "proxy": ("create", "delete", "get", "patch", "update"),
    "binding": ("create",),
    "eviction": ("create",),
    "token": ("create",),
    "finalize": ("update",),
}
_OTHER_KINDS = {
    "scale": ("autoscaling", "v1", "Scale"),
    "binding": ("", "v1", "Binding"),
    "eviction": ("policy", "v1", "Eviction"),
    "token": ("authentication.k8s.io", "v1", "TokenRequest"),
    "exec": ("", "v1", "PodExecOptions"),
    "attach": ("", "v1", "PodAttachOptions"),
    "portforward": ("", "v1", "PodPortForwardOptions"),
}
_VERSION = re.compile(r"v(\d+)(?:(alpha|beta)(\d+))?", re.ASCII)


def verbs_of(kind: Kind) -> tuple[str, ...]:
    """Name what can be done with a kind's objects, in alphabetical order."""
    if kind in (NAMESPACE, SERVICE):
        return tuple(verb for verb in _VERBS if verb != "deletecollection")
    return _VERBS


def subresources_of(kind: Kind) -> list[Subresource]:
    """Describe the subresources of a kind."""
    return [_subresource(kind, name) for name in kind.subresources]


def group_versions(kinds: Iterable[Kind]) -> list[tuple[str, str]]:
    """List every group and version that is served, each group's versions best first."""
    served = dict.fromkeys((kind.group, kind.version) for kind in kinds)
    served |= dict.fromkeys((review.group, review.version) for review in REVIEWS)
    groups = list(dict.fromkeys(group for group, _ in served))
    return sorted(served, key=lambda pair: (groups.index(pair[0]), _rank(pair[1])))


def _subresource(kind: Kind, name: str) -> Subresource:
    own = (kind.group, kind.version, kind.kind)
    proxied = ("", "v1", f"{kind.kind}ProxyOptions")
    speaks = proxied if name == "proxy" else _OTHER_KINDS.get(name, own)
    return Subresource(name, _PARTS.get(name, _PART), *speaks)


def _rank(version: str) -> tuple[int, int, int, str]:
    """Order versions as Kubernetes does: v2, v1, v1beta1, v1alpha1, then names.

    Source: https://kubernetes.io/docs/tasks/extend-kubernetes/custom-resources/custom-resource-definition-versioning/.
    """
    found = _VERSION.fullmatch(version)
    if found is None:
        return (3, 0, 0, version)
    major, stage, minor = found.groups()
    return (("", "beta", "alpha").index(stage or ""), -int(major), -int(minor or 0), "")
