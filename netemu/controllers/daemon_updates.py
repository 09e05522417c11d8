"""How a DaemonSet's new template takes over, node by node. Pure.

Source: kube-controller-manager ``pkg/controller/daemon/update.go``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from msgspec import Struct, field

from netemu.api.views.apps import RollingUpdate, UpdateStrategy
from netemu.api.views.core import Pod
from netemu.controllers.pods import is_terminating
from netemu.controllers.rollouts import resolve


class Step(Struct, frozen=True):
    """What an update does next: pods to delete, nodes that get a second pod beside the old one."""

    delete: list[Pod] = field(default_factory=list)
    surge: list[str] = field(default_factory=list)


class Tell(Struct, frozen=True):
    """How to tell pods apart."""

    is_updated: Callable[[Pod], bool]
    is_available: Callable[[Pod], bool]


def surge_of(strategy: UpdateStrategy, nodes: int) -> int:
    """Tell how many nodes may have two pods for a while."""
    if strategy.type != "RollingUpdate":
        return 0
    return resolve((strategy.rolling_update or RollingUpdate()).max_surge, nodes, default=0, up=True)


def next_step(strategy: UpdateStrategy, pods: Mapping[str, list[Pod]], tell: Tell) -> Step:
    """Decide the next step, given the pods of every node that wants one."""
    if strategy.type != "RollingUpdate":
        return Step()
    surge = surge_of(strategy, len(pods))
    if surge:
        return _surge(pods, tell, surge)
    rolling = strategy.rolling_update or RollingUpdate()
    return _replace(pods, tell, max(1, resolve(rolling.max_unavailable, len(pods), default=1, up=True)))


def _replace(pods: Mapping[str, list[Pod]], tell: Tell, allowed: int) -> Step:
    """Delete old pods: those that are not available at once, of the others as many as may be missing."""
    broken: list[Pod] = []
    candidates: list[Pod] = []
    missing = 0
    for here in pods.values():
        new, old = _split(here, tell)
        if len(new) + len(old) != 1:
            missing += 1  # none, or one too many: placing pods comes first
        elif new:
            missing += not tell.is_available(new[0])
        elif tell.is_available(old[0]):
            candidates.append(old[0])
        else:
            missing += 1
            broken.append(old[0])
    return Step(delete=[*broken, *candidates[: max(0, allowed - missing)]])


def _surge(pods: Mapping[str, list[Pod]], tell: Tell, surge: int) -> Step:
    """Add new pods beside old ones, and delete an old one when the new one is available."""
    delete: list[Pod] = []
    at_once: list[str] = []
    candidates: list[str] = []
    surging = 0
    for node, here in pods.items():
        new, old = _split(here, tell)
        if len(new) > 1 or len(old) > 1:
            surging += 1
        elif old and not new:
            (candidates if tell.is_available(old[0]) else at_once).append(node)
        elif old and tell.is_available(new[0]):
            delete.append(old[0])
        elif old:
            surging += 1
    return Step(delete, [*at_once, *candidates[: max(0, surge - surging)]])


def _split(here: list[Pod], tell: Tell) -> tuple[list[Pod], list[Pod]]:
    """Part the pods of a node that stay into new and old ones."""
    staying = [pod for pod in here if not is_terminating(pod)]
    return (
        [pod for pod in staying if tell.is_updated(pod)],
        [pod for pod in staying if not tell.is_updated(pod)],
    )
