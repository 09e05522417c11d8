"""One pod interface that should be, and one call of one plugin for it, as values."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from msgspec import Struct

from netemu.cni.config import NetworkConfig, Plugin

Command = Literal["ADD", "DEL", "CHECK"]


class PortMapping(Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """A hostPort of a pod, as the capability ``portMappings`` has it."""

    host_port: int
    container_port: int
    protocol: str = "tcp"
    host_ip: str = ""

    def to_json(self) -> dict[str, Any]:
        """Write it as plugins read it."""
        address = {"hostIP": self.host_ip} if self.host_ip else {}
        ports = {"hostPort": self.host_port, "containerPort": self.container_port}
        return {**ports, "protocol": self.protocol.lower(), **address}


class Attachment(Struct, frozen=True, kw_only=True):
    """One interface of one pod. ``netns`` is the path of its network namespace; with a ``first_id``
    that belongs to a user namespace of the pod, whose root has this number on the machine.
    """

    container_id: str
    netns: str
    ifname: str = "eth0"
    pod_namespace: str = ""
    pod_name: str = ""
    pod_uid: str = ""
    first_id: int = 0
    port_mappings: tuple[PortMapping, ...] = ()

    @property
    def args(self) -> dict[str, str]:
        """CNI_ARGS as the kubelet's runtimes set them."""
        return {
            "IgnoreUnknown": "1",
            "K8S_POD_NAMESPACE": self.pod_namespace,
            "K8S_POD_NAME": self.pod_name,
            "K8S_POD_INFRA_CONTAINER_ID": self.container_id,
            "K8S_POD_UID": self.pod_uid,
        }


class Call(Struct, frozen=True, kw_only=True):
    """One run of one plugin."""

    command: Command
    plugin: str
    container_id: str
    netns: str
    ifname: str
    args: Mapping[str, str]
    config: dict[str, Any]


def plan_call(
    command: Command,
    network: NetworkConfig,
    plugin: Plugin,
    attachment: Attachment,
    previous: dict[str, Any] | None,
) -> Call:
    """Decide what a plugin is told: its own configuration, the network's name and version,
    ``prevResult``, and of the runtime's knowledge what its capabilities ask for.
    """
    config = {
        **{key: value for key, value in plugin.raw.items() if key != "capabilities"},
        "name": network.name,
        "cniVersion": network.cni_version,
    }
    if "portMappings" in plugin.capabilities and attachment.port_mappings:
        config["runtimeConfig"] = {"portMappings": [port.to_json() for port in attachment.port_mappings]}
    if previous is not None:
        config["prevResult"] = previous
    return Call(
        command=command,
        plugin=plugin.type,
        container_id=attachment.container_id,
        netns=attachment.netns,
        ifname=attachment.ifname,
        args=attachment.args,
        config=config,
    )
