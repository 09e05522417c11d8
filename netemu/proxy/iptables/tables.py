"""All chains of one node: those of every Service, and those that are always there. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from netemu.nft.expressions import Family
from netemu.proxy.groups import NodeView
from netemu.proxy.iptables.names import (
    CANARIES,
    EXTERNAL_SERVICES,
    FIREWALL,
    FORWARD,
    HINT,
    MARK_MASQ,
    NODE_PORTS,
    POSTROUTING,
    PROXY_FIREWALL,
    SERVICES,
)
from netemu.proxy.iptables.ruleset import FILTER, MANGLE, NAT, Jump, Rule, Ruleset, together
from netemu.proxy.iptables.service import Piece

_MARK = "0x4000"  # kube-proxy's --iptables-masquerade-bit, 14
_MARKED = f"{_MARK}/{_MARK}"
_NEW = ("-m", "conntrack", "--ctstate", "NEW")

_PORTALS = "kubernetes service portals"
_OUTSIDE = "kubernetes externally-visible service portals"
_HEALTH = "kubernetes health check service ports"
_BALANCERS = "kubernetes load balancer firewall"

JUMPS = (
    Jump(FILTER, "INPUT", Rule(_OUTSIDE, _NEW, (EXTERNAL_SERVICES,))),
    Jump(FILTER, "FORWARD", Rule(_OUTSIDE, _NEW, (EXTERNAL_SERVICES,))),
    Jump(FILTER, "INPUT", Rule(_HEALTH, (), (NODE_PORTS,))),
    Jump(FILTER, "FORWARD", Rule(_PORTALS, _NEW, (SERVICES,))),
    Jump(FILTER, "OUTPUT", Rule(_PORTALS, _NEW, (SERVICES,))),
    Jump(FILTER, "FORWARD", Rule("kubernetes forwarding rules", (), (FORWARD,))),
    Jump(FILTER, "INPUT", Rule(_BALANCERS, _NEW, (PROXY_FIREWALL,))),
    Jump(FILTER, "OUTPUT", Rule(_BALANCERS, _NEW, (PROXY_FIREWALL,))),
    Jump(FILTER, "FORWARD", Rule(_BALANCERS, _NEW, (PROXY_FIREWALL,))),
    Jump(NAT, "OUTPUT", Rule(_PORTALS, (), (SERVICES,))),
    Jump(NAT, "PREROUTING", Rule(_PORTALS, (), (SERVICES,))),
    Jump(NAT, "POSTROUTING", Rule("kubernetes postrouting rules", (), (POSTROUTING,))),
    Jump(FILTER, "INPUT", Rule("", (), (FIREWALL,))),
    Jump(FILTER, "OUTPUT", Rule("", (), (FIREWALL,))),
)
"""What leads to our chains. Each is put first, so the last one of a chain is asked first."""


def node_ruleset(pieces: Iterable[Piece], node: NodeView) -> Ruleset:
    """Put the pieces of all Service ports together with what is always there."""
    chains: dict[str, dict[str, Iterable[Rule]]] = {
        FILTER: dict.fromkeys((SERVICES, EXTERNAL_SERVICES, FORWARD, NODE_PORTS, PROXY_FIREWALL), ()),
        NAT: dict.fromkeys((SERVICES, NODE_PORTS, POSTROUTING, MARK_MASQ), ()),
        MANGLE: {HINT: ()},
    }
    shared: dict[tuple[str, str], list[Rule]] = {}
    for piece in pieces:
        for table, chain, rule in piece.shared:
            shared.setdefault((table, chain), []).append(rule)
        chains[NAT].update(piece.chains)
    shared.setdefault((NAT, SERVICES), []).append(_to_node_ports(node))
    for (table, chain), rules in shared.items():
        chains[table][chain] = rules
    chains[FILTER] |= {FORWARD: _forward(), FIREWALL: _firewall(node)}
    chains[NAT] |= {POSTROUTING: _postrouting(), MARK_MASQ: _mark_masq()}
    for some in chains.values():
        some.update(dict.fromkeys(CANARIES, ()))
    return together(chains)


def _to_node_ports(node: NodeView) -> Rule:
    comment = "kubernetes service nodeports; NOTE: this must be the last rule in this chain"
    loopback = "127.0.0.0/8" if node.family is Family.IP else "::1/128"
    elsewhere = () if node.has_localhost else ("!", "-d", loopback)
    return Rule(comment, ("-m", "addrtype", "--dst-type", "LOCAL", *elsewhere), (NODE_PORTS,))


def _postrouting() -> tuple[Rule, ...]:
    return (
        Rule("", ("-m", "mark", "!", "--mark", _MARKED), ("RETURN",)),
        # The packet may come by again.
        Rule("", (), ("MARK", "--xor-mark", _MARK)),
        Rule("kubernetes service traffic requiring SNAT", (), ("MASQUERADE", "--random-fully")),
    )


def _mark_masq() -> tuple[Rule, ...]:
    return (Rule("", (), ("MARK", "--or-mark", _MARK)),)


def _forward() -> tuple[Rule, ...]:
    tracked = ("-m", "conntrack", "--ctstate")
    return (
        # What conntrack cannot place would pass untranslated (kubernetes/kubernetes#74839).
        Rule("", (*tracked, "INVALID"), ("DROP",)),
        Rule("kubernetes forwarding rules", ("-m", "mark", "--mark", _MARKED), ("ACCEPT",)),
        Rule("kubernetes forwarding conntrack rule", (*tracked, "RELATED,ESTABLISHED"), ("ACCEPT",)),
    )


def _firewall(node: NodeView) -> tuple[Rule, ...]:
    """Let nothing from elsewhere reach 127.0.0.1 (kubernetes/kubernetes#90259)."""
    if node.family is Family.IP6:
        return ()
    loopback = ("-d", "127.0.0.0/8", "!", "-s", "127.0.0.0/8")
    unknown = ("-m", "conntrack", "!", "--ctstate", "RELATED,ESTABLISHED,DNAT")
    return (Rule("block incoming localnet connections", (*loopback, *unknown), ("DROP",)),)
