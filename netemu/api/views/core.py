"""Views of ``core/v1`` kinds."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from msgspec import Meta, Struct, field

from netemu.api.views.meta import ObjectMeta

PortNumber = Annotated[int, Meta(ge=1, le=65535)]
Protocol = Literal["TCP", "UDP", "SCTP"]


class EnvVar(Struct, frozen=True, kw_only=True, rename="camel"):
    """One variable; ``value_from`` is the raw source when it is not a literal."""

    name: str
    value: str = ""
    value_from: dict[str, object] | None = None


class ContainerPort(Struct, frozen=True, kw_only=True, rename="camel"):
    """A port that a container listens on, perhaps published on the node as ``host_port``."""

    container_port: PortNumber
    name: str = ""
    protocol: Protocol = "TCP"
    host_port: int = 0
    host_ip: str = field(default="", name="hostIP")


class HttpGetAction(Struct, frozen=True, kw_only=True, rename="camel"):
    """A probe that is an HTTP request."""

    port: int | str
    path: str = "/"
    host: str = ""
    scheme: Literal["HTTP", "HTTPS"] = "HTTP"
    http_headers: tuple[dict[str, str], ...] = ()


class TcpSocketAction(Struct, frozen=True, kw_only=True):
    """A probe that is a TCP connection."""

    port: int | str
    host: str = ""


class ExecAction(Struct, frozen=True, kw_only=True):
    """A probe that is a command in the container."""

    command: tuple[str, ...] = ()


class GrpcAction(Struct, frozen=True, kw_only=True):
    """A probe that is a call of gRPC's health service."""

    port: int
    service: str = ""


class SleepAction(Struct, frozen=True, kw_only=True):
    """A hook that waits."""

    seconds: int = 0


class Hook(Struct, frozen=True, kw_only=True, rename="camel"):
    """What is done right after a container's start, or before its end."""

    http_get: HttpGetAction | None = None
    tcp_socket: TcpSocketAction | None = None
    exec: ExecAction | None = None
    sleep: SleepAction | None = None


class Lifecycle(Struct, frozen=True, kw_only=True, rename="camel"):
    """A container's hooks."""

    post_start: Hook | None = None
    pre_stop: Hook | None = None


class RestartRule(Struct, frozen=True, kw_only=True, rename="camel"):
    """What an exit code means for a container; ``exit_codes`` is raw."""

    action: str = "Restart"
    exit_codes: dict[str, Any] = field(default_factory=dict)


class Probe(Struct, frozen=True, kw_only=True, rename="camel"):
    """How and how often a container is asked whether it is well."""

    http_get: HttpGetAction | None = None
    tcp_socket: TcpSocketAction | None = None
    exec: ExecAction | None = None
    grpc: GrpcAction | None = None
    termination_grace_period_seconds: int | None = None
    initial_delay_seconds: int = 0
    timeout_seconds: int = 1
    period_seconds: int = 10
    success_threshold: int = 1
    failure_threshold: int = 3


class VolumeMount(Struct, frozen=True, kw_only=True, rename="camel"):
    """Where a container sees a volume."""

    name: str
    mount_path: str
    read_only: bool = False


class Container(Struct, frozen=True, kw_only=True, rename="camel"):
    """One container of a pod's spec."""

    name: str
    image: str = ""
    command: tuple[str, ...] = ()
    args: tuple[str, ...] = ()
    working_dir: str = ""
    env: tuple[EnvVar, ...] = ()
    ports: tuple[ContainerPort, ...] = ()
    volume_mounts: tuple[VolumeMount, ...] = ()
    readiness_probe: Probe | None = None
    liveness_probe: Probe | None = None
    startup_probe: Probe | None = None
    lifecycle: Lifecycle | None = None
    restart_policy_rules: tuple[RestartRule, ...] = ()
    image_pull_policy: str = ""
    termination_message_path: str = ""
    termination_message_policy: str = "File"
    resize_policy: tuple[dict[str, str], ...] = ()
    security_context: dict[str, Any] | None = None
    resources: dict[str, Any] | None = None
    restart_policy: str | None = None
    stdin: bool = False
    stdin_once: bool = False
    tty: bool = False


