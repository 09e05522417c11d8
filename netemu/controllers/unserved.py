"""Say why something will not happen: Ingresses that nobody serves. Pure.

Told when the spec is first seen and when it changes; the recorder counts what is told again.
"""

from __future__ import annotations

from netemu.api.kinds import INGRESS, INGRESS_CLASS
from netemu.controllers.reconciler import Reconciler, own_spec
from netemu.controllers.writes import EmitEvent, Writes
from netemu.informer.cache import Cache, Key


def plan_ingress(cache: Cache, key: Key, _now_s: float) -> Writes:
    """Decide what to tell about the controller of an Ingress."""
    obj = cache.get(INGRESS, key)
    if obj is None:
        return []
    name = obj["spec"].get("ingressClassName")
    if not name:
        problem = "it names no ingress class, and no controller serves Ingresses without one"
    elif cache.get(INGRESS_CLASS, Key("", name)) is None:
        problem = f'there is no IngressClass "{name}" and no controller that serves it'
    else:
        problem = f'no controller serves the IngressClass "{name}" yet'
    return [EmitEvent(obj, "Warning", "NoController", f"Ingress is stored, but {problem}")]


INGRESS_RECONCILER = Reconciler(name="ingress-controller", plan=plan_ingress, triggers={INGRESS: own_spec})
