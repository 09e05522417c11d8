"""The settings of a cluster: one frozen value, made once, passed down.

Every field has its meaning, unit, default and reason here; the YAML file (``--config``) and
the options of ``netemu up`` have the same names, in camelCase and in kebab-case.
"""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_network
from pathlib import Path
from typing import Annotated, Literal

from msgspec import Meta, Struct, field

Overlay = Literal["vxlan", "host-gw"]
ProxyMode = Literal["nftables", "iptables", "none"]
Network = IPv4Network | IPv6Network


class Paths(Struct, frozen=True, kw_only=True):
    """Where one cluster keeps its files.

    ``state`` outlives a reboot (the store, leases); ``run`` does not (sockets, the record of
    kernel objects, logs); ``netns`` is where iproute2 looks for named network namespaces.
    """

    state: Path
    run: Path
    netns: Path = Path("/run/netns")

    @property
    def api_socket(self) -> Path:
        """The daemon's Unix socket, mode 0600."""
        return self.run / "api.sock"

    @property
    def standin_socket(self) -> Path:
        """The stand-in server's control socket."""
        return self.run / "standin.sock"

    @property
    def wirer_socket(self) -> Path:
        """Where the stand-in server's process is asked to wire pods."""
        return self.run / "wirer.sock"

    @property
    def images(self) -> Path:
        """The images that were loaded into the cluster."""
        return self.state / "images"

    @property
    def pki(self) -> Path:
        """The cluster's keys and certificates."""
        return self.state / "pki"

    @property
    def api_port(self) -> Path:
        """The file that holds the API's port on the machine's loopback."""
        return self.state / "api-port"

    def shim_socket(self, node: str) -> Path:
        """A node's shim's control socket."""
        return self.run / "nodes" / node / "shim.sock"

    def node_state(self, node: str) -> Path:
        """A node's directory: etc/cni/net.d, opt/cni/bin, var/lib are below it."""
        return self.state / "nodes" / node

    def node_run(self, node: str) -> Path:
        """A node's directory of what a reboot ends."""
        return self.run / "nodes" / node

    def pod_logs(self, node: str) -> Path:
        """A node's /var/log/pods."""
        return self.state / "nodes" / node / "var" / "log" / "pods"