class Toleration(Struct, frozen=True, kw_only=True, rename="camel"):
    """A taint that a pod tolerates."""

    key: str = ""
    operator: Literal["Exists", "Equal"] = "Equal"
    value: str = ""
    effect: str = ""
    toleration_seconds: int | None = None


class HostAlias(Struct, frozen=True, kw_only=True):
    """Extra lines of /etc/hosts."""

    ip: str
    hostnames: tuple[str, ...] = ()


class DnsConfig(Struct, frozen=True, kw_only=True):
    """What a pod adds to its resolv.conf."""

    nameservers: tuple[str, ...] = ()
    searches: tuple[str, ...] = ()
    options: tuple[dict[str, str], ...] = ()


class PodSpec(Struct, frozen=True, kw_only=True, rename="camel"):
    """What a pod should be."""

    containers: tuple[Container, ...]
    init_containers: tuple[Container, ...] = ()
    ephemeral_containers: tuple[Container, ...] = ()
    node_name: str = ""
    node_selector: dict[str, str] = field(default_factory=dict)
    tolerations: tuple[Toleration, ...] = ()
    affinity: dict[str, Any] | None = None
    scheduler_name: str = "default-scheduler"
    host_network: bool = False
    host_ipc: bool = field(default=False, name="hostIPC")
    security_context: dict[str, Any] | None = None
    hostname: str = ""
    subdomain: str = ""
    set_hostname_as_fqdn: bool = field(default=False, name="setHostnameAsFQDN")
    hostname_override: str = ""
    restart_policy: Literal["Always", "OnFailure", "Never"] = "Always"
    dns_policy: Literal["ClusterFirst", "ClusterFirstWithHostNet", "Default", "None"] = "ClusterFirst"
    dns_config: DnsConfig | None = None
    host_aliases: tuple[HostAlias, ...] = ()
    termination_grace_period_seconds: int = 30
    service_account_name: str = ""
    enable_service_links: bool = True
    scheduling_gates: tuple[dict[str, str], ...] = ()
    readiness_gates: tuple[dict[str, str], ...] = ()
    active_deadline_seconds: int | None = None
    priority: int = 0
    preemption_policy: str = "PreemptLowerPriority"
    overhead: dict[str, Any] | None = None
    resources: dict[str, Any] | None = None
    topology_spread_constraints: tuple[dict[str, Any], ...] = ()


class Condition(Struct, frozen=True, kw_only=True, rename="camel"):
    """One condition of a status; whoever may write statuses may write any words into them."""

    type: str = ""
    status: str = ""
    reason: str = ""
    message: str = ""
    last_transition_time: str | None = None


class PodIp(Struct, frozen=True, kw_only=True):
    """One address of a pod."""

    ip: str = ""


class ContainerStatus(Struct, frozen=True, kw_only=True, rename="camel"):
    """What a container is; ``state`` and ``last_state`` are raw."""

    name: str = ""
    ready: bool = False
    restart_count: int = 0
    started: bool | None = None
    container_id: str = field(default="", name="containerID")
    state: dict[str, dict[str, object]] = field(default_factory=dict)
    last_state: dict[str, dict[str, object]] = field(default_factory=dict)


class PodStatus(Struct, frozen=True, kw_only=True, rename="camel"):
    """What a pod is."""

    phase: str = ""
    conditions: tuple[Condition, ...] = ()
    host_ip: str = field(default="", name="hostIP")
    pod_ip: str = field(default="", name="podIP")
    pod_ips: tuple[PodIp, ...] = field(default=(), name="podIPs")
    start_time: str | None = None
    reason: str = ""
    message: str = ""
    nominated_node_name: str = ""
    container_statuses: tuple[ContainerStatus, ...] = ()
    init_container_statuses: tuple[ContainerStatus, ...] = ()
    ephemeral_container_statuses: tuple[ContainerStatus, ...] = ()


class Pod(Struct, frozen=True, kw_only=True):
    """core/v1 Pod."""

    metadata: ObjectMeta
    spec: PodSpec
    status: PodStatus = PodStatus()

    def has_condition(self, condition: str) -> bool:
        """Tell whether a condition is ``True``."""
        for each in self.status.conditions:  # asked of all pods of a controller in each plan
            if each.type == condition:
                return each.status == "True"
        return False


