"""What a container may: its user, capabilities, limits, whose processes it sees. Pure.

Sources: core/v1 SecurityContext, PodSecurityContext, ResourceRequirements; the words are the
kubelet's (``pkg/kubelet/kuberuntime/security_context.go``, ``pkg/kubelet/sysctl``). What
Kubernetes' defaults leave to the container runtime is as containerd has it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from msgspec import Struct

from netemu.agent.environment import ConfigError
from netemu.agent.profiles import seccomp_type
from netemu.api import quantity
from netemu.api.client import Object
from netemu.runtime.container import Limits, User
from netemu.runtime.etc import primary_group_of
from netemu.runtime.sandbox import BEYOND, CAPABILITIES
from netemu.runtime.syscalls import CAPABILITY_NAMES

Raw = Mapping[str, Any]

UNPRIVILEGED = {"net.ipv4.ip_unprivileged_port_start": "0", "net.ipv4.ping_group_range": "0 2147483647"}
"""Sysctls of pods that have a network of their own: any user may listen on port 80 and ping."""

NODES_PROCESSES = "shared:node"
"""Pods with hostPID see each other's processes. In the node's own PID namespace are also the parents
of containers, whose /proc/PID/root is the machine's.
"""

SAFE_SYSCTLS = frozenset(
    {
        "kernel.shm_rmid_forced",
        "net.ipv4.ip_local_port_range",
        "net.ipv4.ip_local_reserved_ports",
        "net.ipv4.ip_unprivileged_port_start",
        "net.ipv4.ping_group_range",
        "net.ipv4.tcp_fin_timeout",
        "net.ipv4.tcp_keepalive_intvl",
        "net.ipv4.tcp_keepalive_probes",
        "net.ipv4.tcp_keepalive_time",
        "net.ipv4.tcp_rmem",
        "net.ipv4.tcp_syncookies",
        "net.ipv4.tcp_wmem",
    }
)
"""What any pod may set (https://kubernetes.io/docs/tasks/administer-cluster/sysctl-cluster/)."""


class Security(Struct, frozen=True, kw_only=True):
    """What one container may; the fields are those of ``ContainerSpec``."""

    user: User
    capabilities: tuple[str, ...] | None
    read_only: bool
    writes_sysctls: bool
    sysctls: dict[str, str]
    limits: Limits
    processes: str
    node_ipc: bool
    seccomp: bool
    profile: str
    gains_privileges: bool
    first_id: int
    unmasked: bool


def security_of(
    pod: Object,
    container: Raw,
    *,
    image_uid: int = 0,
    seccomp_default: bool = False,
    profile: str = "",
    first_id: int = 0,
) -> Security:
    """Read what a container may from its pod and itself; ``image_uid`` is its image's user.

    ``seccomp_default`` if system calls are filtered unless the pod says otherwise, ``profile`` is one of
    the node's own that says how (``profiles.read_profile``); ``first_id`` is the machine's number of its
    root, if its pod has users of its own.
    """
    spec = pod["spec"]
    own, of_pod = container.get("securityContext") or {}, spec.get("securityContext") or {}
    privileged = bool(own.get("privileged"))
    explicit = sysctls_of(pod)
    default = "RuntimeDefault" if seccomp_default else "Unconfined"
    defaults = {} if spec.get("hostNetwork") else UNPRIVILEGED
    return Security(
        user=user_of(own, of_pod, image_uid),
        capabilities=_capabilities(
            own.get("capabilities") or {},
            privileged=privileged,
            everything=CAPABILITY_NAMES if first_id else (*CAPABILITIES, *BEYOND),
        ),
        read_only=bool(own.get("readOnlyRootFilesystem")),
        writes_sysctls=privileged,
        sysctls={
            **{name: value for name, value in defaults.items() if name not in explicit},
            **{name: value for name, value in explicit.items() if not name.startswith("net.")},
        },
        limits=_limits((container.get("resources") or {}).get("limits") or {}),
        processes=_processes(pod),
        node_ipc=bool(spec.get("hostIPC")),
        seccomp=bool(profile) or seccomp_type(pod, container, default) == "RuntimeDefault",
        profile=profile,
        gains_privileges=own.get("allowPrivilegeEscalation") is not False,
        first_id=first_id,
        unmasked=privileged or own.get("procMount") == "Unmasked",
    )


def check_not_root(pod: Object, container: Raw, *, image_uid: int = 0) -> None:
    """Refuse a container that would run as root and must not.

    Raises:
        ConfigError: as the kubelet says it.

    """
    own, of_pod = container.get("securityContext") or {}, pod["spec"].get("securityContext") or {}
    uid = _either(own, of_pod, "runAsUser")
    if not _either(own, of_pod, "runAsNonRoot") or (image_uid if uid is None else uid) != 0:
        return
    meta = pod["metadata"]
    name = f"{meta['name']}_{meta['namespace']}({meta['uid']})"
    what = (
        "container has runAsNonRoot and image will run as root"
        if uid is None
        else "container's runAsUser breaks non-root policy"
    )
    raise ConfigError(f'{what} (pod: "{name}", container: {container["name"]})')


def sysctls_of(pod: Object) -> dict[str, str]:
    """Give the sysctls that a pod sets, by their names with dots."""
    of_pod = pod["spec"].get("securityContext") or {}
    return {each["name"].replace("/", "."): each["value"] for each in of_pod.get("sysctls") or ()}


def network_sysctls_of(pod: Object) -> dict[str, str]:
    """Give the sysctls that a pod sets for its network; the others belong to each container."""
    return {name: value for name, value in sysctls_of(pod).items() if name.startswith("net.")}


def find_forbidden_sysctl(pod: Object, allowed: Iterable[str] = ()) -> str:
    """Say which sysctl keeps a pod from its node (reason SysctlForbidden); empty if none does.

    ``allowed`` are names, or patterns that end in ``*``, of sysctls that are not safe.
    """
    spec = pod["spec"]
    patterns = [each.replace("/", ".") for each in allowed]
    for name in sysctls_of(pod):
        if name not in SAFE_SYSCTLS and not any(_matches(name, pattern) for pattern in patterns):
            return f'forbidden sysctl: "{name}" not allowlisted'
        kind, is_nodes = ("net", "hostNetwork") if name.startswith("net.") else ("ipc", "hostIPC")
        if spec.get(is_nodes):
            return f'forbidden sysctl: "{name}" not allowed with host {kind} enabled'
    return ""


def _matches(name: str, pattern: str) -> bool:
    return name.startswith(pattern[:-1]) if pattern.endswith("*") else name == pattern


def fs_user(pod: Object) -> int | None:
    """Give the user whom a pod's tokens belong to: the one that all its containers run as."""
    of_pod = pod["spec"].get("securityContext") or {}
    groups = ("initContainers", "containers")
    containers = [each for group in groups for each in pod["spec"].get(group) or ()]
    uids = {_either(each.get("securityContext") or {}, of_pod, "runAsUser") for each in containers}
    return uids.pop() if len(uids) == 1 else None


def fs_group(pod: Object) -> int | None:
    """Give the group that a pod's volumes belong to."""
    group: int | None = (pod["spec"].get("securityContext") or {}).get("fsGroup")
    return group


def pod_memory_limit(pod: Object) -> int:
    """Give the memory that a pod may use in all; 0 if one of its containers may use any."""
    limits = [
        int(quantity.parse(((each.get("resources") or {}).get("limits") or {}).get("memory", "0")))
        for each in pod["spec"]["containers"]
    ]
    return sum(limits) if all(limits) else 0


def user_of(own: Raw, of_pod: Raw, image_uid: int = 0) -> User:
    """Read who a container's processes are from its security context and its pod's."""
    uid = _either(own, of_pod, "runAsUser")
    gid = _either(own, of_pod, "runAsGroup")
    uid = image_uid if uid is None else uid
    more = [*(of_pod.get("supplementalGroups") or ()), of_pod.get("fsGroup")]
    return User(
        uid=uid,
        gid=primary_group_of(uid) if gid is None else gid,
        groups=tuple(dict.fromkeys(group for group in more if group is not None)),
    )


def _capabilities(asked: Raw, *, privileged: bool, everything: Sequence[str]) -> tuple[str, ...] | None:
    """Give the bounding set: the default, or as containerd changes it, of what can be given."""
    if not privileged and not asked:
        return None
    if privileged:
        return tuple(everything)
    add, drop = (
        {name.upper().removeprefix("CAP_").lower() for name in asked.get(word) or ()}
        for word in ("add", "drop")
    )
    base = everything if "all" in add else () if "all" in drop else CAPABILITIES
    return tuple(name for name in everything if (name in base or name in add) and name not in drop)


def _limits(limits: Raw) -> Limits:
    return Limits(
        cpus=float(quantity.parse(limits.get("cpu", "0"))),
        memory_bytes=int(quantity.parse(limits.get("memory", "0"))),
        disk_bytes=int(quantity.parse(limits.get("ephemeral-storage", "0"))),
    )


def _processes(pod: Object) -> str:
    if pod["spec"].get("hostPID"):
        return NODES_PROCESSES
    return f"shared:{pod['metadata']['uid']}" if pod["spec"].get("shareProcessNamespace") else ""


def _either(own: Raw, of_pod: Raw, field: str) -> Any:
    """Give a container's field, or its pod's."""
    value = own.get(field)
    return of_pod.get(field) if value is None else value
