"""What one node's iptables hold for one Service, read back from them, each rule with a sentence. Pure."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterator
from typing import NamedTuple

from netemu.nft.expressions import L4
from netemu.proxy.explain import Line, Shown
from netemu.proxy.index import PortKey
from netemu.proxy.iptables.names import (
    EXTERNAL_SERVICES,
    MARK_MASQ,
    NODE_PORTS,
    PROXY_FIREWALL,
    SERVICES,
    Purpose,
    port_chains,
)
from netemu.proxy.iptables.ruleset import FILTER, NAT
from netemu.proxy.iptables.saved import Saved

_SHARED = (
    (NAT, SERVICES),
    (NAT, NODE_PORTS),
    (FILTER, SERVICES),
    (FILTER, EXTERNAL_SERVICES),
    (FILTER, PROXY_FIREWALL),
    (FILTER, NODE_PORTS),
)
_TITLES = {
    Purpose.CLUSTER: "chooses among all pods",
    Purpose.LOCAL: "chooses among the pods of this node",
    Purpose.EXTERNAL: "takes whoever comes by a node port or an address from outside",
    Purpose.SOURCES: "lets loadBalancerSourceRanges pass",
    Purpose.ENDPOINT: "sends connections to one pod",
}


class _Rule(NamedTuple):
    """A rule as far as sentences need it: its words, and the values of its options."""

    comment: str
    options: dict[str, str]
    target: str
    text: str

    def has(self, *words: str) -> bool:
        """Tell whether the rule has all these options."""
        return all(word in self.options for word in words)


def explain_service(saved: Saved, ports: list[tuple[PortKey, L4]]) -> list[Shown]:
    """Give, for each port, the rules that lead to it and its own chains; nothing of other Services."""
    return [shown for key, protocol in ports for shown in _port(saved, key, protocol)]


def _port(saved: Saved, key: PortKey, protocol: L4) -> Iterator[Shown]:
    nat = saved.get(NAT, {})
    own = port_chains(key, protocol)
    words = tuple(
        Line(f"{table} {chain}", f"-A {chain} {rule.text}", _about_shared(table, chain, rule))
        for table, chain in _SHARED
        for rule in map(_parse, saved.get(table, {}).get(chain, ()))
        if _is_about(rule, key, protocol, own)
    )
    missing = Line("", "", "Nothing: this node does not serve it.")
    yield Shown(f"{key} {protocol.name}: what leads there", words or (missing,))
    endpoints: dict[str, None] = {}
    for name in (own.external, own.sources, own.cluster, own.local):
        if name in nat:
            rules = [_parse(rule) for rule in nat[name]]
            yield _chain(nat, name, rules)
            endpoints.update(dict.fromkeys(r.target for r in rules if _purpose(r.target) is Purpose.ENDPOINT))
    for name in endpoints:
        yield _chain(nat, name, [_parse(rule) for rule in nat.get(name, ())])


def _is_about(rule: _Rule, key: PortKey, protocol: L4, own: tuple[str, ...]) -> bool:
    is_same_port = rule.options.get("-p") == protocol.name.lower() or rule.target == "ACCEPT"
    return rule.target in own or (is_same_port and rule.comment.split(" ", 1)[0] == str(key))


def _chain(nat: dict[str, list[str]], name: str, rules: list[_Rule]) -> Shown:
    purpose = _purpose(name)
    title = f"chain {name} {_TITLES[purpose]}" if purpose else f"chain {name}"
    say = {
        Purpose.CLUSTER: _about_choice,
        Purpose.LOCAL: _about_choice,
        Purpose.EXTERNAL: _about_external,
        Purpose.SOURCES: _about_sources,
        Purpose.ENDPOINT: _about_endpoint,
        None: _about_endpoint,
    }[purpose]
    lines = (Line(f"{NAT} {name}", f"-A {name} {rule.text}", say(rule, _namer(nat))) for rule in rules)
    return Shown(title, tuple(lines))


def _about_shared(table: str, chain: str, rule: _Rule) -> str:
    port = rule.options.get("--dport", "?")
    address = rule.options.get("-d", "")
    asked = f"{_plain(address)} port {port}" if address else f"port {port} of any of this node's addresses"
    if table == NAT:
        purpose = _purpose(rule.target)
        return f"Connections to {asked} go to the chain that {_TITLES[purpose] if purpose else 'follows'}."
    if chain == NODE_PORTS:
        return f"Load balancers may ask on port {port} whether pods are here."
    if chain == PROXY_FIREWALL:
        return f"What the source ranges did not let pass to {asked} is lost."
    if rule.target == "REJECT":
        return f"No pod serves it: connections to {asked} are refused."
    return f"No pod of this node serves it: packets to {asked} are lost."


def _about_choice(rule: _Rule, name: Callable[[str], str]) -> str:
    if rule.target == MARK_MASQ:
        who = f"Who is not of {rule.options['! -s']}" if rule.has("! -s") else "Everybody"
        return f"{who} and connects to the ClusterIP is seen with this node's address."
    to = name(rule.target)
    if rule.has("--rcheck"):
        return f"A client that was with {to} in the last {rule.options.get('--seconds', '?')} s stays there."
    if rule.has("--probability"):
        return f"By a chance of {float(rule.options['--probability']):.3g}, go to {to}."
    return f"All that are left go to {to}."


def _about_external(rule: _Rule, _name: Callable[[str], str]) -> str:
    purpose = _purpose(rule.target)
    to = f"the chain that {_TITLES[purpose]}" if purpose else rule.target
    if rule.has("--src-type"):
        what = "is seen with the address it leaves by" if rule.target == MARK_MASQ else f"goes to {to}"
        return f"The node itself {what}."
    if rule.target == MARK_MASQ:
        return "Everybody is seen with this node's address, for the pod may be on another node."
    if rule.has("-s"):
        return f"Pods need not come from outside: they go to {to}."
    return f"All that are left go to {to}."


def _about_sources(rule: _Rule, _name: Callable[[str], str]) -> str:
    if rule.has("-s"):
        return f"Clients of {rule.options['-s']} may use the load balancer's address."
    return f"All others keep their destination, and {PROXY_FIREWALL} drops them."


def _about_endpoint(rule: _Rule, _name: Callable[[str], str]) -> str:
    if rule.target == MARK_MASQ:
        return "If it is the pod itself that connects, it is seen with this node's address."
    remembered = "Remember the client, and send" if rule.has("--set") else "Send"
    return f"{remembered} the connection to {rule.options.get('--to-destination', 'nobody')}."


def _namer(nat: dict[str, list[str]]) -> Callable[[str], str]:
    """Give what tells the endpoint to which a chain leads."""

    def name(chain: str) -> str:
        found = [_parse(rule).options.get("--to-destination", "") for rule in nat.get(chain, ())]
        return next(filter(None, found), chain)

    return name


def _parse(text: str) -> _Rule:
    """Read a rule; an option with ``!`` before it has that in its name."""
    words = shlex.split(text)
    options: dict[str, str] = {}
    negation = ""
    for place, word in enumerate(words):
        if word == "!":
            negation = "! "
        elif word.startswith("-"):
            value = words[place + 1] if place + 1 < len(words) else ""
            options[negation + word] = "" if value.startswith("-") else value
            negation = ""
    return _Rule(options.get("--comment", ""), options, options.get("-j", ""), _without_comment(words))


def _without_comment(words: list[str]) -> str:
    kept, rest = [], iter(words)
    for word in rest:
        if word == "--comment":
            next(rest)
        else:
            kept.append(word)
    return " ".join(kept).replace("-m comment ", "").removesuffix("-m comment").strip()


def _purpose(chain: str) -> Purpose | None:
    return next((purpose for purpose in Purpose if chain.startswith(purpose.value)), None)


def _plain(network: str) -> str:
    return network.removesuffix("/32").removesuffix("/128")
