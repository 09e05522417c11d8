"""What admission adds to Ingresses: the class that is the default. Pure.

Source: kubernetes ``plugin/pkg/admission/network/defaultingressclass``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from netemu.api.client import Object
from netemu.api.kinds import INGRESS, Kind

IS_DEFAULT = "ingressclass.kubernetes.io/is-default-class"
OLD_CLASS = "kubernetes.io/ingress.class"

Classes = Callable[[], Iterable[Object]]


class IngressAdmission:
    """Gives each new Ingress that names no class the default one: the newest, if several are marked."""

    def __init__(self, classes: Classes) -> None:
        self._classes = classes

    def __call__(self, kind: Kind, obj: Object, _find: object) -> Object:
        """Give a new object as it is stored."""
        if kind is not INGRESS or obj["spec"].get("ingressClassName") is not None:
            return obj
        if OLD_CLASS in (obj["metadata"].get("annotations") or {}):
            return obj
        default = self._default()
        if default is None:
            return obj
        return {**obj, "spec": {**obj["spec"], "ingressClassName": default}}

    def _default(self) -> str | None:
        marked = sorted(
            (each["metadata"] for each in self._classes() if _is_default(each)),
            key=lambda meta: str(meta["name"]),
        )
        if not marked:
            return None
        # Of equal age, the first by name: max gives the first of equals.
        return str(max(marked, key=lambda meta: str(meta["creationTimestamp"]))["name"])


def _is_default(ingress_class: Object) -> bool:
    return (ingress_class["metadata"].get("annotations") or {}).get(IS_DEFAULT) == "true"
