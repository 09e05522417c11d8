"""Where does this packet end? Answered from kube-proxy's chains as values, without a kernel.

As ``netemu.nft.walk``, whose packets and ends these are: the first packet of a new connection, and
every branch where a rule takes a chance. Nothing is remembered of any client yet.
"""

from __future__ import annotations

import functools
from collections.abc import Collection, Iterator, Sequence
from ipaddress import ip_address, ip_network

from msgspec import Struct
from msgspec.structs import replace

from netemu.nft.expressions import Address
from netemu.nft.walk import Delivered, Dropped, End, Packet, Rejected
from netemu.proxy.iptables.ruleset import FILTER, NAT, Chains, Rule, Ruleset
from netemu.proxy.iptables.tables import JUMPS

_Words = dict[str, str]


class _State(Struct, frozen=True):
    packet: Packet
    own: Collection[Address]
    mark: int = 0
    translated: bool = False
    masqueraded: bool = False


# What a chain comes to: an end of its table, or none, for what called it to go on.
_Outcome = tuple[_State, str]
_GOES_ON = ""


def walk_chains(ruleset: Ruleset, packet: Packet, own: Collection[Address] = ()) -> set[End]:
    """Give every end that ``packet`` can have on its way through a node; ``own`` are the node's addresses."""
    hooks = [(NAT, "OUTPUT"), (FILTER, "OUTPUT")] if packet.local else [(NAT, "PREROUTING")]
    found: set[End] = set()
    for state, outcome in _through(ruleset, hooks, _State(packet, own)):
        if outcome in ("DROP", "REJECT"):
            found.add(_ended(outcome))
            continue
        comes_in = not packet.local and state.packet.daddr in own
        rest = [] if packet.local else [(FILTER, "INPUT" if comes_in else "FORWARD")]
        rest += [] if comes_in else [(NAT, "POSTROUTING")]
        for last, end in _through(ruleset, rest, state):
            found.add(_ended(end) if end in ("DROP", "REJECT") else _delivered(last))
    return found


def _ended(outcome: str) -> End:
    return Dropped() if outcome == "DROP" else Rejected(tcp_reset=False)


def _delivered(state: _State) -> Delivered:
    packet = state.packet
    return Delivered(packet.daddr, packet.dport, state.translated, state.masqueraded)


def _through(ruleset: Ruleset, hooks: list[tuple[str, str]], state: _State) -> Iterator[_Outcome]:
    if not hooks:
        yield state, _GOES_ON
        return
    (table, hook), *rest = hooks
    first = [jump.rule for jump in reversed(JUMPS) if (jump.table, jump.chain) == (table, hook)]
    for after, outcome in _chain(ruleset[table], first, state):
        if outcome in ("DROP", "REJECT"):
            yield after, outcome
        else:
            yield from _through(ruleset, rest, after)


def _chain(chains: Chains, rules: Sequence[Rule], state: _State, place: int = 0) -> Iterator[_Outcome]:
    """Go through a chain from the rule at ``place`` on."""
    for here in range(place, len(rules)):
        options = _options(rules[here].match)
        if not _matches(options, state):
            continue
        if "--probability" in options:
            yield from _chain(chains, rules, state, here + 1)
        for after, outcome in _target(chains, rules[here].target, state):
            if outcome == _GOES_ON:
                yield from _chain(chains, rules, after, here + 1)
            else:
                yield after, outcome
        return
    yield state, _GOES_ON


def _target(chains: Chains, target: tuple[str, ...], state: _State) -> Iterator[_Outcome]:
    match target:
        case ():
            yield state, _GOES_ON
        case ("MARK", "--or-mark", mask):
            yield replace(state, mark=state.mark | int(mask, 16)), _GOES_ON
        case ("MARK", "--xor-mark", mask):
            yield replace(state, mark=state.mark ^ int(mask, 16)), _GOES_ON
        case ("DNAT", "--to-destination", to):
            host, _, port = to.rpartition(":")
            packet = replace(state.packet, daddr=ip_address(host.strip("[]")), dport=int(port))
            yield replace(state, packet=packet, translated=True), "ACCEPT"
        case ("MASQUERADE", *_):
            yield replace(state, masqueraded=True), "ACCEPT"
        case ("ACCEPT" | "DROP" | "REJECT" | "RETURN" as verdict,):
            yield state, verdict
        case (chain,):
            for after, outcome in _chain(chains, chains[chain], state):
                yield after, _GOES_ON if outcome == "RETURN" else outcome
        case _:
            raise ValueError(f"not understood: {target}")


def _matches(options: _Words, state: _State) -> bool:
    return all(_is_so(option, value, state) for option, value in options.items())


def _is_so(option: str, value: str, state: _State) -> bool:
    name = option.removeprefix("! ")
    return _holds(name, value, state) is not option.startswith("! ")


def _holds(name: str, value: str, state: _State) -> bool:
    packet = state.packet
    match name:
        case "-s":
            return packet.saddr in ip_network(value)
        case "-d":
            return packet.daddr in ip_network(value)
        case "-p":
            return packet.l4proto.name.lower() == value
        case "--dport":
            return packet.dport == int(value)
        case "--src-type":
            return packet.local or packet.saddr in state.own
        case "--dst-type":
            return packet.daddr in state.own
        case "--mark":
            wanted, mask = (int(part, 16) for part in value.split("/"))
            return state.mark & mask == wanted
        case "--ctstate":
            return bool({"NEW", *(["DNAT"] if state.translated else [])} & set(value.split(",")))
        case "--rcheck":
            return False
        case "-m" | "--mode" | "--probability" | "--name" | "--set" | "--seconds" | "--reap":
            return True
        case _:
            raise ValueError(f"not understood: {name} {value}")


@functools.cache
def _options(words: tuple[str, ...]) -> _Words:
    """Read the words of a match; an option with ``!`` before it has that in its name."""
    found: _Words = {}
    rest = list(words)
    while rest:
        negation = "! " if rest[0] == "!" else ""
        rest = rest[1:] if negation else rest
        option, *rest = rest
        has_value = bool(rest) and not rest[0].startswith("-") and rest[0] != "!"
        found[negation + option] = rest[0] if has_value else ""
        rest = rest[1:] if has_value else rest
    return found
