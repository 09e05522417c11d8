"""Which pods a rule about other pods speaks of, and where it counts them. Pure values.

Rules of one template are equal for all its pods, so a count is kept once for all of them
(``occupancy.Tallies``).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec
from msgspec import Struct

from netemu.api.selectors import matches
from netemu.api.views import view
from netemu.api.views.meta import LabelSelector

Labels = Mapping[str, str]
Namespaces = Mapping[str, Labels]
"""The labels of each namespace that there is."""


@dataclass(frozen=True, slots=True)
class Part:
    """Pods of some namespaces with some labels; equal if ``key`` is."""

    key: bytes
    namespaces: frozenset[str] = field(compare=False)
    namespace_selector: LabelSelector | None = field(compare=False)
    selector: LabelSelector | None = field(compare=False)

    def selects(self, namespace: str, labels: Labels, namespaces: Namespaces) -> bool:
        """Tell whether a pod is one of them; without a selector, none is."""
        if namespace not in self.namespaces:
            wanted = self.namespace_selector
            if wanted is None or not matches(wanted, namespaces.get(namespace, {})):
                return False
        return self.selector is not None and matches(self.selector, labels)


class Selection(Struct, frozen=True):
    """Pods that are in every part; ``lasting`` leaves out those that are about to end."""

    parts: tuple[Part, ...]
    lasting: bool = False

    def selects(self, namespace: str, labels: Labels, namespaces: Namespaces) -> bool:
        """Tell whether a pod is one of them."""
        return all(part.selects(namespace, labels, namespaces) for part in self.parts)


class Term(Struct, frozen=True):
    """A pod's wish to be near, or far from, others; ``topology`` is the label that says what near is."""

    part: Part
    topology: str
    weight: int = 0

    @property
    def selection(self) -> Selection:
        """The pods that it speaks of."""
        return Selection((self.part,))


class Spread(Struct, frozen=True):
    """One topology spread constraint of a pod."""

    selection: Selection
    topology: str
    max_skew: int
    min_domains: int
    is_hard: bool
    honors_affinity: bool
    honors_taints: bool


class Company(Struct, frozen=True):
    """What a pod wants of other pods; ``preferred`` has negative weights for what it shuns."""

    near: tuple[Term, ...] = ()
    far: tuple[Term, ...] = ()
    preferred: tuple[Term, ...] = ()


NO_COMPANY = Company()


def read_company(affinity: Mapping[str, Any] | None, namespace: str, labels: Labels) -> Company:
    """Read a pod's inter-pod affinity."""
    near = (affinity or {}).get("podAffinity") or {}
    far = (affinity or {}).get("podAntiAffinity") or {}
    if not (near or far):
        return NO_COMPANY
    return Company(
        near=tuple(_term(term, namespace, labels) for term in _required(near)),
        far=tuple(_term(term, namespace, labels) for term in _required(far)),
        preferred=(
            *_weighted(near, namespace, labels, sign=1),
            *_weighted(far, namespace, labels, sign=-1),
        ),
    )


def read_spreads(
    constraints: Iterable[Mapping[str, Any]], namespace: str, labels: Labels
) -> tuple[Spread, ...]:
    """Read a pod's topology spread constraints."""
    return tuple(
        Spread(
            selection=Selection((_part(constraint, (namespace,), None, labels),), lasting=True),
            topology=constraint.get("topologyKey", ""),
            max_skew=int(constraint.get("maxSkew") or 1),
            min_domains=int(constraint.get("minDomains") or 1),
            is_hard=constraint.get("whenUnsatisfiable", "DoNotSchedule") == "DoNotSchedule",
            honors_affinity=constraint.get("nodeAffinityPolicy", "Honor") == "Honor",
            honors_taints=constraint.get("nodeTaintsPolicy", "Ignore") == "Honor",
        )
        for constraint in constraints
    )


def _required(rules: Mapping[str, Any]) -> Iterable[Mapping[str, Any]]:
    return rules.get("requiredDuringSchedulingIgnoredDuringExecution") or ()


def _weighted(rules: Mapping[str, Any], namespace: str, labels: Labels, *, sign: int) -> Iterable[Term]:
    for rule in rules.get("preferredDuringSchedulingIgnoredDuringExecution") or ():
        yield _term(rule["podAffinityTerm"], namespace, labels, weight=sign * int(rule["weight"]))


def _term(term: Mapping[str, Any], namespace: str, labels: Labels, weight: int = 0) -> Term:
    named = tuple(sorted(term.get("namespaces") or ()))
    wanted = term.get("namespaceSelector")
    if not named and wanted is None:
        named = (namespace,)
    return Term(_part(term, named, wanted, labels), term["topologyKey"], weight)


def _part(rule: Mapping[str, Any], namespaces: tuple[str, ...], wanted: Any, labels: Labels) -> Part:
    selector = rule.get("labelSelector")
    more = [
        *_own(rule.get("matchLabelKeys"), "In", labels),
        *_own(rule.get("mismatchLabelKeys"), "NotIn", labels),
    ]
    if more and selector is not None:
        given = selector.get("matchExpressions") or ()
        # The API server may have merged them already.
        selector = {**selector, "matchExpressions": [*given, *(each for each in more if each not in given)]}
    return Part(
        key=msgspec.json.encode((selector, namespaces, wanted), order="deterministic"),
        namespaces=frozenset(namespaces),
        namespace_selector=None if wanted is None else view(LabelSelector, wanted),
        selector=None if selector is None else view(LabelSelector, selector),
    )


def _own(keys: Iterable[str] | None, operator: str, labels: Labels) -> Iterable[dict[str, Any]]:
    for key in keys or ():
        if key in labels:
            yield {"key": key, "operator": operator, "values": [labels[key]]}
