"""How near a pod would be to others on each node: inter-pod affinity and topology spread. Pure.

Made once per decision for a pod that has such rules, or that others' rules speak of; what it
counts comes from ``Occupancy`` and costs the number of nodes, not of pods.

Sources: the scheduler's plugins ``interpodaffinity`` and ``podtopologyspread``.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from netemu.api.placement import matches_node, untolerated
from netemu.api.views.core import PodSpec
from netemu.naming import NodeName
from netemu.scheduler.facts import NodeFacts, PodFacts
from netemu.scheduler.occupancy import Occupancy, selects
from netemu.scheduler.selection import Selection, Spread

NOT_NEAR = "node(s) didn't match pod affinity rules"
TOO_NEAR = "node(s) didn't match pod anti-affinity rules"
NOT_WELCOME = "node(s) didn't satisfy existing pods anti-affinity rules"
UNEVEN = "node(s) didn't match pod topology spread constraints"
UNEVEN_WITHOUT_LABEL = f"{UNEVEN} (missing required label)"


class Refusal(NamedTuple):
    """Why a node is not the place; ``passing`` if fewer pods would help."""

    reason: str
    passing: bool


class _Evenness(NamedTuple):
    spread: Spread
    counts: Counter[str]
    least: int
    own: int


class Neighbours:
    """The rules about others that hold for one pod, against the pods that are there now."""

    def __init__(self, occupancy: Occupancy, pod: PodFacts, spec: PodSpec) -> None:
        self._occupancy = occupancy
        self._pod = pod
        self._spec = spec
        company = pod.company
        together = Selection(tuple(term.part for term in company.near))
        counts = occupancy.count(together) if company.near else {}
        self._near = [(term.topology, self._by_domain(counts, term.topology)) for term in company.near]
        self._is_first = (
            bool(company.near)
            and not any(domains for _, domains in self._near)
            and together.selects(pod.namespace, pod.labels, occupancy.namespaces)
        )
        self._far = [
            (term.topology, self._by_domain(occupancy.count(term.selection), term.topology))
            for term in company.far
        ]
        self._unwelcome = [
            (term.topology, self._by_domain(counts, term.topology))
            for term, counts in occupancy.repelled.items()
            if self._is_meant(term.selection)
        ]
        self._even = [self._evenness(spread) for spread in pod.spreads if spread.is_hard]
        self._soft = [self._evenness(spread) for spread in pod.spreads if not spread.is_hard]
        self._pulls = [
            (term.topology, term.weight, self._by_domain(occupancy.count(term.selection), term.topology))
            for term in company.preferred
        ] + [
            (term.topology, term.weight, self._by_domain(counts, term.topology))
            for term, counts in occupancy.drawn.items()
            if self._is_meant(term.selection)
        ]

    @property
    def has_preferences(self) -> bool:
        """Whether nodes that would do differ."""
        return bool(self._pulls or self._soft)

    def refusal(self, node: NodeFacts) -> Refusal | None:
        """Find the first rule that keeps the pod off a node."""
        labels = node.labels
        for each in self._even:
            domain = labels.get(each.spread.topology)
            if domain is None:
                return Refusal(UNEVEN_WITHOUT_LABEL, passing=False)
            if each.counts[domain] + each.own - each.least > each.spread.max_skew:
                return Refusal(UNEVEN, passing=True)
        if not self._is_near(labels):
            return Refusal(NOT_NEAR, passing=False)
        if any(domains.get(labels.get(topology, ""), 0) for topology, domains in self._far):
            return Refusal(TOO_NEAR, passing=True)
        if any(domains.get(labels.get(topology, ""), 0) for topology, domains in self._unwelcome):
            return Refusal(NOT_WELCOME, passing=True)
        return None

    def pull(self, node: NodeFacts) -> int:
        """Tell how much others draw the pod to a node: more is better."""
        return sum(weight * domains[node.labels.get(key, "")] for key, weight, domains in self._pulls)

    def crowd(self, node: NodeFacts) -> int:
        """Tell how uneven a node would make what should be even if possible: less is better."""
        return sum(
            each.counts[node.labels[each.spread.topology]]
            if each.spread.topology in node.labels
            else max(each.counts.values(), default=0) + 1
            for each in self._soft
        )

    def _is_near(self, labels: Mapping[str, str]) -> bool:
        if not all(topology in labels for topology, _ in self._near):
            return False
        return self._is_first or all(domains[labels[topology]] for topology, domains in self._near)

    def _is_meant(self, selection: Selection) -> bool:
        return selects(selection, self._pod, self._occupancy.namespaces)

    def _by_domain(self, counts: Mapping[NodeName, int], topology: str) -> Counter[str]:
        return _by_domain(counts, topology, (node for node, _ in self._occupancy.places()))

    def _evenness(self, spread: Spread) -> _Evenness:
        keys = [each.topology for each in self._pod.spreads if each.is_hard is spread.is_hard]
        nodes = [node for node, _ in self._occupancy.places() if self._counts(spread, node, keys)]
        counts = _by_domain(self._occupancy.count(spread.selection), spread.topology, nodes)
        domains = {node.labels[spread.topology] for node in nodes}
        least = min((counts[domain] for domain in domains), default=0)
        if len(domains) < spread.min_domains:
            least = 0
        own = selects(spread.selection, self._pod, self._occupancy.namespaces)
        return _Evenness(spread, counts, least, int(own))

    def _counts(self, spread: Spread, node: NodeFacts, keys: Iterable[str]) -> bool:
        """Tell whether a node's pods count; those of nodes where the pod could not go do not."""
        if not all(key in node.labels for key in keys):
            return False
        if spread.honors_affinity and not matches_node(self._spec, node.name, node.labels):
            return False
        return not spread.honors_taints or untolerated(node.taints, self._spec.tolerations) is None


def _by_domain(counts: Mapping[NodeName, int], topology: str, nodes: Iterable[NodeFacts]) -> Counter[str]:
    found: Counter[str] = Counter()
    for node in nodes:
        count = counts.get(node.name, 0)
        domain = node.labels.get(topology)
        if count and domain is not None:
            found[domain] += count
    return found
