"""Services that change into anything, and what nodes' rules make of it, change by change."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from ipaddress import ip_address, ip_network
from itertools import product
from random import Random
from typing import Any, NamedTuple

from netemu.api.client import Object
from netemu.api.kinds import ENDPOINT_SLICE, SERVICE, Kind
from netemu.informer.cache import Cache, Key
from netemu.naming import NodeName
from netemu.nft.expressions import Family
from netemu.nft.transaction import Transaction
from netemu.proxy.groups import NodeView
from netemu.proxy.index import Index
from netemu.proxy.plan import Plans, plan_all
from netemu.proxy.rules import NodeRules

NODES = (NodeName("node-1"), NodeName("node-2"))
NAMES = ("a", "b")
TYPES = ("ClusterIP", "NodePort", "LoadBalancer", "ExternalName", "Headless", "None")
"""What a Service of a name is; ``None`` is that there is none."""
CONDITIONS = (
    {"ready": True},
    {"ready": False, "serving": True, "terminating": True},
    {"ready": False},
)
SPECS: dict[str, Sequence[Any]] = {
    "families": (("IPv4",), ("IPv6",), ("IPv4", "IPv6"), ("IPv6", "IPv4")),
    "protocols": (("TCP",), ("TCP", "UDP"), ("UDP", "SCTP")),
    "shared": (False, True),
    "labels": (
        (),
        ("app",),
        ("service.kubernetes.io/service-proxy-name",),
        ("service.kubernetes.io/headless",),
    ),
    "internalTrafficPolicy": ("Cluster", "Local"),
    "externalTrafficPolicy": ("Cluster", "Local"),
    "sessionAffinity": ("None", "ClientIP"),
    "externalIPs": ([], ["198.19.0.1"], ["198.19.0.1", "2001:db8:1::1"]),
    "loadBalancerSourceRanges": (
        [],
        ["10.0.0.0/8"],
        ["10.0.0.0/9"],
        ["10.1.0.0/17", "10.1.64.0/18", "10.1.128.0/17"],
        ["0.0.0.0/0", "fd00::/8"],
    ),
}
"""What may be said of a Service, and each value that it may have."""
ZONES: tuple[tuple[str, ...], ...] = ((), ("node-1",), ("node-2",))

EndpointChoice = tuple[int, Any, Iterable[str]]  # number, conditions, zones

_PODS = {Family.IP: ip_network("10.244.0.0/16"), Family.IP6: ip_network("fd00:244::/32")}
_SERVICES = {Family.IP: ip_network("10.96.0.0/16"), Family.IP6: ip_network("fd00:96::/112")}
_NODE_IPS = {Family.IP: ip_address("172.30.0.11"), Family.IP6: ip_address("fd00:172::11")}
_PROTOCOLS = ("TCP", "UDP", "SCTP")


class Write(NamedTuple):
    """One change of an object; ``None`` deletes it."""

    kind: Kind
    name: str
    obj: Object | None


def write_service(
    name: str,
    type: str,
    *,
    families: Iterable[str] = ("IPv4", "IPv6"),
    protocols: Iterable[str] = ("TCP", "UDP"),
    shared: bool = False,
    labels: Iterable[str] = (),
    **spec: Any,
) -> Write:
    """Make a Service what it is from now on; two that are ``shared`` have one balancer's address."""
    if type == "None":
        return Write(SERVICE, name, None)
    number = 20 + NAMES.index(name)
    ips = {"IPv4": f"10.96.0.{number}", "IPv6": f"fd00:96::{number}"}
    outside = {"IPv4": f"198.18.0.{1 if shared else number}", "IPv6": f"2001:db8::{1 if shared else number}"}
    node_ports = {"nodePort": 30000 + number} if type in ("NodePort", "LoadBalancer") else {}
    cluster_ips = ["None"] if type == "Headless" else [ips[family] for family in families]
    addressed = {} if type == "ExternalName" else {"clusterIP": cluster_ips[0], "clusterIPs": cluster_ips}
    obj = {
        "metadata": {"name": name, "namespace": "default", "labels": dict.fromkeys(labels, "x")},
        "spec": {
            "type": type.replace("Headless", "ClusterIP"),
            "ports": [{"name": p.lower(), "port": 80, "protocol": p, **node_ports} for p in protocols],
            **addressed,
            **spec,
        },
        "status": {
            "loadBalancer": {"ingress": [{"ip": outside[family]} for family in families]}
            if type == "LoadBalancer"
            else {}
        },
    }
    return Write(SERVICE, name, obj)


