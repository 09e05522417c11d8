"""What each node offers and which pods it has: kept up to date by events, one pod at a time. Pure.

The cost of a change, and of a question, does not grow with the number of pods.
"""

from __future__ import annotations

from collections import Counter, OrderedDict
from collections.abc import Hashable, Iterator, Mapping
from typing import TypeVar

from msgspec import Struct, field

from netemu.api.hostports import HostPort
from netemu.naming import NodeName, PodUid
from netemu.scheduler.facts import NodeFacts, PodFacts
from netemu.scheduler.selection import Labels, Selection, Term

T = TypeVar("T", bound=Hashable)

MAX_TALLIES = 64
# A pod that must be near others draws those others too, a little (hardPodAffinityWeight).
DRAWN_WEIGHT = 1


class Place(Struct):
    """A node and its pods; ``facts`` is ``None`` while only pods tell of the node."""

    facts: NodeFacts | None = None
    pods: dict[PodUid, PodFacts] = field(default_factory=dict)
    groups: Counter[str] = field(default_factory=Counter)
    ports: Counter[HostPort] = field(default_factory=Counter)
    used: Counter[str] = field(default_factory=Counter)
    priorities: Counter[int] = field(default_factory=Counter)
    cpu_load: int = 0
    memory_load: int = 0


class Tallies:
    """How many pods of a selection each node has: counted once, then kept.

    The selections that were asked for longest ago are forgotten.
    """

    def __init__(self) -> None:
        self._counts: OrderedDict[Selection, Counter[NodeName]] = OrderedDict()

    def find(self, selection: Selection) -> Counter[NodeName] | None:
        """Give the counts of a selection; ``None`` if nobody asked for it lately."""
        found = self._counts.get(selection)
        if found is not None:
            self._counts.move_to_end(selection)
        return found

    def put(self, selection: Selection, counts: Counter[NodeName]) -> None:
        """Keep the counts of a selection from now on."""
        self._counts[selection] = counts
        if len(self._counts) > MAX_TALLIES:
            self._counts.popitem(last=False)

    def add(self, pod: PodFacts, node: NodeName, step: int, namespaces: Mapping[str, Labels]) -> None:
        """Count a pod that came (1) or went (-1)."""
        for selection, counts in self._counts.items():
            if selects(selection, pod, namespaces):
                counts[node] += step

    def clear(self) -> None:
        """Forget all."""
        self._counts.clear()


def selects(selection: Selection, pod: PodFacts, namespaces: Mapping[str, Labels]) -> bool:
    """Tell whether a pod is one of a selection."""
    if selection.lasting and pod.ending:
        return False
    return selection.selects(pod.namespace, pod.labels, namespaces)


