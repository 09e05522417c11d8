"""What one node's kernel holds of the plans, and the transactions that change it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from ipaddress import IPv4Address
from itertools import zip_longest

from netemu.nft.transaction import (
    AddElements,
    Command,
    DeleteElements,
    Element,
    ElementData,
    ElementKey,
    EnsureTable,
    PutChain,
    PutTable,
    RemoveTable,
    Transaction,
)
from netemu.proxy.index import PortKey
from netemu.proxy.layout import (
    BALANCERS,
    CLUSTER_IPS,
    ENDPOINTS,
    TABLE,
    NodeView,
    Place,
    balancer,
    endpoint_elements,
    hairpin_places,
    proxy_table,
    unique_elements,
)
from netemu.proxy.plan import Elements


class NodeRules:
    """Turns changes of plans into transactions for one node, to be done in their order.

    New chains come in a transaction of their own, first. A packet that is being looked at when
    a transaction ends goes on with the chains as they were, but finds elements as they are: one
    that leads to a chain of the same transaction would lead it to an empty one.

    It remembers what it was asked for as if the kernel had taken it; after a transaction that
    failed, only ``load`` brings the two together again.
    """

    def __init__(self, node: NodeView) -> None:
        self._node = node
        self._held: dict[PortKey, Elements] = {}
        self._cluster_ips: Counter[IPv4Address] = Counter()
        self._hairpins: set[Place] = set()
        self._counts: set[int] = set()

    @property
    def held(self) -> Mapping[PortKey, Elements]:
        """What the kernel holds, if it took every transaction."""
        return self._held

    def load(self, plans: Mapping[PortKey, Elements], *, afresh: bool = False) -> list[Transaction]:
        """Make the table hold all of ``plans`` and nothing else, whatever it holds now.

        It changes in place; ``afresh`` deletes it first, which a packet may not survive, for
        one that another version or another hand left in a form that cannot be changed to ours.
        """
        self._held = dict(plans)
        self._counts = {len(plan.endpoints) for plan in plans.values()}
        self._cluster_ips = Counter(plan.cluster.address for plan in plans.values())
        hairpins: dict[Place, None] = {}
        unique: dict[Place, ElementData] = {}
        endpoints: list[Element] = []
        for plan in plans.values():
            unique.update(unique_elements(plan))
            endpoints.extend(endpoint_elements(plan))
            hairpins.update(dict.fromkeys(hairpin_places(plan, self._node)))
        unique.update(hairpins)
        unique.update({(CLUSTER_IPS, (address,)): None for address in self._cluster_ips})
        self._hairpins = set(hairpins)
        elements: dict[str, list[Element]] = {ENDPOINTS: endpoints}
        for (name, key), data in unique.items():
            elements.setdefault(name, []).append((key, data))
        table = proxy_table(self._node, self._counts)
        content = (PutTable(table), *_adds(elements))
        if afresh:
            return [Transaction((RemoveTable(TABLE), *content))]
        chains = _balancers(self._counts)
        return [Transaction((EnsureTable(table), *chains)), Transaction(content)]

    def change(self, changed: Mapping[PortKey, Elements | None]) -> list[Transaction]:
        """Add and delete just what makes the difference; nothing for what is there already."""
        difference = _Difference()
        addresses = Counter[IPv4Address]()
        for key, now in changed.items():
            before = self._held.get(key)
            difference.unique(before, now)
            difference.endpoints(before, now)
            addresses.update([now.cluster.address] if now is not None else [])
            addresses.subtract([before.cluster.address] if before is not None else [])
            self._add_hairpins(now, difference)
            if now is None:
                self._held.pop(key, None)
            else:
                self._held[key] = now
        self._count(addresses, difference)
        chains = Transaction(tuple(self._new_chains(changed)))
        elements = Transaction((*difference.deletes(), *difference.adds()))
        return [transaction for transaction in (chains, elements) if transaction]

    def _add_hairpins(self, plan: Elements | None, difference: _Difference) -> None:
        """Add what is missing; nothing goes before the next ``load``.

        A packet that chose an endpoint meets this set later, in postrouting: if a transaction
        in between took the element away, the connection would not be masqueraded and hang.
        Elements too many do no harm, and there can be no more than pods had addresses.
        """
        for place in hairpin_places(plan, self._node) if plan is not None else ():
            if place not in self._hairpins:
                self._hairpins.add(place)
                difference.add(*place, None)

    def _count(self, addresses: Counter[IPv4Address], difference: _Difference) -> None:
        """Note for how many more or fewer ports each ClusterIP is used."""
        for address, more in addresses.items():
            uses = self._cluster_ips[address]
            self._cluster_ips[address] += more
            if uses and not uses + more:
                difference.delete(CLUSTER_IPS, (address,))
                del self._cluster_ips[address]
            if more and not uses:
                difference.add(CLUSTER_IPS, (address,), None)

    def _new_chains(self, changed: Mapping[PortKey, Elements | None]) -> list[Command]:
        """Make the balancers that are used for the first time; those used no more stay."""
        counts = {len(plan.endpoints) for plan in changed.values() if plan is not None}
        fresh = counts - self._counts
        self._counts |= counts
        return _balancers(fresh)


class _Difference:
    """Collects what goes and what comes, by map; everything that goes, goes first.

    So a key can pass from one Service to another in one transaction, in any order.
    """

    def __init__(self) -> None:
        self._gone: dict[str, dict[ElementKey, None]] = {}
        self._new: dict[str, dict[ElementKey, ElementData]] = {}

    def unique(self, before: Elements | None, now: Elements | None) -> None:
        old = dict(unique_elements(before)) if before is not None else {}
        new = dict(unique_elements(now)) if now is not None else {}
        for entry, data in old.items():
            if entry not in new or new[entry] != data:
                self.delete(*entry)
        for entry, data in new.items():
            if entry not in old or old[entry] != data:
                self.add(*entry, data)

    def endpoints(self, before: Elements | None, now: Elements | None) -> None:
        same_id = before is not None and now is not None and before.id == now.id
        old = before.endpoints if before is not None else ()
        new = now.endpoints if now is not None else ()
        for slot, (was, will) in enumerate(zip_longest(old, new)):
            if was == will and same_id:
                continue
            if was is not None and before is not None:
                self.delete(ENDPOINTS, (before.id, slot))
            if will is not None and now is not None:
                self.add(ENDPOINTS, (now.id, slot), will[:2])

    def deletes(self) -> list[Command]:
        # A verdict's chain can go only after the verdict, hence balancers first.
        names = sorted(self._gone, key=lambda name: name != BALANCERS)
        return [DeleteElements(TABLE, name, tuple(self._gone[name])) for name in names]

    def adds(self) -> Iterable[Command]:
        return _adds({name: by_key.items() for name, by_key in self._new.items()})

    def delete(self, name: str, key: ElementKey) -> None:
        self._gone.setdefault(name, {})[key] = None

    def add(self, name: str, key: ElementKey, data: ElementData) -> None:
        self._new.setdefault(name, {})[key] = data


def _balancers(counts: set[int]) -> list[Command]:
    return [PutChain(TABLE, balancer(count)) for count in sorted(counts - {0})]


def _adds(elements: Mapping[str, Iterable[Element]]) -> list[Command]:
    commands = [AddElements(TABLE, name, tuple(some)) for name, some in elements.items()]
    return [command for command in commands if command.elements]
