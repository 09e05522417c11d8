"""What one node's kernel holds of the plans, and the transactions that change it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping
from itertools import zip_longest

from netemu.nft.expressions import Address
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
    RemoveChains,
    RemoveTable,
    Transaction,
)
from netemu.proxy.elements import endpoint_elements, hairpin_places, unique_elements
from netemu.proxy.groups import Balancer, Group, Here, NodeView, on_node
from netemu.proxy.index import PortKey
from netemu.proxy.layout import (
    BALANCERS,
    CLUSTER_IPS,
    SLOTS,
    Place,
    balancer_chain,
    proxy_table,
    refuse_chain,
)
from netemu.proxy.plan import Elements

PORTION = 15_000
"""About how many elements go into a new table in one transaction."""


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
        self._cluster_ips: Counter[Address] = Counter()
        self._hairpins: set[Place] = set()
        self._balancers: set[Balancer] = set()

    @property
    def held(self) -> Mapping[PortKey, Elements]:
        """What the kernel holds, if it took every transaction."""
        return self._held

    def load(
        self, plans: Mapping[PortKey, Elements], *, chains: Collection[str] = (), afresh: bool = False
    ) -> list[Transaction]:
        """Make the table hold all of ``plans`` and nothing else, whatever it holds now.

        Of the ``chains`` that it has now, those that it needs no more go, whoever made them. It
        changes in place, and clients stay with their endpoints; ``afresh`` deletes it first,
        which a packet may not survive, for one that another version or another hand left in a
        form that cannot be changed to ours.
        """
        self._forget()
        adds = _adds(self._node, self._more(plans.items()))
        table = proxy_table(self._node, self._balancers)
        if afresh:
            return [Transaction((RemoveTable(table.id), PutTable(table), *adds))]
        first = Transaction((EnsureTable(table), *_chains(self._node, self._balancers)))
        old = tuple(sorted(set(chains) - {chain.name for chain in table.chains}))
        removal = [RemoveChains(table.id, old)] if old else []
        return [first, Transaction((PutTable(table), *removal, *adds))]

    def begin(self) -> Transaction:
        """Make a table that is not there yet. It gets its content by ``fill``, its hooks by ``end``.

        So no packet finds a part of it, and it can come in portions, which cost the kernel less memory.
        """
        self._forget()
        table = proxy_table(self._node, ())
        return Transaction((EnsureTable(table), PutChain(table.id, refuse_chain())))

    def fill(self, plans: Mapping[PortKey, Elements]) -> Iterator[Transaction]:
        """Add plans, in transactions that may be done in any order, each made when it is asked for."""
        for some in _portions(plans):
            before, self._balancers = self._balancers, set()
            adds = _adds(self._node, self._more(some))
            yield Transaction((*_chains(self._node, self._balancers), *adds))
            self._balancers |= before

    def end(self) -> Transaction:
        """Have packets pass through the table."""
        table = proxy_table(self._node, self._balancers)
        return Transaction(tuple(PutChain(table.id, chain) for chain in table.chains))

    def _forget(self) -> None:
        self._held = {}
        self._cluster_ips = Counter()
        self._hairpins = set()
        self._balancers = set()

    def _more(self, plans: Collection[tuple[PortKey, Elements]]) -> dict[str, list[Element]]:
        """Remember more plans, and give the elements that they need and none before them did, by map."""
        self._held.update(plans)
        addresses = Counter(plan.cluster.address for _, plan in plans)
        unique: dict[Place, ElementData] = {}
        hairpins: dict[Place, None] = {}
        elements: dict[str, list[Element]] = {}
        for _, plan in plans:
            here = on_node(plan, self._node)
            unique.update(unique_elements(plan, here))
            for group in here.groups:
                self._balancers.add(group.balancer)
                hairpins.update(dict.fromkeys(hairpin_places(group.endpoints, self._node)))
                for name, element in endpoint_elements(group):
                    elements.setdefault(name, []).append(element)
        unique.update({place: None for place in hairpins if place not in self._hairpins})
        self._hairpins.update(hairpins)
        unique.update({(CLUSTER_IPS, (ip,)): None for ip in addresses if ip not in self._cluster_ips})
        self._cluster_ips.update(addresses)
        for (name, key), data in unique.items():
            elements.setdefault(name, []).append((key, data))
        return elements

    def change(self, changed: Mapping[PortKey, Elements | None]) -> list[Transaction]:
        """Add and delete just what makes the difference; nothing for what is there already."""
        difference = _Difference(self._node)
        addresses = Counter[Address]()
        wanted: set[Balancer] = set()
        for key, now in changed.items():
            before = self._held.get(key)
            was = on_node(before, self._node) if before is not None else None
            here = on_node(now, self._node) if now is not None else None
            difference.port(before, was, now, here)
            addresses.update([now.cluster.address] if now is not None else [])
            addresses.subtract([before.cluster.address] if before is not None else [])
            if now is None or here is None:
                self._held.pop(key, None)
            else:
                self._held[key] = now
                wanted.update(group.balancer for group in here.groups)
                self._add_hairpins(was, here, difference)
        self._count(addresses, difference)
        fresh = wanted - self._balancers  # those used no more stay
        self._balancers |= wanted
        chains = Transaction(tuple(_chains(self._node, fresh)))
        elements = Transaction((*difference.deletes(), *difference.adds()))
        return [transaction for transaction in (chains, elements) if transaction]

    def _add_hairpins(self, was: Here | None, here: Here, difference: _Difference) -> None:
        """Add what is missing; nothing goes before the next ``load``.

        A packet that chose an endpoint meets this set later, in postrouting: if a transaction
        in between took the element away, the connection would not be masqueraded and hang.
        Elements too many do no harm, and there can be no more than pods had addresses.
        """
        groups = _by_id(was)
        for group in here.groups:
            before = groups[group.id].endpoints if group.id in groups else ()
            new = [now for old, now in zip_longest(before, group.endpoints) if now is not None and now != old]
            for place in hairpin_places(new, self._node):
                if place not in self._hairpins:
                    self._hairpins.add(place)
                    difference.add(*place, None)

    def _count(self, addresses: Counter[Address], difference: _Difference) -> None:
        """Note for how many more or fewer ports each ClusterIP is used."""
        for address, more in addresses.items():
            uses = self._cluster_ips[address]
            self._cluster_ips[address] += more
            if uses and not uses + more:
                difference.delete(CLUSTER_IPS, (address,))
                del self._cluster_ips[address]
            if more and not uses:
                difference.add(CLUSTER_IPS, (address,), None)


class _Difference:
    """Collects what goes and what comes, by map; everything that goes, goes first.

    So a key can pass from one Service to another in one transaction, in any order.
    """

    def __init__(self, node: NodeView) -> None:
        self._node = node
        self._gone: dict[str, dict[ElementKey, None]] = {}
        self._new: dict[str, dict[ElementKey, ElementData]] = {}

    def port(
        self, before: Elements | None, was: Here | None, now: Elements | None, here: Here | None
    ) -> None:
        """Note the difference between two plans of one Service port, with what each means here."""
        old = dict(unique_elements(before, was)) if before is not None and was else {}
        new = dict(unique_elements(now, here)) if now is not None and here else {}
        self._places(old, new)
        old_groups, new_groups = _by_id(was), _by_id(here)
        for id in old_groups | new_groups:
            self._group(old_groups.get(id), new_groups.get(id))

    def _places(self, old: Mapping[Place, ElementData], new: Mapping[Place, ElementData]) -> None:
        for entry, data in old.items():
            if entry not in new or new[entry] != data:
                self.delete(*entry)
        for entry, data in new.items():
            if entry not in old or old[entry] != data:
                self.add(*entry, data)

    def _group(self, was: Group | None, now: Group | None) -> None:
        if any(group is not None and group.balancer.affinity_s for group in (was, now)):
            self._places(_by_place(was), _by_place(now))
            return
        old = was.endpoints if was is not None else ()
        new = now.endpoints if now is not None else ()
        for slot, (before, after) in enumerate(zip_longest(old, new)):
            if before == after:
                continue
            if before is not None and was is not None:
                self.delete(SLOTS, (was.id, slot))
            if after is not None and now is not None:
                self.add(SLOTS, (now.id, slot), after[:2])

    def deletes(self) -> list[Command]:
        # A verdict's chain can go only after the verdict, hence balancers first.
        names = sorted(self._gone, key=lambda name: name != BALANCERS)
        return [DeleteElements(self._node.table, name, tuple(self._gone[name])) for name in names]

    def adds(self) -> list[AddElements]:
        return _adds(self._node, {name: by_key.items() for name, by_key in self._new.items()})

    def delete(self, name: str, key: ElementKey) -> None:
        self._gone.setdefault(name, {})[key] = None

    def add(self, name: str, key: ElementKey, data: ElementData) -> None:
        self._new.setdefault(name, {})[key] = data


def _by_id(here: Here | None) -> dict[int, Group]:
    return {group.id: group for group in here.groups} if here is not None else {}


def _by_place(group: Group | None) -> dict[Place, ElementData]:
    if group is None:
        return {}
    return {(name, key): data for name, (key, data) in endpoint_elements(group)}


def _chains(node: NodeView, balancers: Iterable[Balancer]) -> list[Command]:
    wanted = sorted(balancer for balancer in balancers if balancer.size)
    return [PutChain(node.table, balancer_chain(balancer, node.family)) for balancer in wanted]


def is_much(plans: Mapping[PortKey, Elements]) -> bool:
    """Tell whether plans are better put into a new table in portions."""
    return sum(map(_weight, plans.values())) > PORTION


def _portions(plans: Mapping[PortKey, Elements]) -> Iterator[list[tuple[PortKey, Elements]]]:
    some: list[tuple[PortKey, Elements]] = []
    weight = 0
    for key, plan in plans.items():
        some.append((key, plan))
        weight += _weight(plan)
        if weight >= PORTION:
            yield some
            some, weight = [], 0
    if some:
        yield some


def _weight(plan: Elements) -> int:
    """Guess the number of elements: few ports have more than this."""
    return 4 + len(plan.endpoints)


def _adds(node: NodeView, elements: Mapping[str, Iterable[Element]]) -> list[AddElements]:
    commands = [AddElements(node.table, name, tuple(some)) for name, some in elements.items()]
    return [command for command in commands if command.elements]
