"""The few fields of a Service and a slice that the proxy reads.

The full views of ``netemu.api.views`` cost four times as much time and, kept for 10,000
Services, 35 MB: they are objects that the garbage collector walks. These are neither walked
(``gc=False``: they hold no cycles) nor kept.
"""

from __future__ import annotations

from msgspec import Struct, field

from netemu.api.views.core import Protocol


class ServicePort(Struct, frozen=True, gc=False, rename="camel"):
    """One port of a Service."""

    port: int
    name: str = ""
    protocol: Protocol = "TCP"
    node_port: int | None = None


class ServiceSpec(Struct, frozen=True, gc=False, rename="camel"):
    """What a Service asks for."""

    type: str = "ClusterIP"
    cluster_ip: str = field(default="", name="clusterIP")
    ports: tuple[ServicePort, ...] = ()
    external_ips: tuple[str, ...] = field(default=(), name="externalIPs")


class BalancerIngress(Struct, frozen=True, gc=False):
    """One address that a load balancer gave to a Service; empty when it gave a name."""

    ip: str = ""


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
    def external_addresses(self) -> tuple[str, ...]:
        """Addresses beside the ClusterIP."""
        return (*self.spec.external_ips, *(entry.ip for entry in self.status.load_balancer.ingress))


class Conditions(Struct, frozen=True, gc=False):
    """``None`` means unknown, which is taken as true for ready and serving."""

    ready: bool | None = None
    serving: bool | None = None
    terminating: bool | None = None


class SliceEndpoint(Struct, frozen=True, gc=False, rename="camel"):
    """One endpoint; only its first address counts."""

    addresses: tuple[str, ...] = ()
    conditions: Conditions = Conditions()
    node_name: str | None = None


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
