"""What the API fills in for a Service: families, ClusterIPs and node ports.

Source: Kubernetes' ``pkg/registry/core/service`` (order of steps, words of refusals) and
https://kubernetes.io/docs/concepts/services-networking/cluster-ip-allocation/.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

from netemu.api.causes import bad_value
from netemu.api.client import Object
from netemu.api.errors import ApiError, Cause
from netemu.api.kinds import IP_ADDRESS, SERVICE, SERVICE_CIDR, Kind
from netemu.api.validation import invalid
from netemu.api.validation.clusterips import HEADLESS, cluster_ips
from netemu.api.validation.services import is_external, needs_health_check
from netemu.apiserver.addresses import ClusterIPs, ExhaustedError, address, node_ports, number_of
from netemu.apiserver.families import trimmed, with_families
from netemu.apiserver.ipobjects import cluster_ips_of, is_managed
from netemu.settings import Settings

Spec = dict[str, Any]


class Claims(NamedTuple):
    """What one Service holds: ClusterIPs as numbers, and node ports."""

    ips: frozenset[int] = frozenset()
    ports: frozenset[int] = frozenset()


class ServiceAddresses:
    """Hands out ClusterIPs and node ports. The only state is what is taken, and from which ranges."""

    def __init__(self, settings: Settings, rng: random.Random) -> None:
        self._port_range = settings.node_port_range
        self._ips = ClusterIPs(settings.service_cidr, rng)
        self._ports = node_ports(settings.node_ports, rng)

    def note(self, kind: Kind, old: Object | None, new: Object | None) -> None:
        """Take notice of Services, of ServiceCIDRs, which are ranges, and of IPAddresses, which are taken."""
        if kind is SERVICE and new is None and old is not None:
            self._release(claims_of(old))
        elif kind is SERVICE and old is None and new is not None:
            self._reserve(claims_of(new))
        elif kind is SERVICE_CIDR:
            name = (new or old or {})["metadata"]["name"]
            usable = new is not None and "deletionTimestamp" not in new["metadata"]
            self._ips.set_range(name, new["spec"].get("cidrs") or () if new is not None and usable else ())
        elif kind is IP_ADDRESS:
            if old is not None and not is_managed(old):
                self._ips.release([number_of(old["metadata"]["name"])])
            if new is not None and not is_managed(new):
                self._ips.reserve([number_of(new["metadata"]["name"])])

    @contextmanager
    def claim(self, new: Object, old: Object | None, *, keep: bool) -> Iterator[Object]:
        """Give ``new`` with its addresses, which are its own when the block ends well.

        What ``old`` held beyond that is free then; after an exception, and without ``keep``,
        all is as before.

        Raises:
            InvalidError: an address or port that it asks for is taken or out of range.

        """
        before = claims_of(old) if old is not None else Claims()
        assigned = self._assigned(new, before, old["spec"] if old is not None else None)
        after = claims_of(assigned)
        self._reserve(after)
        kept = False
        try:
            yield assigned
            kept = keep
        finally:
            stay, go = (after, before) if kept else (before, after)
            self._release(Claims(go.ips - stay.ips, go.ports - stay.ports))

    def _reserve(self, claims: Claims) -> None:
        self._ips.reserve(claims.ips)
        self._ports.reserve(claims.ports)

    def _release(self, claims: Claims) -> None:
        self._ips.release(claims.ips)
        self._ports.release(claims.ports)

    def _assigned(self, service: Object, held: Claims, old: dict[str, Any] | None) -> Object:
        spec = service["spec"]
        if not needs_cluster_ip(spec):
            return service
        spec = with_families(service, self._ips.families, old)
        service = {**service, "spec": self._with_cluster_ips({**service, "spec": spec}, held)}
        spec = service["spec"]
        if may_have_node_port(spec):
            spec = {**spec, "ports": self._with_node_ports(service, held)}
        if needs_health_check(spec):
            port = self._health_check_port({**service, "spec": spec}, held)
            spec = {**spec, "healthCheckNodePort": port}
        return {**service, "spec": spec}

    def _with_cluster_ips(self, service: Object, held: Claims) -> dict[str, Any]:
        spec = service["spec"]
        ips = cluster_ips(spec)
        if ips == [HEADLESS]:
            return {**spec, "clusterIP": HEADLESS, "clusterIPs": ips}
        for ip in ips:
            self._check_ip(service, ip, held)
        ips += [self._pick_ip(family) for family in spec["ipFamilies"][len(ips) :]]
        return {**spec, "clusterIP": ips[0], "clusterIPs": ips}

    def _pick_ip(self, family: str) -> str:
        try:
            return address(self._ips.pick(family))
        except ExhaustedError:
            raise _internal("failed to allocate a serviceIP: range is full") from None

    def _check_ip(self, service: Object, ip: str, held: Claims) -> None:
        number = number_of(ip)
        if number in held.ips:
            return
        if number not in self._ips:
            why = "the provided network does not match the current range"
        elif self._ips.is_taken(number):
            why = "provided IP is already allocated"
        else:
            return
        ips = cluster_ips(service["spec"])
        raise _refused(service, bad_value("spec.clusterIPs", ips, f"failed to allocate IP {ip}: {why}"))

    def _health_check_port(self, service: Object, held: Claims) -> int:
        spec = service["spec"]
        asked: int = spec.get("healthCheckNodePort") or 0
        chosen = _node_ports(spec.get("ports") or [])
        if not asked:
            return self._pick_port("a HealthCheck NodePort 0", chosen)
        if asked in held.ports:
            return asked
        if asked not in self._ports:
            why = f"provided port is not in the valid range. The range of valid ports is {self._port_range}"
        elif asked in chosen or self._ports.is_taken(asked):
            why = "provided port is already allocated"
        else:
            return asked
        raise _internal(f"failed to allocate requested HealthCheck NodePort {asked}: {why}")

    def _with_node_ports(self, service: Object, held: Claims) -> list[dict[str, Any]]:
        ports = service["spec"].get("ports") or []
        chosen = _node_ports(ports)
        by_number = {
            (port["port"], port.get("protocol", "TCP")): port["nodePort"]
            for port in ports
            if port.get("nodePort")
        }
        result = []
        for index, port in enumerate(ports):
            if not port.get("nodePort") and not needs_node_port(service["spec"]):
                result.append(port)
                continue
            number = (
                port.get("nodePort")
                or self._sibling(port, by_number)
                or self._pick_port("a nodePort", chosen)
            )
            self._check_port(service, index, number, held)
            chosen.add(number)
            by_number[port["port"], port.get("protocol", "TCP")] = number
            result.append({**port, "nodePort": number})
        return result

    @staticmethod
    def _sibling(port: dict[str, Any], by_number: dict[tuple[int, str], int]) -> int | None:
        """Give TCP and UDP of one port number the same node port, as Kubernetes does (DNS)."""
        protocol = port.get("protocol", "TCP")
        used = {n for (_, p), n in by_number.items() if p == protocol}
        same = (n for (number, p), n in by_number.items() if number == port["port"] and p != protocol)
        return next((n for n in same if n not in used), None)

    def _pick_port(self, what: str, chosen: Collection[int]) -> int:
        try:
            return self._ports.pick(chosen)
        except ExhaustedError:
            raise _internal(f"failed to allocate {what}: range is full") from None

    def _check_port(self, service: Object, index: int, number: int, held: Claims) -> None:
        if number not in self._ports:
            why = f"provided port is not in the valid range. The range of valid ports is {self._port_range}"
        elif self._ports.is_taken(number) and number not in held.ports:
            why = "provided port is already allocated"
        else:
            return
        raise _refused(service, bad_value(f"spec.ports[{index}].nodePort", number, why))


def needs_cluster_ip(spec: Spec) -> bool:
    """Tell whether the API gives this Service a ClusterIP (also ``None`` is one)."""
    return bool(spec.get("type", "ClusterIP") != "ExternalName")


def may_have_node_port(spec: Spec) -> bool:
    """Tell whether this Service may have node ports, if only those that it asks for."""
    return spec.get("type") in ("NodePort", "LoadBalancer")


def needs_node_port(spec: Spec) -> bool:
    """Tell whether the API gives this Service node ports."""
    return may_have_node_port(spec) and (
        not _is_load_balancer(spec) or spec.get("allocateLoadBalancerNodePorts") is not False
    )


def claims_of(service: Object) -> Claims:
    """Give what a stored Service holds."""
    spec = service["spec"]
    ports = [port.get("nodePort") for port in spec.get("ports") or ()] if may_have_node_port(spec) else []
    ports.append(spec.get("healthCheckNodePort"))
    ips = frozenset(map(number_of, cluster_ips_of(service)))
    return Claims(ips, frozenset(port for port in ports if port))


def merged(new: Object, old: Object) -> Object:
    """Carry over what the API had filled in and the user left out; drop what the new type has not."""
    spec = _without_stale(_with_kept(new["spec"], old["spec"]), old["spec"])
    if not _is_load_balancer(spec):
        new = {**new, "status": {**(new.get("status") or {}), "loadBalancer": {}}}
    return {**new, "spec": spec}


def _with_kept(new: Spec, old: Spec) -> Spec:
    if needs_cluster_ip(old) and needs_cluster_ip(new):
        new = {**new, "clusterIP": new.get("clusterIP") or old.get("clusterIP", "")}
        left_out = [name for name in _FAMILY_FIELDS if not new.get(name) and old.get(name)]
        new = {**new, **{name: old[name] for name in left_out}}
    if needs_node_port(old) and needs_node_port(new):
        new = {**new, "ports": _with_kept_ports(new.get("ports") or [], old.get("ports") or [])}
    if needs_health_check(old) and needs_health_check(new) and not new.get("healthCheckNodePort"):
        new = {**new, "healthCheckNodePort": old.get("healthCheckNodePort")}
    return trimmed(_with_linked_ips(new, old), old)


def _with_linked_ips(new: Spec, old: Spec) -> Spec:
    """Guess, of the address and the list of addresses, the one that a client did not write.

    Kubernetes' ``normalizeClusterIPs``.
    """
    ip, ips = new.get("clusterIP") or "", new.get("clusterIPs") or []
    had, had_list = old.get("clusterIP") or "", old.get("clusterIPs") or []
    if ip == had:
        ips = ips or had_list
    elif ips == had_list or (ip and not ips):
        ips = [ip] if ip else []
    given = {"clusterIP": ip, "clusterIPs": ips}
    others = {key: value for key, value in new.items() if key not in given}
    return {**others, **{key: value for key, value in given.items() if value}}


def _with_kept_ports(new: list[dict[str, Any]], old: list[dict[str, Any]]) -> list[dict[str, Any]]:
    by_name = {port.get("name", ""): port.get("nodePort") for port in old}
    used = {port.get("nodePort") for port in new}
    kept = []
    for port in new:
        former = by_name.get(port.get("name", ""))
        if not port.get("nodePort") and former and former not in used:
            used.add(former)
            port = {**port, "nodePort": former}  # noqa: PLW2901 - the changed port replaces the given one
        kept.append(port)
    return kept


def _without_stale(new: Spec, old: Spec) -> Spec:
    stale = {field for field, needs in _NEEDED_BY.items() if needs(old) and not needs(new)}
    if any(new.get(field) != old.get(field) for field in _IP_FIELDS):
        stale -= set(_IP_FIELDS)
    if may_have_node_port(old) and not may_have_node_port(new):
        ports = new.get("ports") or []
        if _node_ports(ports) <= _node_ports(old.get("ports") or []):
            new = {**new, "ports": [_without_node_port(port) for port in ports]}
    return {key: value for key, value in new.items() if key not in stale or value != old.get(key)}


def _is_load_balancer(spec: Spec) -> bool:
    return spec.get("type") == "LoadBalancer"


# Fields of one type only: they go with it unless the user sets them anew
# (pkg/registry/core/service/strategy.go, dropTypeDependentFields).
_IP_FIELDS = ("clusterIP", "clusterIPs")
_FAMILY_FIELDS = ("ipFamilies", "ipFamilyPolicy")
_NEEDED_BY: dict[str, Callable[[Spec], bool]] = {
    **dict.fromkeys((*_IP_FIELDS, *_FAMILY_FIELDS), needs_cluster_ip),
    "allocateLoadBalancerNodePorts": _is_load_balancer,
    "loadBalancerClass": _is_load_balancer,
    "externalTrafficPolicy": is_external,
    "healthCheckNodePort": needs_health_check,
}


def _node_ports(ports: list[dict[str, Any]]) -> set[int]:
    return {port["nodePort"] for port in ports if port.get("nodePort")}


def _without_node_port(port: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in port.items() if key != "nodePort"}


def _refused(service: Object, cause: Cause) -> ApiError:
    return invalid(SERVICE, service["metadata"]["name"], (cause,))


def _internal(what: str) -> ApiError:
    """Make the error of what is not the user's fault, says Kubernetes: nothing is left."""
    return ApiError(f"Internal error occurred: {what}")
