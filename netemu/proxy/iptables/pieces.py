"""The pieces of all Service ports on one node, kept up to date key by key."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping

from netemu.proxy.groups import NodeView
from netemu.proxy.index import Index, PortKey
from netemu.proxy.iptables.ruleset import Ruleset
from netemu.proxy.iptables.service import Piece, plan_port
from netemu.proxy.iptables.tables import node_ruleset
from netemu.proxy.plan import Elements

MOST_WITH_COMMENTS = 1000
"""With more endpoints, their rules have no comments (kube-proxy's ``largeClusterEndpointsThreshold``)."""

# So many are planned before the event loop may do something else: about 10 ms.
_AT_ONCE = 200


class Pieces:
    """What all Service ports put into one node's tables."""

    def __init__(self, node: NodeView, index: Index) -> None:
        self._node = node
        self._index = index
        self._plans: dict[PortKey, Elements] = {}
        self._pieces: dict[PortKey, Piece] = {}
        self._with_comments = True

    async def refresh(self, plans: Mapping[PortKey, Elements | None]) -> None:
        """Plan some ports again; ``None`` is one that went. Others may work in between."""
        for key, plan in plans.items():
            if plan is None:
                self._plans.pop(key, None)
            else:
                self._plans[key] = plan
        with_comments = sum(len(plan.endpoints) for plan in self._plans.values()) <= MOST_WITH_COMMENTS
        dirty: Iterable[PortKey] = plans
        if with_comments is not self._with_comments:
            self._with_comments, dirty = with_comments, list(self._plans)
        for count, key in enumerate(dirty, 1):
            self._refresh(key)
            if count % _AT_ONCE == 0:
                await asyncio.sleep(0)

    def ruleset(self) -> Ruleset:
        """Put all pieces together, in the order of their Services' names."""
        return node_ruleset((self._pieces[key] for key in sorted(self._pieces)), self._node)

    def _refresh(self, key: PortKey) -> None:
        plan, view = self._plans.get(key), self._index.service_port(key)
        if plan is None or view is None:
            self._pieces.pop(key, None)
        else:
            self._pieces[key] = plan_port(key, view, plan, self._node, with_comments=self._with_comments)