class Occupancy:
    """Nodes with their pods, those included that were only just assigned.

    ``repelled`` and ``drawn`` say which nodes have pods that keep others off, or would like them
    near (a negative weight: far); ``nominated`` are pods for which others were told to go.
    """

    def __init__(self) -> None:
        self.namespaces: dict[str, Labels] = {}
        self.repelled: dict[Term, Counter[NodeName]] = {}
        self.drawn: dict[Term, Counter[NodeName]] = {}
        self.nominated: dict[PodUid, tuple[PodFacts, NodeName]] = {}
        self.groups_by_zone: Counter[tuple[str, str]] = Counter()
        self._places: dict[NodeName, Place] = {}
        self._where: dict[PodUid, NodeName] = {}
        self._tallies = Tallies()

    def places(self) -> Iterator[tuple[NodeFacts, Place]]:
        """Give the nodes that exist."""
        return ((place.facts, place) for place in self._places.values() if place.facts is not None)

    def place(self, node: NodeName) -> Place:
        """Give one node's place."""
        return self._places[node]

    def has(self, uid: PodUid) -> bool:
        """Tell whether a pod has a node."""
        return uid in self._where

    def count(self, selection: Selection) -> Mapping[NodeName, int]:
        """Count the pods of a selection on each node."""
        counts = self._tallies.find(selection)
        if counts is None:
            counts = Counter(
                {
                    name: sum(selects(selection, pod, self.namespaces) for pod in place.pods.values())
                    for name, place in self._places.items()
                }
            )
            self._tallies.put(selection, counts)
        return counts

    def set_namespace(self, name: str, labels: Labels | None) -> bool:
        """Note a namespace's labels, ``None`` when it went; ``False`` if that is nothing new."""
        if self.namespaces.get(name) == labels:
            return False
        if labels is None:
            del self.namespaces[name]
        else:
            self.namespaces[name] = labels
        self._tallies.clear()
        return True

    def set_node(self, facts: NodeFacts) -> bool:
        """Note what a node is now; ``False`` if that is nothing new."""
        place = self._places.setdefault(facts.name, Place())
        if place.facts == facts:
            return False
        before = place.facts.zone if place.facts is not None else ""
        place.facts = facts
        if before != facts.zone:
            self._count_zones()
        return True

    def remove_node(self, name: NodeName) -> None:
        """Forget a node, but not its pods: it may come back."""
        if name in self._places:
            self._places[name].facts = None
            self._count_zones()

    def assign(self, pod: PodFacts, node: NodeName) -> None:
        """Note that a pod is, or is about to be, on a node; again is a no-op."""
        if self._where.get(pod.uid) == node:
            return
        self.release(pod.uid)
        place = self._places.setdefault(node, Place())
        place.pods[pod.uid] = pod
        place.groups[pod.group] += 1
        place.priorities[pod.priority] += 1
        place.ports.update(pod.ports)
        for resource, amount in pod.requests.items():
            place.used[resource] += amount
        self._where[pod.uid] = node
        self._note(pod, node, place, 1)

    def release(self, uid: PodUid) -> PodFacts | None:
        """Note that a pod takes nothing any more; ``None`` if it took nothing."""
        node = self._where.pop(uid, None)
        if node is None:
            return None
        place = self._places[node]
        pod = place.pods.pop(uid)
        _subtract(place.groups, pod.group)
        _subtract(place.priorities, pod.priority)
        for port in pod.ports:
            _subtract(place.ports, port)
        for resource, amount in pod.requests.items():
            place.used[resource] -= amount
        self._note(pod, node, place, -1)
        return pod

    def renew(self, pod: PodFacts) -> bool:
        """Note what an assigned pod is now; ``True`` if it asks for other amounts than before."""
        node = self._where[pod.uid]
        before = self.release(pod.uid)
        self.assign(pod, node)
        return before is not None and before.requests != pod.requests

    def _note(self, pod: PodFacts, node: NodeName, place: Place, step: int) -> None:
        place.cpu_load += step * pod.load.cpu
        place.memory_load += step * pod.load.memory
        if place.facts is not None and place.facts.zone:
            _step_count(self.groups_by_zone, (pod.group, place.facts.zone), step)
        self._tallies.add(pod, node, step, self.namespaces)
        company = pod.company
        for term in company.far:
            _step(self.repelled, term, node, step)
        for term in company.preferred:
            _step(self.drawn, term, node, step)
        for term in company.near:
            _step(self.drawn, Term(term.part, term.topology, DRAWN_WEIGHT), node, step)

    def _count_zones(self) -> None:
        self.groups_by_zone.clear()
        for facts, place in self.places():
            if facts.zone:
                for group, count in place.groups.items():
                    self.groups_by_zone[group, facts.zone] += count


def _step(counts: dict[Term, Counter[NodeName]], term: Term, node: NodeName, step: int) -> None:
    nodes = counts.setdefault(term, Counter())
    _step_count(nodes, node, step)
    if not nodes:
        del counts[term]


def _subtract(counter: Counter[T], item: T) -> None:
    _step_count(counter, item, -1)


def _step_count(counter: Counter[T], item: T, step: int) -> None:
    counter[item] += step
    if not counter[item]:
        del counter[item]
