"""[IO] Pods that have a node and wait there for their volumes."""

from __future__ import annotations

from msgspec import Struct

from netemu.api import claims
from netemu.api.client import Client, Object
from netemu.api.kinds import PERSISTENT_VOLUME, PERSISTENT_VOLUME_CLAIM
from netemu.informer.cache import Key
from netemu.naming import NodeName
from netemu.scheduler.facts import NodeFacts, PodFacts
from netemu.scheduler.volumes import Volumes


class Reservation(Struct, frozen=True):
    """The node that a pod gets when its volumes are bound."""

    facts: PodFacts
    node: NodeName


class Reservations:
    """Whom a node is kept for, by the pod's key."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._by_key: dict[Key, Reservation] = {}

    def waiting(self) -> list[Key]:
        """List the pods that wait."""
        return list(self._by_key)

    def has(self, key: Key) -> bool:
        """Tell whether a pod waits on a node."""
        return key in self._by_key

    def take(self, key: Key) -> Reservation | None:
        """Give a pod's reservation, which ends with this."""
        return self._by_key.pop(key, None)

    async def make(self, key: Key, facts: PodFacts, volumes: Volumes, node: NodeFacts) -> None:
        """Keep a node for a pod, and ask for its volumes there. Idempotent.

        Raises:
            ApiError: a volume is another's meanwhile; nothing is kept.

        """
        for claim, volume in volumes.choices(node) or ():
            if volume is None:
                await self._select(claim, node.name)
            elif not claims.is_reserved(volume, claim):
                await self._client.update(PERSISTENT_VOLUME, _reserved(volume, claim))
        self._by_key[key] = Reservation(facts, node.name)

    async def _select(self, claim: Object, node: NodeName) -> None:
        if claims.marks_of(claim).get(claims.SELECTED_NODE) != node:
            meta = claim["metadata"]
            marks = {"uid": meta["uid"], "annotations": {claims.SELECTED_NODE: node}}
            patch = {"metadata": marks}
            await self._client.patch(PERSISTENT_VOLUME_CLAIM, meta["namespace"], meta["name"], patch)


def _reserved(volume: Object, claim: Object) -> Object:
    marks = {**claims.marks_of(volume), claims.BY_CONTROLLER: "yes"}
    return {
        **volume,
        "metadata": {**volume["metadata"], "annotations": marks},
        "spec": {**volume["spec"], "claimRef": claims.reference(claim)},
    }
