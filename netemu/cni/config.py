"""Network configurations: found in a directory, read, checked, and the default one written."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from ipaddress import IPv4Network, IPv6Network
from pathlib import Path
from typing import Any, ClassVar, Literal

from msgspec import Struct

from netemu.errors import NetemuError

SUPPORTED_VERSIONS = ("0.3.1", "0.4.0", "1.0.0", "1.1.0")
DEFAULT_FILE = "10-netemu.conflist"
NETWORK_NAME = "netemu"

# Kubernetes' own words (kubelet, container runtime's status): people search for them.
NOT_READY = "cni plugin not initialized"
NODE_NOT_READY = (
    "container runtime network not ready: NetworkReady=false reason:NetworkPluginNotReady "
    f"message:Network plugin returns error: {NOT_READY}"
)

SUFFIXES = (".conf", ".conflist", ".json")


class CniConfigError(NetemuError):
    """A network configuration cannot be used; the message names file and field."""

    code: ClassVar[str] = "CNI_CONFIG_INVALID"


class CniNotReadyError(NetemuError):
    """There is no network configuration (yet)."""

    code: ClassVar[str] = "CNI_NOT_INITIALIZED"

    def __init__(self, directory: Path) -> None:
        super().__init__(NOT_READY, hint=f"Put a network configuration into {directory}.")


class Plugin(Struct, frozen=True, kw_only=True):
    """One plugin of a list: its type, what it asks the runtime for, its configuration as written."""

    type: str
    capabilities: frozenset[str]
    raw: dict[str, Any]


class NetworkConfig(Struct, frozen=True, kw_only=True):
    """A list of plugins that together make one network."""

    name: str
    cni_version: str
    plugins: tuple[Plugin, ...]


def find_config(directory: Path) -> Path | None:
    """Find the configuration that counts: the first file by name, as the kubelet's runtimes do."""
    try:
        names = [name for name in os.listdir(directory) if name.endswith(SUFFIXES)]
    except FileNotFoundError:
        return None
    return directory / min(names) if names else None


def load_config(directory: Path) -> NetworkConfig:
    """Read the configuration of a directory.

    Raises:
        CniNotReadyError: there is none.
        CniConfigError: it cannot be used.

    """
    path = find_config(directory)
    if path is None:
        raise CniNotReadyError(directory)
    return parse_config(path.read_bytes(), source=str(path))


def parse_config(data: bytes, source: str) -> NetworkConfig:
    """Read a configuration: a list (``plugins``), or one plugin, which becomes a list of one.

    Raises:
        CniConfigError: names ``source`` and the field.

    """
    try:
        raw = json.loads(data)
    except ValueError as err:
        raise CniConfigError(f"{source}: not JSON: {err}") from err
    if not isinstance(raw, dict):
        raise CniConfigError(f"{source}: not a JSON object")
    version = raw.get("cniVersion", "0.1.0")
    if version not in SUPPORTED_VERSIONS:
        raise CniConfigError(
            f"{source}: cniVersion: {version!r} is not supported",
            hint=f"Use one of {', '.join(SUPPORTED_VERSIONS)}.",
        )
    name = raw.get("name")
    if not isinstance(name, str) or not name or "/" in name:
        raise CniConfigError(f"{source}: name: a network needs a name without '/'")
    entries = raw.get("plugins", [raw])
    if not isinstance(entries, list) or not entries:
        raise CniConfigError(f"{source}: plugins: a list with at least one plugin is needed")
    plugins = tuple(_plugin(entry, f"{source}: plugins[{i}]") for i, entry in enumerate(entries))
    return NetworkConfig(name=name, cni_version=version, plugins=plugins)


def plan_default(
    subnets: Sequence[IPv4Network | IPv6Network],
    *,
    mtu: int,
    bridge_netfilter: Literal["auto", "off"] = "auto",
    alias: str = "",
) -> dict[str, Any]:
    """Decide the default configuration of a node whose pods have an address of each of ``subnets``."""
    bridge = {
        "type": "netemu-bridge",
        "bridge": "cni0",
        "mtu": mtu,
        "isDefaultGateway": True,
        "hairpinMode": True,
        "bridgeNetfilter": bridge_netfilter,
        **({"alias": alias} if alias else {}),
        "ipam": {"type": "netemu-ipam", **_pools(subnets)},
    }
    portmap = {"type": "netemu-portmap", "capabilities": {"portMappings": True}}
    return {"cniVersion": "1.0.0", "name": NETWORK_NAME, "plugins": [bridge, portmap]}


def render_default(
    subnets: Sequence[IPv4Network | IPv6Network],
    *,
    mtu: int,
    bridge_netfilter: Literal["auto", "off"] = "auto",
    alias: str = "",
) -> str:
    """Write a node's ``10-netemu.conflist``."""
    plan = plan_default(subnets, mtu=mtu, bridge_netfilter=bridge_netfilter, alias=alias)
    return json.dumps(plan, indent=2) + "\n"


def _pools(subnets: Sequence[IPv4Network | IPv6Network]) -> dict[str, Any]:
    """Name the subnets as host-local does: one alone, or a set of ranges for each address of a pod."""
    if len(subnets) == 1:
        return {"subnet": str(subnets[0])}
    return {"ranges": [[{"subnet": str(subnet)}] for subnet in subnets]}


def _plugin(entry: Any, where: str) -> Plugin:
    if not isinstance(entry, dict):
        raise CniConfigError(f"{where}: not a JSON object")
    type_ = entry.get("type")
    if not isinstance(type_, str) or not type_ or "/" in type_:
        raise CniConfigError(f"{where}.type: {type_!r} is not the name of a plugin")
    capabilities = entry.get("capabilities") or {}
    if not isinstance(capabilities, dict):
        raise CniConfigError(f"{where}.capabilities: not a JSON object")
    wanted = frozenset(name for name, on in capabilities.items() if on)
    return Plugin(type=type_, capabilities=wanted, raw=entry)
