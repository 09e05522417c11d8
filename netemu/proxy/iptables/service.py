"""The chains and rules of one Service port on one node. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from netemu.nft.expressions import L4, Address
from netemu.proxy.groups import NodeView, on_node
from netemu.proxy.index import Endpoint, PortKey, PortView
from netemu.proxy.iptables.names import (
    EXTERNAL_SERVICES,
    MARK_MASQ,
    NODE_PORTS,
    PROXY_FIREWALL,
    SERVICES,
    PortChains,
    endpoint_chain,
    port_chains,
    socket_text,
)
from netemu.proxy.iptables.ruleset import FILTER, NAT, Placed, Rule
from netemu.proxy.plan import Elements

_TO_NODE = ("-m", "addrtype", "--dst-type", "LOCAL")
_FROM_NODE = ("-m", "addrtype", "--src-type", "LOCAL")


class Piece(NamedTuple):
    """What one Service port puts into chains that all share, and its own chains in table nat."""

    shared: tuple[Placed, ...]
    chains: dict[str, tuple[Rule, ...]]


def plan_port(
    key: PortKey, view: PortView, plan: Elements, node: NodeView, *, with_comments: bool = True
) -> Piece:
    """Write one Service port as kube-proxy does.

    Without ``with_comments`` the rules for each endpoint have none: they are half of the text.
    """
    port = _Port(key, view, plan, node, with_comments)
    return Piece((*port.captured(), *port.filtered()), dict(port.chains()))


class _Port:
    """One Service port on one node, and what follows from its policies."""

    def __init__(
        self, key: PortKey, view: PortView, plan: Elements, node: NodeView, with_comments: bool
    ) -> None:
        policies = plan.policies
        self._name = str(key)
        self._key = key
        self._view = view
        self._node = node
        self._with_comments = with_comments
        self._protocol = view.protocol
        self._chains: PortChains = port_chains(key, view.protocol)
        self._internal_local = bool(policies and policies.internal_id)
        self._external_local = bool(policies and policies.external_id)
        self._affinity_s = policies.affinity_s if policies else 0
        here = {group.id: group.endpoints for group in on_node(plan, node).groups}
        local_id = (policies.internal_id or policies.external_id) if policies else 0
        self._cluster = _ordered(here[plan.id])
        self._local = _ordered(here[local_id]) if local_id else []
        self._has_endpoints = bool(plan.endpoints)
        self._has_internal = bool(self._local) if self._internal_local else self._has_endpoints
        self._has_external = bool(self._local) if self._external_local else self._has_endpoints
        self._balancers = view.balancers
        self._externals = [address for address in view.external if address not in view.balancers]
        self._node_port = view.port.node_port or 0
        self._is_external = bool(self._externals or self._balancers or self._node_port)
        self._has_sources = self._has_endpoints and bool(self._balancers) and view.sources is not None

    def captured(self) -> Iterator[Placed]:
        """Give the rules that lead here, in table nat."""
        chains, number = self._chains, self._view.port.port
        if self._has_internal:
            to = chains.local if self._internal_local else chains.cluster
            match = self._to(self._view.cluster_ip, number)
            yield _nat(SERVICES, Rule(f"{self._name} cluster IP", match, (to,)))
        if not self._has_endpoints:
            return
        for address in self._externals:
            match = self._to(address, number)
            yield _nat(SERVICES, Rule(f"{self._name} external IP", match, (chains.external,)))
        for address in self._balancers:
            to = chains.sources if self._has_sources else chains.external
            yield _nat(SERVICES, Rule(f"{self._name} loadbalancer IP", self._to(address, number), (to,)))
        if self._node_port:
            match = (*self._transport(), "--dport", str(self._node_port))
            yield _nat(NODE_PORTS, Rule(self._name, match, (chains.external,)))

    def filtered(self) -> Iterator[Placed]:
        """Give the rules for connections that found no endpoint, in table filter."""
        number = self._view.port.port
        why = "local endpoints" if self._has_endpoints else "endpoints"
        comment, target = f"{self._name} has no {why}", ("DROP" if self._has_endpoints else "REJECT",)
        if not self._has_internal:
            match = self._to(self._view.cluster_ip, number)
            yield _filter(SERVICES, Rule(comment, match, target))
        if not self._has_external:
            for address in (*self._externals, *self._balancers):
                yield _filter(EXTERNAL_SERVICES, Rule(comment, self._to(address, number), target))
            if self._node_port:
                match = (*_TO_NODE, *self._transport(), "--dport", str(self._node_port))
                yield _filter(EXTERNAL_SERVICES, Rule(comment, match, target))
        if self._has_sources:
            comment = f"{self._name} traffic not accepted by {self._chains.sources}"
            for address in self._balancers:
                yield _filter(PROXY_FIREWALL, Rule(comment, self._to(address, number), ("DROP",)))
        health = self._view.spec.health_check_node_port
        if self._external_local and health:
            match = ("-m", "tcp", "-p", "tcp", "--dport", str(health))
            yield _filter(NODE_PORTS, Rule(f"{self._name} health check node port", match, ("ACCEPT",)))

    def chains(self) -> Iterator[tuple[str, tuple[Rule, ...]]]:
        """Give the port's own chains."""
        uses_cluster = bool(self._cluster) and (not self._internal_local or self._is_external)
        uses_local = bool(self._local)
        if self._is_external and self._has_endpoints:
            yield self._chains.external, tuple(self._external())
        if self._has_sources:
            yield self._chains.sources, tuple(self._sources())
        if uses_cluster:
            yield self._chains.cluster, tuple(self._choice(self._cluster, internal=not self._internal_local))
        if uses_local:
            yield self._chains.local, tuple(self._choice(self._local, internal=self._internal_local))
        used = [*(self._cluster if uses_cluster else ()), *(self._local if uses_local else ())]
        for endpoint in dict.fromkeys(used):
            yield self._endpoint_chain(endpoint), tuple(self._endpoint(endpoint))

    def _external(self) -> Iterator[Rule]:
        """Give the chain for whoever comes by a node port or an address from outside."""
        chains, outside = self._chains, f"for {self._name} external destinations"
        if not self._external_local:
            yield Rule(f"masquerade traffic {outside}", (), (MARK_MASQ,))
        else:
            yield Rule(f"pod traffic {outside}", ("-s", str(self._node.pods)), (chains.cluster,))
            yield Rule(f"masquerade LOCAL traffic {outside}", _FROM_NODE, (MARK_MASQ,))
            yield Rule(f"route LOCAL traffic {outside}", _FROM_NODE, (chains.cluster,))
        if self._has_external:
            yield Rule("", (), (chains.local if self._external_local else chains.cluster,))

    def _sources(self) -> Iterator[Rule]:
        """Give the chain that lets loadBalancerSourceRanges pass; what it does not is dropped later."""
        comment, to = f"{self._name} loadbalancer IP", (self._chains.external,)
        networks = self._view.sources or ()
        for network in networks:
            yield Rule(comment, ("-s", str(network)), to)
        if any(address in network for network in networks for address in self._node.addresses):
            # A node that has the address itself connects from it.
            for address in self._balancers:
                yield Rule(comment, ("-s", str(address)), to)
        yield Rule(f"other traffic to {self._name} will be dropped by {PROXY_FIREWALL}")

    def _choice(self, endpoints: Sequence[Endpoint], *, internal: bool) -> Iterator[Rule]:
        """Give a chain that chooses an endpoint; clients of the ClusterIP come here if it is ``internal``."""
        if internal:
            match = self._to(self._view.cluster_ip, self._view.port.port)
            if not self._node.masquerade_all:
                match = (*match, "!", "-s", str(self._node.pods))
            yield Rule(f"{self._name} cluster IP", match, (MARK_MASQ,))
        if self._affinity_s:
            for endpoint in endpoints:
                chain = self._endpoint_chain(endpoint)
                seconds = ("--rcheck", "--seconds", str(self._affinity_s), "--reap")
                yield Rule(self._leads_to(endpoint), ("-m", "recent", "--name", chain, *seconds), (chain,))
        for place, endpoint in enumerate(endpoints):
            left = len(endpoints) - place
            chance = ("-m", "statistic", "--mode", "random", "--probability", f"{1 / left:.10f}")
            match = chance if left > 1 else ()
            yield Rule(self._leads_to(endpoint), match, (self._endpoint_chain(endpoint),))

    def _endpoint(self, endpoint: Endpoint) -> Iterator[Rule]:
        """Give the chain that sends connections to one endpoint."""
        comment = self._name if self._with_comments else ""
        yield Rule(comment, ("-s", str(endpoint.address)), (MARK_MASQ,))
        remember = ("-m", "recent", "--name", self._endpoint_chain(endpoint), "--set")
        match = (*(remember if self._affinity_s else ()), *self._transport())
        yield Rule(comment, match, ("DNAT", "--to-destination", socket_text(endpoint)))

    def _leads_to(self, endpoint: Endpoint) -> str:
        return f"{self._name} -> {socket_text(endpoint)}" if self._with_comments else ""

    def _endpoint_chain(self, endpoint: Endpoint) -> str:
        return endpoint_chain(self._key, self._protocol, endpoint)

    def _to(self, address: Address, port: int) -> tuple[str, ...]:
        return (*self._transport(), "-d", str(address), "--dport", str(port))

    def _transport(self) -> tuple[str, ...]:
        protocol = _word(self._protocol)
        return ("-m", protocol, "-p", protocol)


def _ordered(endpoints: Sequence[Endpoint]) -> list[Endpoint]:
    return sorted(endpoints, key=socket_text)


def _word(protocol: L4) -> str:
    return protocol.name.lower()


def _nat(chain: str, rule: Rule) -> Placed:
    return Placed(NAT, chain, rule)


def _filter(chain: str, rule: Rule) -> Placed:
    return Placed(FILTER, chain, rule)
