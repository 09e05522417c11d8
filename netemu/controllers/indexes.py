"""The indexes that controllers look things up with; each costs a few microseconds per event."""

from __future__ import annotations

from collections.abc import Iterable

from netemu.api.client import Object
from netemu.api.kinds import (
    CONTROLLER_REVISION,
    DAEMON_SET,
    DEPLOYMENT,
    ENDPOINT_SLICE,
    JOB,
    POD,
    POD_DISRUPTION_BUDGET,
    REPLICA_SET,
    REPLICATION_CONTROLLER,
    SERVICE,
    STATEFUL_SET,
    Kind,
)
from netemu.api.views.discovery import SERVICE_NAME_LABEL
from netemu.api.views.meta import LabelSelector
from netemu.controllers.ownership import controller_of
from netemu.informer.cache import Cache, Key

CONTROLLER = "controllers/controller"
NODE = "controllers/node"
LABEL = "controllers/label"
SELECTOR = "controllers/selector"
ORPHAN_LABEL = "controllers/orphan-label"
WANTED_LABEL = "controllers/wanted-label"
SERVICE_NAME = "controllers/service"

SELECTING = (
    DEPLOYMENT,
    REPLICA_SET,
    REPLICATION_CONTROLLER,
    STATEFUL_SET,
    DAEMON_SET,
    JOB,
    POD_DISRUPTION_BUDGET,
)
"""The kinds that select by labels what they own or count."""


def add_indexes(cache: Cache) -> None:
    """Add all of them; again is a no-op."""
    for kind in (POD, REPLICA_SET, CONTROLLER_REVISION, JOB):
        cache.add_index(kind, CONTROLLER, _controller)
        cache.add_index(kind, ORPHAN_LABEL, _orphan_labels)
    for kind in SELECTING:
        cache.add_index(kind, WANTED_LABEL, _wanted_label)
    cache.add_index(POD, NODE, _node)
    cache.add_index(POD, LABEL, _labels)
    cache.add_index(SERVICE, SELECTOR, _selector)
    cache.add_index(ENDPOINT_SLICE, SERVICE_NAME, _service_name)


def controlled_by(cache: Cache, kind: Kind, uid: str) -> list[Key]:
    """Find what an object controls."""
    return cache.by_index(kind, CONTROLLER, uid)


def orphans(cache: Cache, kind: Kind, namespace: str, selector: LabelSelector) -> list[Key]:
    """Find what nobody controls and a selector may match: what has the rarest of its labels."""
    if not selector.match_labels:
        return cache.by_index(kind, CONTROLLER, f"/{namespace}")
    pairs = (_pair(namespace, *pair) for pair in selector.match_labels.items())
    return min((cache.by_index(kind, ORPHAN_LABEL, pair) for pair in pairs), key=len)


def wanting(cache: Cache, kind: Kind, namespace: str, labels: dict[str, str]) -> list[Key]:
    """Find the workloads of a kind whose selector may match these labels."""
    values = [f"{namespace}/", *(_pair(namespace, *pair) for pair in labels.items())]
    return [key for value in values for key in cache.by_index(kind, WANTED_LABEL, value)]


def selected_pods(cache: Cache, namespace: str, selector: dict[str, str]) -> list[Key]:
    """Find pods that may match a non-empty Service selector: those with its rarest label."""
    by_label = [cache.by_index(POD, LABEL, _pair(namespace, *pair)) for pair in selector.items()]
    return min(by_label, key=len)


def selecting_services(cache: Cache, namespace: str, labels: dict[str, str]) -> list[Key]:
    """Find Services whose selector may match these labels."""
    pairs = (_pair(namespace, *pair) for pair in labels.items())
    return [key for pair in pairs for key in cache.by_index(SERVICE, SELECTOR, pair)]


def slices_of(cache: Cache, service: Key) -> list[Key]:
    """Find the EndpointSlices that belong to a Service, whoever wrote them."""
    return cache.by_index(ENDPOINT_SLICE, SERVICE_NAME, str(service))


def _controller(obj: Object) -> Iterable[str]:
    owner = controller_of(obj)
    return (owner["uid"] if owner is not None else f"/{obj['metadata'].get('namespace', '')}",)


def _orphan_labels(obj: Object) -> Iterable[str]:
    return _labels(obj) if controller_of(obj) is None else ()


def _wanted_label(obj: Object) -> Iterable[str]:
    namespace = obj["metadata"]["namespace"]
    selector = (obj.get("spec") or {}).get("selector") or {}
    labels = selector if obj["kind"] == REPLICATION_CONTROLLER.kind else selector.get("matchLabels")
    return (_pair(namespace, *min(labels.items())) if labels else f"{namespace}/",)


def _node(pod: Object) -> Iterable[str]:
    node = pod["spec"].get("nodeName")
    return (node,) if node else ()


def _labels(obj: Object) -> Iterable[str]:
    meta = obj["metadata"]
    namespace = meta["namespace"]
    return [_pair(namespace, *pair) for pair in (meta.get("labels") or {}).items()]


def _selector(service: Object) -> Iterable[str]:
    selector = service["spec"].get("selector")
    return (_pair(service["metadata"]["namespace"], *min(selector.items())),) if selector else ()


def _service_name(slice_: Object) -> Iterable[str]:
    meta = slice_["metadata"]
    service = (meta.get("labels") or {}).get(SERVICE_NAME_LABEL)
    return (str(Key(meta["namespace"], service)),) if service else ()


def _pair(namespace: str, label: str, value: str) -> str:
    return f"{namespace}/{label}={value}"
