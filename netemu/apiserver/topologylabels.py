"""The labels that tell pods in which zone and region their node is. Pure.

Source: kubernetes ``plugin/pkg/admission/podtopologylabels``, KEP-4742.
"""

from __future__ import annotations

from collections.abc import Callable

from netemu.api.client import Object
from netemu.api.errors import NotFoundError
from netemu.api.kinds import NODE, POD, Kind

Find = Callable[[Kind, str, str], Object]

_LABELS = ("topology.kubernetes.io/zone", "topology.kubernetes.io/region")


def admit_topology(kind: Kind, obj: Object, find: Find) -> Object:
    """Give a new Pod as it is stored: one that names its node has the node's labels."""
    node = obj["spec"].get("nodeName") if kind is POD else None
    return _labelled(obj, node, find) if node else obj


def told_where(binding: Object, find: Find) -> Object:
    """Give a Binding with the labels that its Pod gets with it."""
    node = (binding.get("target") or {}).get("name")
    return _labelled(binding, node, find) if node else binding


def _labelled(obj: Object, node: str, find: Find) -> Object:
    try:
        of_node = find(NODE, "", node)["metadata"].get("labels") or {}
    except NotFoundError:
        return obj
    added = {name: of_node[name] for name in _LABELS if name in of_node}
    meta = obj["metadata"]
    return {**obj, "metadata": {**meta, "labels": {**(meta.get("labels") or {}), **added}}} if added else obj