class CrashLoopBackOff(Struct, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """How containers that crash are started again."""

    # Seconds (or 1s, 5m) to which the pause between two attempts grows, from 10 s or less.
    max_container_restart_period: Annotated[float, Meta(ge=1, le=300)] = 300.0


class Kubelet(Struct, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """What nodes do with their pods: fields of KubeletConfiguration (kubelet.config.k8s.io/v1beta1)."""

    # Sysctls, or patterns that end in *, that pods may set besides those that are safe.
    allowed_unsafe_sysctls: tuple[str, ...] = ()
    crash_loop_back_off: CrashLoopBackOff = CrashLoopBackOff()
    # Signal → what must be left of it: nodefs.available, a quantity or a part in percent. A part is one
    # of what the machine's disk has left for netemu: other programs' files put no node under pressure.
    eviction_hard: dict[str, str] = field(default_factory=lambda: {"nodefs.available": "10%"})
    seccomp_default: bool = False  # filter the system calls of pods that do not say RuntimeDefault too
    # Seconds for which a node under pressure stays so after it ended.
    eviction_pressure_transition_period: Annotated[float, Meta(ge=0)] = 300.0


class NodeLifecycleController(Struct, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """How fast lost nodes are emptied: fields of the controller manager's configuration.

    A zone is unhealthy if more than two, and this part, of its nodes are lost. Its pods stay, or (if it has
    more nodes than the threshold for large clusters) go at the secondary rate.
    """

    node_eviction_rate: Annotated[float, Meta(ge=0)] = 0.1  # nodes a second, in each zone
    secondary_node_eviction_rate: Annotated[float, Meta(ge=0)] = 0.01
    unhealthy_zone_threshold: Annotated[float, Meta(ge=0, le=1)] = 0.55
    large_cluster_size_threshold: Annotated[int, Meta(ge=0)] = 50


class Settings(Struct, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """What one cluster is. Address ranges are lists of one or two CIDRs, one per family."""

    name: Annotated[str, Meta(pattern=r"^[a-z0-9]([a-z0-9-]{0,18}[a-z0-9])?$")] = "netemu"
    nodes: Annotated[int, Meta(ge=1, le=200)] = 3
    host_cidr: tuple[str, ...] = ("172.30.0.0/16",)
    pod_cidr: tuple[str, ...] = ("10.244.0.0/16",)
    service_cidr: tuple[str, ...] = ("10.96.0.0/16",)
    cluster_domain: str = "cluster.local"
    node_port_range: str = "30000-32767"
    max_pods: Annotated[int, Meta(ge=1, le=1000)] = 110
    overlay: Overlay = "vxlan"
    cni: str = ""
    host_access: bool = False
    bridge_netfilter: Literal["auto", "off"] = "auto"
    # How nodes serve Services, in kube-proxy's words; none: they do not, for somebody else does.
    proxy_mode: ProxyMode = "nftables"
    localhost_nodeports: bool = False  # let node ports answer on 127.0.0.1, inside a node
    # Who answers for Services of type LoadBalancer: MetalLB's layer 2 mode, its BGP mode, or nobody of ours.
    load_balancer: Literal["layer2", "bgp", "none"] = "layer2"
    masquerade_all: bool = False  # hide the source of all that goes through a ClusterIP
    api_port: Annotated[int, Meta(ge=0, le=65535)] = 0  # 0: the first free one from 6443
    authorization: Literal["AlwaysAllow", "RBAC"] = "AlwaysAllow"
    # Names that the nodes get in turn as topology.kubernetes.io/zone; a number N means zone-1 to zone-N.
    zones: tuple[str, ...] = ()
    # What each node says that it has; empty: what this machine has, of which nothing is set aside.
    node_cpu: str = ""
    node_memory: str = ""
    # The disk of each node; empty: what this machine has. A node that has one keeps to it by evicting.
    node_ephemeral_storage: str = ""
    kubelet: Kubelet = Kubelet()
    # Seconds (or 5s, 1m) after which a node that stopped reporting is NotReady; Kubernetes' default.
    node_monitor_grace_period: Annotated[float, Meta(ge=1)] = 50.0
    node_lifecycle_controller: NodeLifecycleController = NodeLifecycleController()
    # How long pods stay on a node that is not ready, or cannot be reached, unless they say otherwise.
    default_not_ready_toleration_seconds: Annotated[int, Meta(ge=0)] = 300
    default_unreachable_toleration_seconds: Annotated[int, Meta(ge=0)] = 300

    @property
    def host_ranges(self) -> tuple[Network, ...]:
        """The hosts range of each family, the cluster's first family first."""
        return tuple(map(ip_network, self.host_cidr))

    @property
    def pod_ranges(self) -> tuple[Network, ...]:
        """The pods range of each family."""
        return tuple(map(ip_network, self.pod_cidr))

    @property
    def service_ranges(self) -> tuple[Network, ...]:
        """The services range of each family."""
        return tuple(map(ip_network, self.service_cidr))

    @property
    def hosts(self) -> Network:
        """The hosts range of the first family."""
        return ip_network(self.host_cidr[0])

    @property
    def pods(self) -> Network:
        """The pods range of the first family."""
        return ip_network(self.pod_cidr[0])

    @property
    def services(self) -> Network:
        """The services range of the first family."""
        return ip_network(self.service_cidr[0])

    @property
    def has_ipv6(self) -> bool:
        """Whether anything of the cluster has IPv6 addresses."""
        return any(":" in cidr for cidr in self.pod_cidr)

    @property
    def dns_ip(self) -> IPv4Address | IPv6Address:
        """The ClusterIP of kube-dns: the tenth address of the services range."""
        return self.services[10]

    @property
    def node_ports(self) -> range:
        """The ports that NodePort Services may take."""
        first, last = self.node_port_range.split("-")
        return range(int(first), int(last) + 1)
