"""The table's Services and EndpointSlices as objects of the API, and their addresses."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from ipaddress import ip_address, ip_network
from typing import Any

from netemu.api.client import Object
from netemu.api.kinds import ENDPOINT_SLICE, NODE, SERVICE, SERVICE_CIDR, Kind
from netemu.nft.expressions import Address
from netemu.testing.fates.case import Backend, Case, Service, Target, Trait
from netemu.testing.fates.oracle import ASKED_POD, NODE_OF, ZONE_OF
from netemu.testing.service_world import NODES, NODES6, OUTSIDE, OUTSIDE6, PODS, PODS6, SETTINGS
from netemu.testing.service_world import PORT as SERVER_PORT

PORT, UNDEFINED_PORT, UNUSED_NODE_PORT = 80, 81, 29999
_FIRST_NODE_PORT = 30000
_PROTOCOLS = ("TCP", "UDP", "SCTP")
# Ranges by what is in them; those of balancers and external IPs lie outside of every place.
CLUSTER_IPS = {4: ip_network("10.96.0.0/16"), 6: ip_network("fd00:96::/112")}
LATER_CLUSTER_IPS = {4: ip_network("10.97.0.0/16"), 6: ip_network("fd00:97::/112")}
BALANCERS = {4: ip_network("198.18.0.0/16"), 6: ip_network("2001:db8:18::/64")}
EXTERNAL_IPS = {4: ip_network("198.19.0.0/16"), 6: ip_network("2001:db8:19::/64")}
PROXIES = {4: ip_network("100.64.0.0/16"), 6: ip_network("2001:db8:64::/64")}
_LOOPBACKS = {4: ip_address("127.0.0.1"), 6: ip_address("::1")}
_UNALLOCATED = 9  # the ClusterIPs of Services begin behind it
PLACES = {
    4: {place: ip_address(text) for place, text in ({**PODS, **NODES, "outside": OUTSIDE}).items()},
    6: {place: ip_address(text) for place, text in ({**PODS6, **NODES6, "outside": OUTSIDE6}).items()},
}
_LABELS = {
    Trait.OTHER_PROXY: {"service.kubernetes.io/service-proxy-name": "somebody"},
    Trait.HEADLESS_LABEL: {"service.kubernetes.io/headless": ""},
}


@dataclass(frozen=True)
class Manifest:
    """Numbers the Services of a table, which gives them their names, addresses and node ports."""

    numbers: dict[Service, int]

    @classmethod
    def of(cls, cases: Iterable[Case]) -> Manifest:
        """Number the Services of some cases."""
        services = dict.fromkeys(case.service for case in cases)
        return cls({service: number for number, service in enumerate(services, 1)})

    def destination(self, case: Case) -> tuple[Address, int]:
        """Give the address and port that the client of a case connects to."""
        number, version = self.numbers[case.service], case.version
        node_port = _FIRST_NODE_PORT + number
        places = PLACES[version]
        found: dict[Target, tuple[Address, int]] = {
            Target.CLUSTER_IP: (_cluster_ip(case.service, number, version), PORT),
            Target.UNDEFINED_PORT: (_cluster_ip(case.service, number, version), UNDEFINED_PORT),
            Target.UNALLOCATED: (CLUSTER_IPS[version][_UNALLOCATED], PORT),
            Target.UNALLOCATED_LATER: (LATER_CLUSTER_IPS[version][_UNALLOCATED], PORT),
            Target.NODE_PORT: (places["node-1"], node_port),
            Target.OTHER_NODE_PORT: (places["node-2"], node_port),
            Target.UNUSED_NODE_PORT: (places["node-1"], UNUSED_NODE_PORT),
            Target.LOOPBACK: (_LOOPBACKS[version], node_port),
            Target.BALANCER: (BALANCERS[version][number], PORT),
            Target.EXTERNAL_IP: (EXTERNAL_IPS[version][number], PORT),
            Target.PROXY: (PROXIES[version][number], PORT),
            Target.POD: (places[ASKED_POD], SERVER_PORT),
        }
        return found[case.target]

    def objects(self) -> list[tuple[Kind, Object]]:
        """Give the nodes, the later range, the Services and their slices."""
        found: list[tuple[Kind, Object]] = [(NODE, _node(name)) for name in NODES]
        cidrs = [str(network) for network in LATER_CLUSTER_IPS.values()]
        found.append((SERVICE_CIDR, {"metadata": {"name": "later"}, "spec": {"cidrs": cidrs}}))
        for service, number in self.numbers.items():
            found.append((SERVICE, _service(service, number)))
            found.extend((ENDPOINT_SLICE, slice_) for slice_ in _slices(service, number))
        return found


def _cluster_ip(service: Service, number: int, version: int) -> Address:
    ranges = LATER_CLUSTER_IPS if service.trait is Trait.LATER_RANGE else CLUSTER_IPS
    return ranges[version][_UNALLOCATED + number]


def _node(name: str) -> Object:
    return {"metadata": {"name": name, "labels": {"topology.kubernetes.io/zone": ZONE_OF[name]}}}


def _service(service: Service, number: int) -> Object:
    addresses = [str(_cluster_ip(service, number, version)) for version in (4, 6)]
    spec: dict[str, Any] = {
        "type": service.type,
        "clusterIP": addresses[0],
        "clusterIPs": addresses,
        "ports": [_port(service, number, protocol) for protocol in _PROTOCOLS],
        "internalTrafficPolicy": service.internal.value,
        "externalTrafficPolicy": service.external.value,
        "externalIPs": [str(EXTERNAL_IPS[version][number]) for version in (4, 6)],
        "sessionAffinity": "ClientIP" if service.affinity else "None",
    }
    if service.sources is not None:
        spec["loadBalancerSourceRanges"] = list(_ranges(service.sources))
    ingress = [{"ip": str(ips[number]), "ipMode": "VIP"} for ips in BALANCERS.values()]
    ingress += [{"ip": str(ips[number]), "ipMode": "Proxy"} for ips in PROXIES.values()]
    balancer = {"ingress": ingress} if service.type == "LoadBalancer" else {}
    return {
        "metadata": {**_metadata(number), "labels": _LABELS.get(service.trait, {})},
        "spec": spec,
        "status": {"loadBalancer": balancer},
    }


def _metadata(number: int) -> Object:
    return {"name": f"s{number}", "namespace": "default"}


def _port(service: Service, number: int, protocol: str) -> Object:
    port = {"name": protocol.lower(), "port": PORT, "protocol": protocol, "targetPort": 8080}
    if service.type == "ClusterIP" or service.trait is Trait.NO_NODE_PORT:
        return port
    return {**port, "nodePort": _FIRST_NODE_PORT + number}


def _ranges(sources: Iterable[str]) -> Iterator[str]:
    for source in sources:
        if source == "pods":
            yield from SETTINGS.pod_cidr
        elif source == "outside-by-ipv4":
            yield str(PLACES[4]["outside"])
        else:
            yield from (str(places[source]) for places in PLACES.values())


def _slices(service: Service, number: int) -> Iterator[Object]:
    names = {Trait.NAMES: ("FQDN",), Trait.ONLY_IPV4: ("IPv4",)}.get(service.trait, ("IPv4", "IPv6"))
    times = 2 if service.trait is Trait.TWO_SLICES else 1
    labels = {"kubernetes.io/service-name": f"s{number}"}
    if service.trait is Trait.HEADLESS_SLICES:
        labels |= _LABELS[Trait.HEADLESS_LABEL]
    for time, address_type in ((time, name) for time in range(times) for name in names):
        yield {
            "metadata": {
                "name": f"s{number}-{address_type.lower()}-{time}",
                "namespace": "default",
                "labels": labels,
            },
            "addressType": address_type,
            "endpoints": [_endpoint(backend, address_type, service.trait) for backend in service.backends],
            "ports": [
                {"name": protocol.lower(), "port": 8080, "protocol": protocol} for protocol in _PROTOCOLS
            ],
        }


def _endpoint(backend: Backend, address_type: str, trait: Trait) -> Object:
    ready, serving, terminating = backend.condition.value
    conditions = {"ready": ready, "serving": serving, "terminating": terminating}
    hints = {
        "forZones": [{"name": name} for name in backend.zones],
        "forNodes": [{"name": name} for name in backend.nodes],
    }
    return {
        "addresses": list(_addresses(backend.place, address_type, trait)),
        "conditions": {name: said for name, said in conditions.items() if said is not None},
        "nodeName": NODE_OF[backend.place],
        "hints": {kind: some for kind, some in hints.items() if some},
    }


def _addresses(place: str, address_type: str, trait: Trait) -> Iterator[str]:
    if address_type == "FQDN":
        yield f"{place}.example.org"
        return
    places = PLACES[int(address_type[-1])]
    yield str(places[place])
    if trait is Trait.SECOND_ADDRESS:
        yield str(places["c"])
