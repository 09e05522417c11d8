"""Where the volumes of a pod's claims are, or can be made. Pure, but that it reads the cache.

Source: the scheduler's plugins ``volumebinding``, ``volumerestrictions`` and ``volumezone``.
"""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct

from netemu.api import claims
from netemu.api.client import Object
from netemu.api.kinds import PERSISTENT_VOLUME, PERSISTENT_VOLUME_CLAIM, POD, STORAGE_CLASS
from netemu.informer.cache import Cache, Key
from netemu.scheduler.facts import ZONE, NodeFacts

ONE_POD = "ReadWriteOncePod"
REGION = "topology.kubernetes.io/region"
UNBOUND = "pod has unbound immediate PersistentVolumeClaims"
ELSEWHERE = "node(s) didn't match PersistentVolume's node affinity"
NONE_TO_BIND = "node(s) didn't find available persistent volumes to bind"
NO_VOLUME = "node(s) unavailable due to one or more pvc(s) bound to non-existent pv(s)"
NO_ZONE = "node(s) had no available volume zone"
TAKEN = "node has pod using PersistentVolumeClaim with the same name and ReadWriteOncePod access mode"
REASONS = frozenset({ELSEWHERE, NONE_TO_BIND, NO_VOLUME, NO_ZONE, TAKEN})


class Unready(Exception):
    """A claim of a pod is not there, or not yet what it needs."""


class Waiting(Struct, frozen=True):
    """A claim that gets its volume when its pod has a place, and the volumes that would do."""

    claim: Object
    is_made: bool
    candidates: tuple[Object, ...]

    def choose(self, node: NodeFacts, taken: set[str]) -> Object | None:
        """Find a volume on a node that nobody has, and that the claim may have."""
        here = [
            volume
            for volume in self.candidates
            if volume["metadata"]["name"] not in taken and claims.is_on(volume, node.name, node.labels)
        ]
        return claims.find_match(here, self.claim)


class Volumes(Struct, frozen=True):
    """What a pod's claims ask of a node: volumes that there are, and claims that still wait."""

    bound: tuple[Object | None, ...] = ()
    waiting: tuple[Waiting, ...] = ()
    is_taken: bool = False

    def refusal(self, node: NodeFacts) -> str:
        """Say why a node cannot have the volumes; empty if it can."""
        if self.is_taken:
            return TAKEN
        if any(volume is None for volume in self.bound):
            return NO_VOLUME
        if not all(claims.is_on(volume, node.name, node.labels) for volume in self.bound if volume):
            return ELSEWHERE
        if not all(_is_in_zone(volume, node) for volume in self.bound if volume):
            return NO_ZONE
        return "" if self.choices(node) is not None else NONE_TO_BIND

    def choices(self, node: NodeFacts) -> list[tuple[Object, Object | None]] | None:
        """Give the volume (``None``: one to be made) of each claim that waits, on a node; ``None`` if
        one cannot be had there.
        """
        taken: set[str] = set()
        chosen: list[tuple[Object, Object | None]] = []
        for waiting in sorted(self.waiting, key=lambda each: claims.size_asked(each.claim)):
            selected = claims.marks_of(waiting.claim).get(claims.SELECTED_NODE)
            if selected and selected != node.name:
                return None
            reserved = claims.find_reserved(waiting.candidates, waiting.claim)
            if reserved is not None and not claims.is_on(reserved, node.name, node.labels):
                return None
            volume = reserved or (None if selected else waiting.choose(node, taken))
            if volume is None and not waiting.is_made:
                return None
            taken |= {volume["metadata"]["name"]} if volume is not None else set()
            chosen.append((waiting.claim, volume))
        return chosen


def read_volumes(cache: Cache, pod: Object) -> Volumes | None:
    """Read what a pod's claims ask of nodes; ``None`` if it has none.

    Raises:
        Unready: no node can have the pod for now.

    """
    wanted = list(claims.claims_of(pod))
    if not wanted:
        return None
    found = [_find(cache, pod, name, ephemeral=ephemeral) for name, ephemeral in wanted]
    bound = [claim for claim in found if claims.is_bound(claim)]
    unbound = [claim for claim in found if not claims.is_bound(claim)]
    classes = [cache.get(STORAGE_CLASS, Key("", claims.class_of(claim))) for claim in unbound]
    if not all(
        claims.waits_for_consumer(each) and not claim["spec"].get("volumeName")
        for claim, each in zip(unbound, classes, strict=True)
    ):
        raise Unready(UNBOUND)
    volumes = cache.list(PERSISTENT_VOLUME) if unbound else ()
    return Volumes(
        tuple(cache.get(PERSISTENT_VOLUME, Key("", claim["spec"]["volumeName"])) for claim in bound),
        tuple(
            Waiting(claim, _is_made(each), _candidates(volumes, claim))
            for claim, each in zip(unbound, classes, strict=True)
        ),
        _is_taken(cache, pod, found),
    )


def _find(cache: Cache, pod: Object, name: str, *, ephemeral: bool) -> Object:
    meta = pod["metadata"]
    claim = cache.get(PERSISTENT_VOLUME_CLAIM, Key(meta["namespace"], name))
    if claim is None and ephemeral:
        raise Unready(f'waiting for ephemeral volume controller to create the persistentvolumeclaim "{name}"')
    if claim is None:
        raise Unready(f'persistentvolumeclaim "{name}" not found')
    if (claim.get("status") or {}).get("phase") == "Lost":
        volume = claim["spec"].get("volumeName", "")
        raise Unready(f'persistentvolumeclaim "{name}" bound to non-existent persistentvolume "{volume}"')
    if claim["metadata"].get("deletionTimestamp"):
        raise Unready(f'persistentvolumeclaim "{name}" is being deleted')
    owners = {owner["uid"] for owner in claim["metadata"].get("ownerReferences") or ()}
    if ephemeral and meta["uid"] not in owners:
        key, pod_key = f"{meta['namespace']}/{name}", f"{meta['namespace']}/{meta['name']}"
        raise Unready(f'PVC "{key}" was not created for pod "{pod_key}" (pod is not owner)')
    return claim


def _is_taken(cache: Cache, pod: Object, wanted: Sequence[Object]) -> bool:
    """Tell whether another pod that runs has a claim that only one may have."""
    meta = pod["metadata"]
    exclusive = {
        claim["metadata"]["name"] for claim in wanted if ONE_POD in claim["spec"].get("accessModes", ())
    }
    return bool(exclusive) and any(
        name in exclusive
        for other in cache.list(POD, meta["namespace"])
        if other["metadata"]["uid"] != meta["uid"] and _runs(other)
        for name, _ in claims.claims_of(other)
    )


def _runs(pod: Object) -> bool:
    ended = (pod.get("status") or {}).get("phase") in ("Succeeded", "Failed")
    return bool(pod["spec"].get("nodeName")) and not ended


def _is_made(storage_class: Object | None) -> bool:
    return storage_class is not None and storage_class["provisioner"] != claims.NO_PROVISIONER


def _candidates(volumes: Sequence[Object], claim: Object) -> tuple[Object, ...]:
    name = claims.class_of(claim)
    return tuple(volume for volume in volumes if claims.class_of(volume) == name)


def _is_in_zone(volume: Object, node: NodeFacts) -> bool:
    """Tell whether a node is in the zone that a volume's labels name; those that name none are anywhere."""
    labels = volume["metadata"].get("labels") or {}
    return all(
        key not in labels or key not in node.labels or node.labels[key] in labels[key].split("__")
        for key in (ZONE, REGION)
    )
