"""netemu-portmap: leads ports of the node to ports of a pod (hostPort), in a table of its own.

A chained plugin: it takes the pod's address from ``prevResult`` and the ports from the runtime
(capability ``portMappings``). What it added is written down first, so that DEL removes just that.
"""

from __future__ import annotations

import errno
import json
import os
from ipaddress import ip_address, ip_interface
from pathlib import Path
from typing import NoReturn

from cni_plugins import portmap_rules, protocol
from cni_plugins.node import Node
from cni_plugins.portmap_rules import PROTOCOLS, Address, Element, Family, Mapping
from cni_plugins.protocol import CniError, Json, Request
from netemu.errors import KernelError
from netemu.linux import sysctl

DEFAULT_DATA_DIR = "/var/lib/cni/hostports"
_READY = "hostports"
_EVERYWHERE = ("", "0.0.0.0", "::")


def add(request: Request, node: Node) -> Json:
    """Open the pod's host ports; again is the same. Gives ``prevResult`` on.

    Raises:
        CniError: another pod has one of the ports; none is opened then.

    """
    result = _previous(request)
    mappings = parse_mappings(request.config)
    if not mappings:
        return result
    pods = _pod_ips(result)
    elements = portmap_rules.plan_elements(mappings, pods)
    localhost = not sysctl.is_machines_own(node.ns_fd)
    for pod in pods:
        _ensure_table(node, portmap_rules.family_of(pod), localhost=localhost)
    if localhost:
        _ensure_replies_to_localhost(node, result)
    _close(node, set(_remembered(request, node)) - set(elements))
    _remember(request, node, elements)
    try:
        node.nft.run("".join(element.add for element in elements))
    except KernelError as err:
        node.forget()
        _record(request, node).unlink(missing_ok=True)
        raise _taken(mappings, err) from err
    return result


def delete(request: Request, node: Node) -> None:
    """Close the host ports that ADD opened; nothing happens if there are none."""
    elements = _remembered(request, node)
    if elements:
        _close(node, set(elements))
        _record(request, node).unlink(missing_ok=True)


def check(request: Request, node: Node) -> None:
    """Fail if a host port of the pod is not open."""
    for element in portmap_rules.plan_elements(parse_mappings(request.config), _pod_ips(_previous(request))):
        try:
            node.nft.run(element.get)
        except KernelError as err:
            raise CniError(protocol.NOT_AS_EXPECTED, f"host port {element.key} is not open") from err


def parse_mappings(config: Json) -> tuple[Mapping, ...]:
    """Read ``runtimeConfig.portMappings``; those without a hostPort are left out.

    Raises:
        CniError: one is not a mapping.

    """
    given = (config.get("runtimeConfig") or {}).get("portMappings") or []
    return tuple(_mapping(entry) for entry in given if entry.get("hostPort"))


def main() -> NoReturn:
    """Be the executable."""
    protocol.main(
        {
            "ADD": lambda request: add(request, Node.here()),
            "DEL": lambda request: delete(request, Node.here()),
            "CHECK": lambda request: check(request, Node.here()),
            "GC": lambda _: None,
            "STATUS": lambda _: None,
        },
        os.environ,
    )


def _mapping(entry: Json) -> Mapping:
    wire_protocol = str(entry.get("protocol") or "tcp").lower()
    try:
        host_ip = str(entry.get("hostIP") or "")
        mapping = Mapping(
            host_ip=None if host_ip in _EVERYWHERE else ip_address(host_ip),
            host_port=int(entry["hostPort"]),
            container_port=int(entry["containerPort"]),
            protocol=wire_protocol,
        )
    except (KeyError, TypeError, ValueError) as err:
        raise CniError(protocol.INVALID_CONFIG, f"portMappings: {entry!r} is wrong: {err}") from err
    ports = (mapping.host_port, mapping.container_port)
    if wire_protocol not in PROTOCOLS or not all(0 < port < 65536 for port in ports):
        raise CniError(protocol.INVALID_CONFIG, f"portMappings: {entry!r} is not a port of tcp, udp or sctp")
    return mapping


def _previous(request: Request) -> Json:
    result = request.config.get("prevResult")
    if not isinstance(result, dict):
        raise CniError(
            protocol.INVALID_CONFIG, "prevResult is missing: this plugin is chained after another one"
        )
    return result


def _pod_ips(result: Json) -> tuple[Address, ...]:
    """Read the pod's addresses, the first one of each family."""
    found: dict[int, Address] = {}
    for given in result.get("ips", []):
        ip = ip_interface(given["address"]).ip
        found.setdefault(ip.version, ip)
    if not found:
        raise CniError(protocol.INVALID_CONFIG, "prevResult has no address")
    return tuple(found.values())


def _ensure_table(node: Node, family: Family, *, localhost: bool) -> None:
    ready = f"{_READY} {family}"
    if ready not in node.ready:
        node.nft.run(portmap_rules.render_table(family, localhost=localhost))
        node.ready[ready] = True


def _ensure_replies_to_localhost(node: Node, result: Json) -> None:
    """Let what comes from the pods' side be for 127.0.0.1, as the reference portmap does."""
    host_side = (each["name"] for each in result.get("interfaces", []) if not each.get("sandbox"))
    names = [f"net/ipv4/conf/{name}/route_localnet" for name in host_side]
    sysctl.ensure(node.ns_fd, {name: 1 for name in names if sysctl.has(node.ns_fd, name)})


def _close(node: Node, elements: set[Element]) -> None:
    """Delete elements, but not those whose key is another pod's by now."""
    for element in sorted(elements):
        try:
            node.nft.run(element.delete)
        except KernelError as err:
            # EEXIST: the key leads elsewhere now. ENOENT: the whole table is gone.
            if err.errno not in (errno.EEXIST, errno.ENOENT):
                raise


def _taken(mappings: tuple[Mapping, ...], err: KernelError) -> CniError:
    ports = ", ".join(map(str, mappings))
    if err.errno == errno.EEXIST:
        return CniError(protocol.PLUGIN_FAILED, f"host port {ports}: taken by another pod of this node")
    return CniError(protocol.PLUGIN_FAILED, f"host port {ports}: {err.message}", details=err.hint)


def _record(request: Request, node: Node) -> Path:
    data_dir = str(request.config.get("dataDir") or DEFAULT_DATA_DIR)
    # ":" is in no container ID and in no interface's name (CNI specification).
    return node.path(data_dir) / f"{request.container_id}:{request.ifname}"


def _remember(request: Request, node: Node, elements: tuple[Element, ...]) -> None:
    record = _record(request, node)
    record.parent.mkdir(parents=True, exist_ok=True)
    fresh = record.with_name(f".{record.name}")
    fresh.write_text(json.dumps(elements))
    fresh.rename(record)


def _remembered(request: Request, node: Node) -> tuple[Element, ...]:
    try:
        return tuple(Element(*parts) for parts in json.loads(_record(request, node).read_text()))
    except FileNotFoundError:
        return ()


if __name__ == "__main__":
    main()