class ServicePort(Struct, frozen=True, kw_only=True, rename="camel"):
    """One port of a Service (core/v1 ServicePort)."""

    port: PortNumber
    name: str = ""
    protocol: Protocol = "TCP"
    app_protocol: str | None = None
    target_port: int | str | None = None
    node_port: PortNumber | None = None


class ServiceSpec(Struct, frozen=True, kw_only=True, rename="camel"):
    """What a Service should be; ``cluster_ip`` is ``None`` when headless is spelled "None" too."""

    type: Literal["ClusterIP", "NodePort", "LoadBalancer", "ExternalName"] = "ClusterIP"
    ports: tuple[ServicePort, ...] = ()
    selector: dict[str, str] = field(default_factory=dict)
    cluster_ip: str = field(default="", name="clusterIP")
    cluster_ips: tuple[str, ...] = field(default=(), name="clusterIPs")
    ip_families: tuple[Literal["IPv4", "IPv6"], ...] = ()
    ip_family_policy: str | None = None
    external_name: str = ""
    external_ips: tuple[str, ...] = field(default=(), name="externalIPs")
    session_affinity: Literal["None", "ClientIP"] = "None"
    session_affinity_config: dict[str, dict[str, int]] | None = None
    internal_traffic_policy: Literal["Cluster", "Local"] = "Cluster"
    external_traffic_policy: Literal["Cluster", "Local"] = "Cluster"
    publish_not_ready_addresses: bool = False
    load_balancer_class: str | None = None
    traffic_distribution: str | None = None


class Service(Struct, frozen=True, kw_only=True):
    """core/v1 Service."""

    metadata: ObjectMeta
    spec: ServiceSpec = ServiceSpec()

    @property
    def is_headless(self) -> bool:
        """True for ``clusterIP: None``."""
        return self.spec.cluster_ip == "None"


class EndpointAddress(Struct, frozen=True, kw_only=True, rename="camel"):
    """One address of an Endpoints object."""

    ip: str
    hostname: str = ""
    node_name: str | None = None
    target_ref: dict[str, object] | None = None


class EndpointPort(Struct, frozen=True, kw_only=True, rename="camel"):
    """One port of a subset."""

    port: PortNumber
    name: str = ""
    protocol: Protocol = "TCP"
    app_protocol: str | None = None


class EndpointSubset(Struct, frozen=True, kw_only=True, rename="camel"):
    """Addresses × ports."""

    addresses: tuple[EndpointAddress, ...] = ()
    not_ready_addresses: tuple[EndpointAddress, ...] = ()
    ports: tuple[EndpointPort, ...] = ()


class Endpoints(Struct, frozen=True, kw_only=True):
    """core/v1 Endpoints."""

    metadata: ObjectMeta
    subsets: tuple[EndpointSubset, ...] = ()


class Taint(Struct, frozen=True, kw_only=True, rename="camel"):
    """What keeps pods off a node."""

    key: str
    effect: Literal["NoSchedule", "PreferNoSchedule", "NoExecute"]
    value: str = ""
    time_added: str | None = None


class NodeSpec(Struct, frozen=True, kw_only=True, rename="camel"):
    """What a node should be."""

    pod_cidr: str = field(default="", name="podCIDR")
    pod_cidrs: tuple[str, ...] = field(default=(), name="podCIDRs")
    taints: tuple[Taint, ...] = ()
    unschedulable: bool = False


class NodeAddress(Struct, frozen=True, kw_only=True):
    """One address of a node."""

    type: str = ""
    address: str = ""


class NodeStatus(Struct, frozen=True, kw_only=True, rename="camel"):
    """What a node is."""

    addresses: tuple[NodeAddress, ...] = ()
    conditions: tuple[Condition, ...] = ()
    capacity: dict[str, str | float] = field(default_factory=dict)
    allocatable: dict[str, str | float] = field(default_factory=dict)


class Node(Struct, frozen=True, kw_only=True):
    """core/v1 Node."""

    metadata: ObjectMeta
    spec: NodeSpec = NodeSpec()
    status: NodeStatus = NodeStatus()

    @property
    def internal_ips(self) -> tuple[str, ...]:
        """The node's addresses in the hosts range."""
        return tuple(a.address for a in self.status.addresses if a.type == "InternalIP")

    def has_condition(self, condition: str) -> bool:
        """Tell whether a condition is ``True``."""
        return any(c.type == condition and c.status == "True" for c in self.status.conditions)
