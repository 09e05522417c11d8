"""Which structures every object of a kind has, also an empty one. Pure.

Kubernetes compares a new object with the zero value of its Go type. What that has already (structures that
are no pointers) is nothing that a writer set, so it is no member of its fields: ``f:spec`` has no ``.``,
``f:rollingUpdate`` has. Objects of custom kinds begin with nothing but their metadata.

Source: k8s.io/api ``*/types.go`` (fields that are neither pointers, lists nor maps).
"""

from __future__ import annotations

from netemu.api import kinds
from netemu.api.apply.paths import SELF, Path, Tree
from netemu.api.kinds import Kind

_METADATA: Path = ("f:metadata",)
_EVERY = frozenset({_METADATA, ("f:spec",), ("f:status",)})

_POD_TEMPLATE = ("f:template", "f:template.f:metadata", "f:template.f:spec")


def _below(root: str, *names: str) -> frozenset[Path]:
    return frozenset(tuple(f"{root}.{name}".split(".")) for name in names)


_WORKLOAD = _below("f:spec", *_POD_TEMPLATE, "f:strategy", "f:updateStrategy")
_JOB = ("f:jobTemplate", "f:jobTemplate.f:metadata", "f:jobTemplate.f:spec")
_BALANCED = _below("f:status", "f:loadBalancer")
_OF_KIND: dict[Kind, frozenset[Path]] = {
    kinds.DEPLOYMENT: _WORKLOAD,
    kinds.REPLICA_SET: _WORKLOAD,
    kinds.STATEFUL_SET: _WORKLOAD,
    kinds.DAEMON_SET: _WORKLOAD,
    kinds.JOB: _WORKLOAD,
    kinds.CRON_JOB: _below("f:spec", *_JOB, *(f"f:jobTemplate.f:spec.{name}" for name in _POD_TEMPLATE)),
    kinds.SERVICE: _BALANCED,
    kinds.INGRESS: _BALANCED,
    kinds.NETWORK_POLICY: _below("f:spec", "f:podSelector"),
    kinds.HORIZONTAL_POD_AUTOSCALER: _below("f:spec", "f:scaleTargetRef"),
    kinds.PERSISTENT_VOLUME_CLAIM: _below("f:spec", "f:resources"),
    kinds.CUSTOM_RESOURCE_DEFINITION: _below("f:spec", "f:names") | _below("f:status", "f:acceptedNames"),
    kinds.NODE: _below("f:status", "f:nodeInfo", "f:daemonEndpoints", "f:daemonEndpoints.f:kubeletEndpoint"),
    kinds.EVENT: frozenset({("f:involvedObject",), ("f:source",)}),
}


def zero_paths(kind: Kind) -> frozenset[Path]:
    """Give the structures that an empty object has."""
    if kind.custom is not None:
        return frozenset({_METADATA})
    return _EVERY | _OF_KIND.get(kind, frozenset())


def without_zero(kind: Kind, tree: Tree) -> Tree:
    """Give the fields of a new object without the structures that an empty one has, too."""
    return _without(tree, (), zero_paths(kind))


def _without(tree: Tree, path: Path, zeros: frozenset[Path]) -> Tree:
    kept: Tree = {}
    for step, below in tree.items():
        here = (*path, step)
        if here in zeros and below:
            kept[step] = _without({name: one for name, one in below.items() if name != SELF}, here, zeros)
        else:
            kept[step] = below
    return kept
