"""Say why something will not happen: LoadBalancers and Ingresses that nobody serves. Pure.

Told when the spec is first seen and when it changes; the recorder counts what is told again.
"""

from __future__ import annotations

from netemu.api.kinds import INGRESS, INGRESS_CLASS, SERVICE
from netemu.api.views.core import Service
from netemu.controllers.reconciler import Reconciler, own_spec
from netemu.controllers.writes import EmitEvent, Writes
from netemu.informer.cache import Cache, Key


def plan_load_balancer(cache: Cache, key: Key, _now_s: float) -> Writes:
    """Decide what to tell about the external IP of a Service."""
    obj = cache.get(SERVICE, key)
    service = cache.find(SERVICE, key, Service)
    if obj is None or service is None or service.spec.type != "LoadBalancer":
        return []
    ports = ", ".join(str(port.node_port) for port in service.spec.ports if port.node_port)
    reachable = f"; every node serves it on node port {ports}" if ports else ""
    message = (
        "Error syncing load balancer: no load-balancer plugin is installed, "
        f"so the external IP stays pending{reachable}"
    )
    return [EmitEvent(obj, "Warning", "SyncLoadBalancerFailed", message)]


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


LOAD_BALANCER = Reconciler(name="service-controller", plan=plan_load_balancer, triggers={SERVICE: own_spec})
INGRESS_RECONCILER = Reconciler(name="ingress-controller", plan=plan_ingress, triggers={INGRESS: own_spec})
