"""The few fields of a Service and a slice that the proxy reads.

The full views of ``netemu.api.views`` cost four times as much time and, kept for 10,000
Services, 35 MB: they are objects that the garbage collector walks. These are neither walked
(``gc=False``: they hold no cycles) nor kept.
"""

from __future__ import annotations

from msgspec import Struct, field

from netemu.api.views.core import Protocol

# A Service or slice with one of these belongs to somebody else (kube-proxy's own selector).
FOREIGN_LABELS = ("service.kubernetes.io/service-proxy-name", "service.kubernetes.io/headless")
DEFAULT_AFFINITY_S = 10800


class ServicePort(Struct, frozen=True, gc=False, rename="camel"):
    """One port of a Service."""

    port: int
    name: str = ""
    protocol: Protocol = "TCP"
    node_port: int | None = None


class ClientIpAffinity(Struct, frozen=True, gc=False, rename="camel"):
    """How long a client stays with an endpoint, counted from its last connection."""

    timeout_seconds: int | None = None


class AffinityConfig(Struct, frozen=True, gc=False):
    """Settings of session affinity."""

    client_ip: ClientIpAffinity | None = field(default=None, name="clientIP")


class ServiceSpec(Struct, frozen=True, gc=False, rename="camel"):
    """What a Service asks for."""

    type: str = "ClusterIP"
    cluster_ip: str = field(default="", name="clusterIP")
    cluster_ips: tuple[str, ...] = field(default=(), name="clusterIPs")
    ports: tuple[ServicePort, ...] = ()
    external_ips: tuple[str, ...] = field(default=(), name="externalIPs")
    session_affinity: str = "None"
    session_affinity_config: AffinityConfig | None = None
    internal_traffic_policy: str = "Cluster"
    external_traffic_policy: str = "Cluster"
    load_balancer_source_ranges: tuple[str, ...] = ()
    health_check_node_port: int = 0

    @property
    def affinity_s(self) -> int:
        """The seconds that a client stays with its endpoint; 0 without affinity."""
        if self.session_affinity != "ClientIP":
            return 0
        config = self.session_affinity_config
        given = config.client_ip.timeout_seconds if config and config.client_ip else None
        return given or DEFAULT_AFFINITY_S


class BalancerIngress(Struct, frozen=True, gc=False):
    """One address that a load balancer gave to a Service; empty when it gave a name.

    With ``ip_mode`` "Proxy" the balancer wants to see every connection itself (KEP-1860).
    """

    ip: str = ""
    ip_mode: str = field(default="VIP", name="ipMode")


class BalancerStatus(Struct, frozen=True, gc=False):
    """What a load balancer gave to a Service."""

    ingress: tuple[BalancerIngress, ...] = ()


class ServiceStatus(Struct, frozen=True, gc=False, rename="camel"):
    """A Service's status."""

    load_balancer: BalancerStatus = BalancerStatus()


class Service(Struct, frozen=True, gc=False):
    """core/v1 Service."""

    spec: ServiceSpec = ServiceSpec()
    status: ServiceStatus = ServiceStatus()

    @property
    def balancer_addresses(self) -> tuple[str, ...]:
        """Addresses of a load balancer that nodes answer to themselves."""
        if not self.status.load_balancer.ingress:  # as with most
            return ()
        return tuple(entry.ip for entry in self.status.load_balancer.ingress if entry.ip_mode != "Proxy")

    @property
    def external_addresses(self) -> tuple[str, ...]:
        """Addresses beside the ClusterIP."""
        if not self.status.load_balancer.ingress:
            return self.spec.external_ips
        return (*self.spec.external_ips, *self.balancer_addresses)


class Conditions(Struct, frozen=True, gc=False):
    """``None`` means unknown, which is taken as true for ready and serving."""

    ready: bool | None = None
    serving: bool | None = None
    terminating: bool | None = None


class Hint(Struct, frozen=True, gc=False):
    """The zone or node that an endpoint is meant for."""

    name: str = ""


class Hints(Struct, frozen=True, gc=False, rename="camel"):
    """Whom an endpoint is meant for (KEP-2433, KEP-3015)."""

    for_zones: tuple[Hint, ...] | None = None
    for_nodes: tuple[Hint, ...] | None = None


class SliceEndpoint(Struct, frozen=True, gc=False, rename="camel"):
    """One endpoint; only its first address counts."""

    addresses: tuple[str, ...] = ()
    conditions: Conditions = Conditions()
    node_name: str | None = None
    hints: Hints | None = None


class SlicePort(Struct, frozen=True, gc=False):
    """One port of a slice."""

    name: str | None = None
    port: int | None = None
    protocol: Protocol | None = None


class EndpointSlice(Struct, frozen=True, gc=False, rename="camel"):
    """discovery.k8s.io/v1 EndpointSlice. The API may hold null for empty lists."""

    address_type: str
    endpoints: tuple[SliceEndpoint, ...] | None = None
    ports: tuple[SlicePort, ...] | None = None
