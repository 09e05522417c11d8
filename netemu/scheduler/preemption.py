"""Whom a pod of high priority may push out, and from which node. Pure: ``Occupancy`` is as before.

Source: the scheduler's plugin ``defaultpreemption`` and https://kubernetes.io/docs/concepts/scheduling-eviction/pod-priority-preemption/.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

from msgspec import Struct

from netemu.api.views.core import Pod
from netemu.naming import NodeName, PodUid
from netemu.scheduler.facts import PodFacts
from netemu.scheduler.fit import Obstacle, Unschedulable, Wish, count_reasons, find_obstacle
from netemu.scheduler.occupancy import Occupancy
from netemu.scheduler.volumes import Volumes

# What Kubernetes' plugin for dynamic resources, which comes before preemption, has to say.
NO_CLAIMS = "no new claims to deallocate"
NO_VICTIMS = Obstacle(("No preemption victims found for incoming pod",))
NOT_HELPFUL = Obstacle(("Preemption is not helpful for scheduling",))
NEVER = "not eligible due to preemptionPolicy=Never."
WAITS_FOR_END = "not eligible due to a terminating pod on the nominated node."

Protected = Callable[[Sequence[PodFacts]], set[PodUid]]
"""Tell which of these pods, if all were to go, disruption budgets would miss."""


class Nomination(Struct, frozen=True):
    """The node on which a pod will have room when its victims are gone."""

    node: NodeName
    victims: tuple[PodFacts, ...]


class Hopeless(Struct, frozen=True):
    """Nobody's going would help; ``message`` says why.

    ``keeps_nomination`` if nobody was asked: what was decided for the pod before stands.
    """

    message: str
    keeps_nomination: bool = False


def may_help(occupancy: Occupancy, pod: PodFacts, decision: Unschedulable) -> bool:
    """Tell whether there is anybody of lower priority to push out: cheap, to ask budgets only then."""
    return any(
        priority < pod.priority
        for node, obstacle in decision.obstacles.items()
        if obstacle.passing
        for priority in occupancy.place(node).priorities
    )


def preempt(
    occupancy: Occupancy,
    pod: Pod,
    facts: PodFacts,
    decision: Unschedulable,
    protected: Protected,
    volumes: Volumes | None = None,
) -> Nomination | Hopeless:
    """Find the node on which the least is lost."""
    wish = Wish(occupancy, pod, facts, volumes)
    if pod.spec.preemption_policy == "Never":
        return Hopeless(f"{NO_CLAIMS}, preemption: {NEVER}", keeps_nomination=True)
    if _waits_for_end(occupancy, pod, facts):
        return Hopeless(f"{NO_CLAIMS}, preemption: {WAITS_FOR_END}", keeps_nomination=True)
    found: list[Nomination] = []
    reasons: dict[NodeName, Obstacle] = {}
    for node, obstacle in decision.obstacles.items():
        outcome = _on_node(wish, node, protected) if obstacle.passing else NOT_HELPFUL
        if isinstance(outcome, Nomination):
            found.append(outcome)
        else:
            reasons[node] = outcome
    if found:
        return min(found, key=lambda nomination: _loss(nomination, protected))
    return Hopeless(f"{NO_CLAIMS}, preemption: {count_reasons(reasons.values())}")


def _waits_for_end(occupancy: Occupancy, pod: Pod, facts: PodFacts) -> bool:
    """Tell whether room was made already, and those who are to go have not gone yet."""
    node = pod.status.nominated_node_name
    if not node or not any(place_facts.name == node for place_facts, _ in occupancy.places()):
        return False
    others = occupancy.place(NodeName(node)).pods.values()
    return any(other.ending and other.priority < facts.priority for other in others)


def _on_node(wish: Wish, node: NodeName, protected: Protected) -> Nomination | Obstacle:
    """Take all lesser pods away, then give back whom there is room for, the most important first."""
    occupancy, facts = wish.occupancy, wish.facts
    lesser = [other for other in occupancy.place(node).pods.values() if other.priority < facts.priority]
    if not lesser:
        return NO_VICTIMS
    guarded = protected(lesser)
    lesser.sort(key=lambda other: (other.uid not in guarded, -other.priority, other.started, other.uid))
    gone = dict.fromkeys(other.uid for other in lesser)
    try:
        for other in lesser:
            occupancy.release(other.uid)
        remaining = _obstacle(wish, node)
        if remaining is not None:
            return remaining
        for other in lesser:
            occupancy.assign(other, node)
            if _obstacle(wish, node) is None:
                del gone[other.uid]
            else:
                occupancy.release(other.uid)
    finally:
        for other in lesser:
            occupancy.assign(other, node)
    return Nomination(node, tuple(other for other in lesser if other.uid in gone))


def _obstacle(wish: Wish, node: NodeName) -> Obstacle | None:
    place = wish.occupancy.place(node)
    assert place.facts is not None, "only nodes that exist are asked"
    now = Wish(wish.occupancy, wish.pod, wish.facts, wish.volumes)  # its neighbours are others each time
    return find_obstacle(now, place.facts, place)


def _loss(nomination: Nomination, protected: Protected) -> tuple[object, ...]:
    """Order nodes by what is lost on them; of equals the one whose victims started last goes."""
    victims = nomination.victims
    top = max((victim.priority for victim in victims), default=0)
    oldest = min((victim.started for victim in victims if victim.priority == top), default="")
    return (
        len(protected(victims)),
        top,
        sum(victim.priority for victim in victims),
        len(victims),
        _backwards(oldest),
        nomination.node,
    )


def _backwards(text: str) -> tuple[int, ...]:
    return tuple(-ord(character) for character in text)


def unprotected(_pods: Sequence[PodFacts]) -> set[PodUid]:
    """Stand for a cluster without disruption budgets."""
    return set()


def protection(budgets: Iterable[Mapping[str, object]], selects: Callable[..., bool]) -> Protected:
    """Make the question from budgets: each may lose as many pods as its status allows."""
    known = list(budgets)

    def missing(pods: Sequence[PodFacts]) -> set[PodUid]:
        allowed = [_allowed(budget) for budget in known]
        found = set()
        for pod in pods:
            for position, budget in enumerate(known):
                if selects(budget, pod.namespace, pod.labels):
                    allowed[position] -= 1
                    if allowed[position] < 0:
                        found.add(pod.uid)
        return found

    return missing


def _allowed(budget: Mapping[str, object]) -> int:
    status = budget.get("status")
    return int(status.get("disruptionsAllowed") or 0) if isinstance(status, Mapping) else 0
