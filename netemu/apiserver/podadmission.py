"""What admission decides of Pods by the cluster's settings and its PriorityClasses. Pure.

Sources: kubernetes ``plugin/pkg/admission/priority`` and ``…/defaulttolerationseconds``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from netemu.api.client import Object
from netemu.api.defaulting.pods import EVICTION_DELAY_S
from netemu.api.errors import NotFoundError
from netemu.api.kinds import POD, PRIORITY_CLASS, Kind
from netemu.api.placement import NOT_READY_TAINT, UNREACHABLE_TAINT
from netemu.apiserver import words
from netemu.settings import Settings

Find = Callable[[Kind, str, str], Object]
Classes = Callable[[], Iterable[Object]]


class PodAdmission:
    """Gives each new Pod its priority, and the time that it stays on a node that is lost.

    ``classes`` lists the PriorityClasses, for the one that holds where a Pod names none.
    """

    def __init__(self, settings: Settings, classes: Classes) -> None:
        self._delays_s = {
            NOT_READY_TAINT: settings.default_not_ready_toleration_seconds,
            UNREACHABLE_TAINT: settings.default_unreachable_toleration_seconds,
        }
        self._keeps_delays = set(self._delays_s.values()) == {EVICTION_DELAY_S}
        self._classes = classes

    def __call__(self, kind: Kind, obj: Object, find: Find) -> Object:
        """Give a new object as it is stored.

        Raises:
            ForbiddenError: it is a Pod of a PriorityClass that does not exist, or of another priority.

        """
        if kind is not POD:
            return obj
        spec = self._with_priority(obj, find)
        if not self._keeps_delays:
            spec = {**spec, "tolerations": [self._delayed(each) for each in spec.get("tolerations") or ()]}
        return obj if spec is obj["spec"] else {**obj, "spec": spec}

    def _with_priority(self, pod: Object, find: Find) -> dict[str, Any]:
        spec: dict[str, Any] = pod["spec"]
        name = spec.get("priorityClassName", "")
        chosen = self._named(name, pod, find) if name else self._global_default()
        if chosen is None:
            return spec
        value = chosen.get("value") or 0
        if spec.get("priority", 0) not in (0, value):
            raise words.forbidden(
                POD,
                pod["metadata"]["name"],
                f"the integer value of priority ({spec['priority']}) must not be provided in pod spec;"
                f" priority admission controller computed {value} from the given PriorityClass name",
            )
        policy = chosen.get("preemptionPolicy") or spec.get("preemptionPolicy")
        name = chosen["metadata"]["name"]
        if (spec.get("priority"), spec.get("preemptionPolicy")) == (
            value,
            policy,
        ) and "priorityClassName" in spec:
            return spec
        return {**spec, "priorityClassName": name, "priority": value, "preemptionPolicy": policy}

    def _named(self, name: str, pod: Object, find: Find) -> Object:
        try:
            return find(PRIORITY_CLASS, "", name)
        except NotFoundError as err:
            why = f"no PriorityClass with name {name} was found"
            raise words.forbidden(POD, pod["metadata"]["name"], why) from err

    def _global_default(self) -> Object | None:
        """Find the class of Pods that name none; of several, the one of least value."""
        return min(
            (each for each in self._classes() if each.get("globalDefault")),
            key=lambda each: int(each.get("value") or 0),
            default=None,
        )

    def _delayed(self, toleration: dict[str, Any]) -> dict[str, Any]:
        """Change a toleration that was filled in to the settings' time."""
        filled_in = {
            "key": toleration.get("key"),
            "operator": "Exists",
            "effect": "NoExecute",
            "tolerationSeconds": EVICTION_DELAY_S,
        }
        if toleration == filled_in and toleration["key"] in self._delays_s:
            return {**toleration, "tolerationSeconds": self._delays_s[toleration["key"]]}
        return toleration


def in_turn(*admissions: Callable[[Kind, Object, Find], Object]) -> Callable[[Kind, Object, Find], Object]:
    """Make one admission of several: each sees what those before it made."""

    def admit(kind: Kind, obj: Object, find: Find) -> Object:
        for each in admissions:
            obj = each(kind, obj, find)
        return obj

    return admit
