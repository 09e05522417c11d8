"""[IO] ``proxy rules``: what a node's kernel does for one Service."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import Any

from netemu.api.kinds import SERVICE
from netemu.api.views import view
from netemu.cli.resources import Query, UsageError
from netemu.cli.session import Session
from netemu.cli.target import Target
from netemu.cli.verbs.proxychains import chains_text, read_chains
from netemu.errors import KernelError
from netemu.informer.cache import Key, key_of
from netemu.linux import netns
from netemu.linux.nft import NftContext
from netemu.naming import NodeName
from netemu.nft.expressions import L4, Atom, Family
from netemu.proxy.explain import Read, Shown, explain
from netemu.proxy.groups import TABLE_NAME, NodeView
from netemu.proxy.plan import Frontend
from netemu.proxy.views import Service

_ELEMENT = re.compile(r"elements = \{ (?P<element>[^}]*) \}")


async def show_rules(session: Session, target: Target, name: str, node: str, output: str) -> None:
    """Print the rules and elements of one Service on one node.

    Raises:
        NotFoundError: there is no such Service.
        UsageError: there is no such node, no such format, or somebody else's proxy serves the node.

    """
    from netemu.cluster.places import paths_for
    from netemu.cluster.status import read_status

    if output not in {"", "json"}:
        raise UsageError(f"unknown output format {output!r}", hint="-o json")
    query = Query(kind=SERVICE, namespace=target.namespace_or_default, name=name)
    (obj,) = await session.find(query)
    status = read_status(target.cluster, paths_for(target.cluster))
    rows = {row["name"]: row for row in status["nodes"] if row["podCIDR"]}
    chosen = node or next(iter(rows))
    if chosen not in rows:
        raise UsageError(f"there is no node {chosen!r}", hint=f"One of: {', '.join(rows)}")
    settings = status["settings"]
    mode = settings["proxyMode"]
    if mode == "none":
        raise UsageError(
            f"cluster {target.cluster!r} leaves Services to somebody else (--proxy-mode none)",
            hint=f"netemu node exec {chosen} -- nft list ruleset, or iptables-save",
        )
    service, key = view(Service, obj), key_of(obj)
    shown: list[Shown] = []
    with netns.opened(Path("/run/netns") / rows[chosen]["netns"]) as ns_fd:
        for here in _views(chosen, rows[chosen]["address"], settings):
            shown += (
                read_chains(ns_fd, here.family, key, service)
                if mode == "iptables"
                else _read_maps(ns_fd, here, service)
            )
    print(json.dumps(_as_json(shown), indent=2) if output else _as_text(chosen, key, mode, shown))


def _views(node: str, addresses: str, settings: Mapping[str, Any]) -> Iterator[NodeView]:
    """Give a node as its proxy sees it, once for each family."""
    found = [ip_address(word) for word in addresses.split(",") if word]
    for pods, services in zip(settings["podCidr"], settings["serviceCidr"], strict=True):
        version = ip_network(pods).version
        mine = tuple(address for address in found if address.version == version)
        yield NodeView(NodeName(node), mine, ip_network(pods), ip_network(services))


def _read_maps(ns_fd: int, here: NodeView, service: Service) -> list[Shown]:
    context = NftContext.open(ns_fd)
    try:
        return explain(_reader(context, here), here, _frontends(service, here), _ports(service))
    finally:
        context.close()


def _frontends(service: Service, node: NodeView) -> list[Frontend]:
    texts = (*(service.spec.cluster_ips or (service.spec.cluster_ip,)), *service.external_addresses)
    found = [ip_address(text) for text in texts if text not in ("", "None")]
    mine = [address for address in found if address.version == node.pods.version]
    return [
        Frontend(address, L4[port.protocol], port.port) for address in mine for port in service.spec.ports
    ]


def _ports(service: Service) -> list[tuple[L4, int]]:
    return [(L4[port.protocol], port.node_port) for port in service.spec.ports if port.node_port]


def _reader(context: NftContext, node: NodeView) -> Read:
    family = "ip" if node.family is Family.IP else "ip6"

    def read(name: str, key: tuple[Atom, ...]) -> str | None:
        words = " . ".join(str(int(part)) if isinstance(part, int) else str(part) for part in key)
        try:
            said = context.run(f"get element {family} {node.table.name} {name} {{ {words} }}")
        except KernelError:
            return None
        match = _ELEMENT.search(said)
        return match["element"].partition(" : ")[2].strip() if match else None

    return read


def _as_json(shown: list[Shown]) -> object:
    return [{"frontend": part.title, "lines": [line._asdict() for line in part.lines]} for part in shown]


def _as_text(node: str, key: Key, mode: str, shown: list[Shown]) -> str:
    if not shown:
        return f"{key} has no address: the kernel has nothing of it"
    if mode == "iptables":
        return "\n\n".join([f"Service {key} on {node}, in iptables", *chains_text(shown)])
    blocks = [f"Service {key} on {node}, nftables table {TABLE_NAME}"]
    for part in shown:
        where = max(len(line.where) for line in part.lines)
        what = max(len(line.what) for line in part.lines)
        lines = (f"  {line.where:{where}}  {line.what:{what}}  {line.sentence}" for line in part.lines)
        blocks.append("\n".join((part.title, *lines)))
    return "\n\n".join(blocks)
