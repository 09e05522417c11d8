"""What controllers ask of pods, and how they make them. Pure."""

from __future__ import annotations

import hashlib
import math
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from netemu.api.client import Object
from netemu.api.kinds import POD, REPLICATION_CONTROLLER, Kind
from netemu.api.selectors import matches
from netemu.api.views import view
from netemu.api.views.core import Pod
from netemu.api.views.meta import LabelSelector
from netemu.clock import parse_rfc3339
from netemu.controllers.indexes import controlled_by, orphans, wanting
from netemu.controllers.ownership import (
    Claim,
    claim,
    controller_of,
    controller_reference,
    keys_of_controllers,
)
from netemu.controllers.reconciler import Trigger
from netemu.informer.cache import Cache, Change, Key

REVISION_LABEL = "controller-revision-hash"
SAFE_DIGITS = "bcdfghjklmnpqrstvwxz2456789"
"""No vowels, no look-alikes: Kubernetes' alphabet for generated names."""


def find_pods(cache: Cache, keys: Iterable[Key]) -> list[Pod]:
    """Read the pods that exist, as typed views."""
    found = (cache.find(POD, key, Pod) for key in keys)
    return [pod for pod in found if pod is not None]


def claim_pods(cache: Cache, kind: Kind, owner: Object, selector: LabelSelector) -> Claim:
    """Claim a controller's pods: adopt and release by its selector."""
    meta = owner["metadata"]
    return claim(
        cache,
        kind,
        owner,
        selector,
        kind=POD,
        owned=controlled_by(cache, POD, meta["uid"]),
        orphaned=orphans(cache, POD, meta["namespace"], selector),
    )


def is_terminating(pod: Pod) -> bool:
    """Tell whether a pod was asked to end."""
    return pod.metadata.deletion_timestamp is not None


def is_over(pod: Pod) -> bool:
    """Tell whether all of a pod's containers ended for good."""
    return pod.status.phase in ("Succeeded", "Failed")


def is_active(pod: Pod) -> bool:
    """Tell whether a pod counts as a replica."""
    return not is_terminating(pod) and not is_over(pod)


def is_ready(pod: Pod) -> bool:
    """Tell whether a pod takes traffic."""
    return pod.has_condition("Ready")


def available_in_s(pod: Pod, min_ready_s: int, now_s: float) -> float | None:
    """Tell in how many seconds a pod will have been ready for long enough; ``None`` if not ready."""
    if not is_ready(pod):
        return None
    return max(0.0, ready_since_s(pod) + min_ready_s - now_s) if min_ready_s else 0.0


def ready_since_s(pod: Pod) -> float:
    """Tell since when a pod is ready; 0 if its status does not say."""
    times = (c.last_transition_time for c in pod.status.conditions if c.type == "Ready")
    since = next(times, None)
    return parse_rfc3339(since) if since else 0.0


def deletion_order(
    pods: Iterable[Pod], now_s: float | None = None, crowd: Mapping[str, int] | None = None
) -> list[Pod]:
    """Order pods by how little is lost when they go (Kubernetes' ActivePodsWithRanks).

    Not assigned, not running, not ready, cheap ones first; then those on crowded nodes, those
    ready for a shorter time, those that restarted more, the younger ones. With ``now_s``, ages
    count by their order of magnitude: among pods of about the same age chance, their uid, decides.
    ``crowd`` tells how many pods like these each node has; by default only these count.
    """
    pods = list(pods)
    crowd = Counter(pod.spec.node_name for pod in pods) if crowd is None else crowd

    def rank(pod: Pod) -> tuple[Any, ...]:
        ready = is_ready(pod)
        return (
            bool(pod.spec.node_name),
            {"": 0, "Pending": 0, "Unknown": 1}.get(pod.status.phase, 2),
            ready,
            _deletion_cost(pod),
            -crowd.get(pod.spec.node_name, 0),
            _age(ready_since_s(pod), now_s) if ready else 0,
            -max((status.restart_count for status in pod.status.container_statuses), default=0),
            -max((status.restart_count for status in pod.status.init_container_statuses), default=0),
            _age(parse_rfc3339(pod.metadata.creation_timestamp or "1970-01-01T00:00:00Z"), now_s),
            pod.metadata.uid,
        )

    return sorted(pods, key=rank)


def _age(since_s: float, now_s: float | None) -> float:
    """Order moments by age; with ``now_s``, by its binary order of magnitude in nanoseconds."""
    if now_s is None:
        return -since_s
    return int(math.log2((now_s - since_s) * 1e9)) if now_s > since_s else -1


def hash_template(template: Any, collisions: int = 0) -> str:
    """Hash a pod template to ten letters and digits that fit into a name and a label.

    ``collisions`` counts the names that were found taken by something else: each gives another hash.
    """
    text = msgspec.json.encode(template, order="deterministic")
    digest = hashlib.sha256(text + (f"#{collisions}".encode() if collisions else b"")).digest()
    return "".join(SAFE_DIGITS[byte % len(SAFE_DIGITS)] for byte in digest[:10])


def pod_from_template(
    template: dict[str, Any],
    kind: Kind,
    owner: Object,
    *,
    name: str = "",
    labels: dict[str, str] | None = None,
    spec: dict[str, Any] | None = None,
) -> Object:
    """Make a pod of a controller: named, or with a name that the API completes.

    ``labels`` are added to the template's, ``spec`` replaces fields of its spec.
    """
    source = template.get("metadata") or {}
    named = {"name": name} if name else {"generateName": f"{owner['metadata']['name']}-"}
    metadata = {
        **named,
        "namespace": owner["metadata"]["namespace"],
        "labels": {**(source.get("labels") or {}), **(labels or {})},
        "annotations": source.get("annotations") or {},
        "finalizers": source.get("finalizers") or [],
        "ownerReferences": [controller_reference(kind, owner)],
    }
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {field: value for field, value in metadata.items() if value},
        "spec": {**template["spec"], **(spec or {})},
    }


def pod_trigger(kind: Kind) -> Trigger:
    """Make the trigger of a controller of pods: a pod's controller, and who may want an orphan."""

    def keys(cache: Cache, change: Change) -> list[Key]:
        owners = keys_of_controllers(change, kind)
        if change.new is None or controller_of(change.new) is not None or not _is_new_orphan(change):
            return owners
        labels = change.new["metadata"].get("labels") or {}
        wanted = wanting(cache, kind, change.key.namespace, labels)
        return [*owners, *(key for key in wanted if _wants(cache, kind, key, labels))]

    return keys


def selector_of(kind: Kind, obj: Object) -> LabelSelector:
    """Read which pods a workload selects; a ReplicationController's selector is bare labels."""
    selector = obj["spec"].get("selector") or {}
    if kind is REPLICATION_CONTROLLER:
        return LabelSelector(match_labels=selector)
    return view(LabelSelector, selector)


def _is_new_orphan(change: Change) -> bool:
    """Tell whether another look at who may want a pod makes sense."""
    if change.old is None or change.new is None:
        return True
    old, new = change.old["metadata"], change.new["metadata"]
    fields = ("labels", "ownerReferences")
    return any(old.get(field) != new.get(field) for field in fields)


def _wants(cache: Cache, kind: Kind, key: Key, labels: dict[str, str]) -> bool:
    obj = cache.get(kind, key)
    return obj is not None and matches(selector_of(kind, obj), labels)


def _deletion_cost(pod: Pod) -> int:
    text = pod.metadata.annotations.get("controller.kubernetes.io/pod-deletion-cost", "0")
    return int(text) if text.lstrip("-").isdigit() else 0
