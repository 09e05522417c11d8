"""A cluster made of objects in a cache, as DNS sees it."""

from __future__ import annotations

from random import Random

import pytest

from netemu.api.kinds import ENDPOINT_SLICE, NAMESPACE, SERVICE
from netemu.dns.responder import Responder
from netemu.dns.zone import Zone
from netemu.informer.cache import Cache, Key


class Cluster:
    """Objects that come and go, a zone and a responder over them."""

    def __init__(self, domain: str = "cluster.local") -> None:
        self.cache = Cache()
        self.zone = Zone(self.cache, domain)
        self.is_synced = True
        self.responder = Responder(self.zone, lambda: self.is_synced, Random(1))
        self.revision = 0

    def put(self, kind, obj):
        self.revision += 1
        obj["metadata"]["resourceVersion"] = str(self.revision)
        self.responder.note(self.cache.apply(kind, obj))

    def remove(self, kind, key):
        self.responder.note(self.cache.apply(kind, None, key=key))

    def namespace(self, name):
        self.put(NAMESPACE, {"metadata": {"name": name}})

    def service(self, name, ip="10.96.0.20", ports=(), namespace="default", **spec):
        ports = [{"name": n, "port": p, "protocol": proto} for n, p, proto in ports]
        spec = {"clusterIP": ip, "clusterIPs": [ip], "ports": ports, **spec}
        self.put(SERVICE, {"metadata": {"name": name, "namespace": namespace}, "spec": spec})

    def external(self, name, target, namespace="default"):
        spec = {"type": "ExternalName", "externalName": target}
        self.put(SERVICE, {"metadata": {"name": name, "namespace": namespace}, "spec": spec})

    def endpoints(self, service, *endpoints, ports=(), namespace="default", suffix="x"):
        """Each endpoint is an address, or (address, hostname) or (address, hostname, ready)."""
        rows = [(e, None, True) if isinstance(e, str) else (*e, True)[:3] for e in endpoints]
        labels = {"kubernetes.io/service-name": service}
        self.put(
            ENDPOINT_SLICE,
            {
                "metadata": {"name": f"{service}-{suffix}", "namespace": namespace, "labels": labels},
                "addressType": "IPv4",
                "endpoints": [
                    {"addresses": [ip], "hostname": hostname, "conditions": {"ready": ready}}
                    for ip, hostname, ready in rows
                ],
                "ports": [{"name": n, "port": p, "protocol": proto} for n, p, proto in ports],
            },
        )

    def remove_service(self, name, namespace="default"):
        self.remove(SERVICE, Key(namespace, name))


@pytest.fixture
def cluster() -> Cluster:
    """A cluster with the talk's Services."""
    made = Cluster()
    for namespace in ("default", "kube-system", "prodns"):
        made.namespace(namespace)
    made.service("kubernetes", "10.96.0.1", [("https", 443, "TCP")])
    made.service(
        "kube-dns",
        "10.96.0.10",
        [("dns", 53, "UDP"), ("dns-tcp", 53, "TCP"), ("metrics", 9153, "TCP")],
        namespace="kube-system",
    )
    made.service("website", "10.96.7.7", [("http", 80, "TCP"), ("", 81, "TCP")])
    made.endpoints("website", "10.244.1.2", "10.244.2.2", ports=[("http", 8080, "TCP")])
    made.service("kafka", "None", [("broker", 9092, "TCP")], namespace="prodns")
    made.endpoints(
        "kafka",
        ("10.244.1.3", "kafka-0"),
        ("10.244.2.3", "kafka-1"),
        ("10.244.3.3", "kafka-2", False),
        "10.244.1.9",
        ports=[("broker", 9092, "TCP")],
        namespace="prodns",
    )
    made.service("empty", "None", [("http", 80, "TCP")])
    made.external("inside", "website.default.svc.cluster.local")
    made.external("outside", "www.example.com")
    return made


@pytest.fixture
def new_cluster() -> type[Cluster]:
    """The class, for tests that need another domain."""
    return Cluster
