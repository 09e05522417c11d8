"""What servers are told of a container: the specs of processes and of stand-ins, a pod's files. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from msgspec import Struct

from netemu.agent import environment, files
from netemu.agent.ports import Sandbox
from netemu.agent.security import Security
from netemu.api.errors import NotFoundError
from netemu.api.views.core import Container, Pod
from netemu.naming import NodeName
from netemu.runtime.container import AppSpec, ContainerSpec, Mount
from netemu.settings import Paths, Settings
from netemu.standin import pages
from netemu.standin.catalogue import Play

OWN_FILES = ("hostname", "hosts", "resolv.conf")
"""The files of a pod's /etc that are its own."""

_GROUPS = ("containers", "initContainers", "ephemeralContainers")


class Site(Struct, frozen=True, kw_only=True):
    """What a node's pods are told of it, and where on the machine their files are."""

    node: NodeName
    node_ips: tuple[str, ...]
    settings: Settings
    paths: Paths

    @property
    def node_ip(self) -> str:
        """The node's first address."""
        return self.node_ips[0]

    def pod_dir(self, uid: str) -> Path:
        """Give the directory of a pod's files and volumes."""
        return self.paths.node_state(self.node) / "pods" / uid

    def shared_memory(self, pod: Pod) -> Path:
        """Give the directory that is /dev/shm in all containers of a pod, or of all pods with hostIPC."""
        if pod.spec.host_ipc:
            return self.paths.node_state(self.node) / "dev-shm"
        return self.pod_dir(pod.metadata.uid) / "shm"

    def log_dir(self, namespace: str, name: str, uid: str) -> Path:
        """Give the directory of a pod's logs."""
        return self.paths.pod_logs(self.node) / f"{namespace}_{name}_{uid}"

    def log_path(self, pod: Pod, id: str) -> Path:
        """Say where an attempt's output goes; whoever writes the first line makes the directory."""
        meta = pod.metadata
        _uid, container, attempt = id.split("_", 2)
        return self.log_dir(meta.namespace, meta.name, meta.uid) / container / f"{attempt}.log"


class MachineFiles(Struct, frozen=True):
    """Files of the machine that pods inherit from."""

    hosts: str
    resolv_conf: str


class Attempt(Struct, frozen=True, kw_only=True):
    """One attempt to run one container of a pod whose network is there.

    ``raw`` is the container's JSON; ``id`` names the attempt (``work.container_id``);
    ``processes`` says whose it sees, if not those that its pod says (``ContainerSpec``).
    """

    pod: Pod
    container: Container
    raw: Mapping[str, Any]
    id: str
    sandbox: Sandbox
    variables: Mapping[str, str]
    processes: str = ""

    def expanded(self, words: tuple[str, ...]) -> tuple[str, ...]:
        """Give words of a command line with ``$(NAME)`` replaced."""
        return tuple(environment.expand(word, self.variables) for word in words)


def find_container(pod: Pod, obj: Mapping[str, Any], name: str) -> tuple[Container, Mapping[str, Any]]:
    """Find a container of any sort in a pod, as a view and as JSON.

    Raises:
        NotFoundError: the pod has none of this name.

    """
    spec = pod.spec
    for key, views in zip(
        _GROUPS, (spec.containers, spec.init_containers, spec.ephemeral_containers), strict=True
    ):
        for view, raw in zip(views, obj["spec"].get(key) or (), strict=True):
            if view.name == name:
                return view, raw
    raise NotFoundError(f"container {name} is not valid for pod {pod.metadata.name}")


def app_spec(site: Site, attempt: Attempt, play: Play, machine: MachineFiles) -> AppSpec:
    """Give what the stand-in server is told."""
    pod = attempt.pod
    own = pod_files(site, pod, attempt.sandbox, machine)
    return AppSpec(
        id=attempt.id,
        app=play.app,
        netns=attempt.sandbox.netns,
        log_path=str(site.log_path(pod, attempt.id)),
        args=attempt.expanded(play.args),
        env=dict(attempt.variables),
        # On a node's own network, nobody's wish is no reason to take a port from those who come later.
        ports=tuple(port for port in play.ports if not (port.implied and pod.spec.host_network)),
        pod=pod.metadata.name,
        namespace=pod.metadata.namespace,
        node=site.node,
        pod_ip=attempt.sandbox.addresses[0],
        hostname=hostname(site, pod),
        resolv_conf=own["resolv.conf"],
        hosts=own["hosts"],
        page=str(pages.place(site.pod_dir(pod.metadata.uid), attempt.id)),
        page_root=str(site.paths.node_state(site.node)),
    )


def worker_spec(site: Site, attempt: Attempt, argv: tuple[str, ...]) -> ContainerSpec:
    """Give what the shim is told of one of netemu's own workers."""
    return ContainerSpec(
        id=attempt.id,
        netns=attempt.sandbox.netns,
        argv=argv,
        log_path=str(site.log_path(attempt.pod, attempt.id)),
        sandboxed=False,
    )


def container_spec(
    site: Site, attempt: Attempt, argv: tuple[str, ...], security: Security, volumes: tuple[Mount, ...]
) -> ContainerSpec:
    """Give what the shim is told of a command in a sandbox; the pod's own files are there already."""
    pod, container = attempt.pod, attempt.container
    directory = site.pod_dir(pod.metadata.uid)
    own = tuple(Mount(source=str(directory / n), target=f"/etc/{n}", read_only=False) for n in OWN_FILES)
    return ContainerSpec(
        id=attempt.id,
        netns=attempt.sandbox.netns,
        argv=argv,
        log_path=str(site.log_path(pod, attempt.id)),
        hostname=hostname(site, pod),
        env=dict(attempt.variables),
        cwd=container.working_dir or "/",
        mounts=own + volumes,
        user=security.user,
        capabilities=security.capabilities,
        read_only=security.read_only,
        writes_sysctls=security.writes_sysctls,
        sysctls=security.sysctls,
        limits=security.limits,
        processes=attempt.processes or security.processes,
        node_ipc=security.node_ipc,
        ipc="" if security.node_ipc else str(site.shared_memory(pod)),
        seccomp=security.seccomp,
        profile=security.profile,
        gains_privileges=security.gains_privileges,
        first_id=security.first_id,
        unmasked=security.unmasked,
        stdin=container.stdin,
        stdin_once=container.stdin_once,
        tty=container.tty,
    )


def pod_files(site: Site, pod: Pod, sandbox: Sandbox, machine: MachineFiles) -> dict[str, str]:
    """Give the text of each of ``OWN_FILES``."""
    domain = site.settings.cluster_domain
    hosts = (
        files.host_network_hosts_file(pod, machine.hosts)
        if pod.spec.host_network
        else files.hosts_file(pod, sandbox.addresses, domain)
    )
    resolv_conf = files.resolv_conf(
        pod, cluster_dns=str(site.settings.dns_ip), domain=domain, machine=machine.resolv_conf
    )
    name = site.node if pod.spec.host_network else files.pod_hostname(pod)
    return {"hostname": name + "\n", "hosts": hosts, "resolv.conf": resolv_conf}


def hostname(site: Site, pod: Pod) -> str:
    """Give the name that a pod's containers see as their host's."""
    if pod.spec.host_network:
        return site.node
    return files.kernel_hostname(pod, site.settings.cluster_domain)