def write_slice(name: str, family: str, endpoints: Iterable[EndpointChoice] | None) -> Write:
    """Give a Service these endpoints of a family; ``None`` deletes the slice."""
    slice_name = f"{name}-{family.lower()}"
    if endpoints is None:
        return Write(ENDPOINT_SLICE, slice_name, None)
    labels = {"kubernetes.io/service-name": name}
    obj = {
        "metadata": {"name": slice_name, "namespace": "default", "labels": labels},
        "addressType": family,
        "endpoints": [_endpoint(family, *one) for one in endpoints],
        "ports": [{"name": p.lower(), "port": 8080, "protocol": p} for p in _PROTOCOLS],
    }
    return Write(ENDPOINT_SLICE, slice_name, obj)


def _endpoint(family: str, number: int, conditions: Any, zones: Iterable[str]) -> Object:
    here = number % 2
    address = f"10.244.{here + 1}.{number}" if family == "IPv4" else f"fd00:244:{here + 1}::{number}"
    return {
        "addresses": [address],
        "conditions": conditions,
        "nodeName": NODES[here],
        "hints": {"forZones": [{"name": zone} for zone in zones]},
    }


def random_write(random: Random) -> Write:
    """Draw a change; most are of Services with all that a Service can have."""
    name = random.choice(NAMES)
    if random.random() < 0.6:
        spec = {field: random.choice(values) for field, values in SPECS.items()}
        return write_service(name, random.choice(("LoadBalancer", "LoadBalancer", *TYPES)), **spec)
    numbers = random.sample(range(2, 7), k=random.randint(0, 4))
    some = [(number, random.choice(CONDITIONS), random.choice(ZONES)) for number in numbers]
    return write_slice(name, random.choice(("IPv4", "IPv6")), some if random.random() < 0.8 else None)


class History:
    """Nodes that follow changes of objects as the proxy does; ``do`` is given every transaction."""

    def __init__(self, do: Callable[[NodeView, Transaction], None]) -> None:
        self._do = do
        self._cache = Cache()
        self._indexes = [Index(self._cache, family) for family in _PODS]
        self._plans = [Plans(index) for index in self._indexes]
        self.views = [
            NodeView(node, (_NODE_IPS[family],), _PODS[family], _SERVICES[family], zone=node)
            for family, node in product(_PODS, NODES)
        ]
        self._rules = [NodeRules(view) for view in self.views]
        for view, rules in zip(self.views, self._rules, strict=True):
            for transaction in rules.load({}):
                do(view, transaction)

    def write(self, write: Write) -> None:
        """Let one change happen."""
        change = self._cache.apply(write.kind, write.obj, key=Key("default", write.name))
        if change is None:
            return
        for half, (index, plans) in enumerate(zip(self._indexes, self._plans, strict=True)):
            changed = plans.refresh(dict.fromkeys(index.touched(change)))
            for place in range(half * len(NODES), (half + 1) * len(NODES)):
                for transaction in self._rules[place].change(changed):
                    self._do(self.views[place], transaction)

    def reload(self, do: Callable[[NodeView, Transaction], None]) -> None:
        """Give ``do`` what loads the rules of what is there now, with the slots that they have."""
        for view, rules in zip(self.views, self._rules, strict=True):
            for transaction in NodeRules(view).load(rules.held):
                do(view, transaction)

    def restart(self, do: Callable[[NodeView, Transaction], None]) -> None:
        """Give ``do`` what a proxy does that has just begun and knows no past."""
        for view in self.views:
            for transaction in NodeRules(view).load(plan_all(Index(self._cache, view.family))):
                do(view, transaction)
