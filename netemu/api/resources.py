"""What can be asked of each kind: its verbs, its subresources, and kinds that are only ever sent."""

from __future__ import annotations

from typing import NamedTuple

from netemu.api.kinds import COMPONENT_STATUS, NAMESPACE, Kind
from netemu.api.measured import MEASURED
from netemu.api.served import ServedKinds


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


def verbs_of(kind: Kind) -> tuple[str, ...]:
    """Name what can be done with a kind's objects, in alphabetical order."""
    if kind is COMPONENT_STATUS or kind in MEASURED:
        return ("get", "list")
    if kind is NAMESPACE:
        return tuple(verb for verb in _VERBS if verb != "deletecollection")
    return _VERBS


def subresources_of(kind: Kind) -> list[Subresource]:
    """Describe the subresources of a kind."""
    return [_subresource(kind, name) for name in kind.subresources]


def group_versions(kinds: ServedKinds) -> dict[str, tuple[str, ...]]:
    """Give all groups that are served, the core one (empty) first, each with its versions, best first."""
    served = {group: kinds.versions(group) for group in ("", *kinds.groups)}
    reviewed = {review.group: (review.version,) for review in REVIEWS}
    return {**served, **{group: versions for group, versions in reviewed.items() if group not in served}}


def listed_group_versions(kinds: ServedKinds) -> dict[str, tuple[str, ...]]:
    """Give all groups that discovery shows: those, too, that no schema describes."""
    return {**group_versions(kinds), **{kind.group: (kind.version,) for kind in MEASURED}}


def served_paths(kinds: ServedKinds) -> dict[str, tuple[str, str]]:
    """Give the root path of every group and version."""
    pairs = [(group, version) for group, versions in group_versions(kinds).items() for version in versions]
    return {
        f"/apis/{group}/{version}" if group else f"/api/{version}": (group, version)
        for group, version in pairs
    }


def reviews_of(group: str, version: str) -> list[Review]:
    """List what is sent to a group and version and not kept."""
    return [review for review in REVIEWS if (review.group, review.version) == (group, version)]


def kinds_of(kinds: ServedKinds, group: str, version: str) -> list[Kind]:
    """List the kinds of one group and version whose objects are stored."""
    return [kind for kind in kinds.all if (kind.group, kind.version) == (group, version)]


def listed_kinds_of(kinds: ServedKinds, group: str, version: str) -> list[Kind]:
    """List the kinds that discovery shows of one group and version, those without schemas too."""
    measured = [kind for kind in MEASURED if (kind.group, kind.version) == (group, version)]
    return [*kinds_of(kinds, group, version), *measured]


def _subresource(kind: Kind, name: str) -> Subresource:
    own = (kind.group, kind.version, kind.kind)
    proxied = ("", "v1", f"{kind.kind}ProxyOptions")
    speaks = proxied if name == "proxy" else _OTHER_KINDS.get(name, own)
    return Subresource(name, _PARTS.get(name, _PART), *speaks)
