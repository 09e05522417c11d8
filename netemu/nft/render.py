"""Values to nft's own language. The only place where that language is written.

Its JSON form cannot declare maps whose data is an address and a port, so it is the text.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import assert_never

from msgspec.structs import replace

from netemu.nft.expressions import AnyOf, Concat, Family, Field, Hash, InSet, Lookup, Masked, Random, Type
from netemu.nft.objects import Base, Chain, Map, Rule, Set, Table, TableId
from netemu.nft.statements import (
    Accept,
    Assign,
    Dispatch,
    Dnat,
    Drop,
    Forget,
    Goto,
    Jump,
    Masquerade,
    Match,
    Reject,
    Remember,
    Return,
    Statement,
)
from netemu.nft.transaction import (
    AddElements,
    Command,
    DeleteElements,
    Element,
    ElementKey,
    EnsureTable,
    PutChain,
    PutTable,
    RemoveChains,
    RemoveTable,
    Transaction,
)

_FIELDS = {
    Field.SADDR: "{ip} saddr",
    Field.SADDR_TYPE: "fib saddr type",
    Field.DADDR: "{ip} daddr",
    Field.L4PROTO: "meta l4proto",
    Field.DPORT: "th dport",
    Field.META_MARK: "meta mark",
    Field.CT_MARK: "ct mark",
    Field.CT_ORIGINAL_DADDR: "ct original {ip} daddr",
    Field.CT_STATE: "ct state",
    Field.CT_STATUS: "ct status",
    Field.CT_DIRECTION: "ct direction",
}


def render_transaction(transaction: Transaction) -> str:
    """Write a transaction as one input for nft."""
    return "".join(_command(command) for command in transaction.commands)


def render_table(table: Table) -> str:
    """Write what gives a table its content, without elements."""
    return _command(PutTable(table))


def render_rule(family: Family, rule: Rule) -> str:
    """Write one rule, as it stands in a table of that family."""
    return _Words(family).rule(rule).strip()


def render_element(element: Element) -> str:
    """Write one element of a set or map."""
    return _elements([element])


def _command(command: Command) -> str:
    match command:
        case EnsureTable(table):
            return _declarations(replace(table, chains=()))
        case PutTable(table):
            return _declarations(table) + _flushes(table) + _rules(table.id, table.chains)
        case RemoveTable(id):
            # `delete` of what is not there fails, and 1.0.6 has no `destroy`: so make it first.
            return f"add table {_id(id)}\ndelete table {_id(id)}\n"
        case PutChain(id, chain):
            # Rules are appended to a chain that is there, so it must be emptied, so it must be there.
            flush = f"flush chain {_id(id)} {chain.name}\n"
            return f"{_declared(id, chain)}{flush}{_rules(id, [chain])}"
        case RemoveChains(id, names):
            # All are emptied first: they may lead to each other.
            return "".join(
                f"{verb} chain {_id(id)} {name}\n" for verb in ("flush", "delete") for name in names
            )
        case AddElements(table_id, name, elements):
            return f"add element {_id(table_id)} {name} {{{_elements(elements)}}}\n"
        case DeleteElements(table_id, name, keys):
            return f"delete element {_id(table_id)} {name} {{{','.join(map(_key, keys))}}}\n"
        case _:
            assert_never(command)


def _declarations(table: Table) -> str:
    comment = f'\tcomment "{table.comment}"\n' if table.comment else ""
    words = _Words(table.id.family)
    empty = [words.chain(replace(chain, rules=())) for chain in table.chains]
    blocks = [*map(_set, table.sets), *map(_map, table.maps), *empty]
    return f"table {_id(table.id)} {{\n{comment}{''.join(blocks)}}}\n"


def _declared(id: TableId, chain: Chain) -> str:
    if chain.base is None:
        return f"add chain {_id(id)} {chain.name}\n"
    return f"table {_id(id)} {{\n{_Words(id.family).chain(replace(chain, rules=()))}}}\n"


def _flushes(table: Table) -> str:
    names = [
        *(f"chain {_id(table.id)} {chain.name}" for chain in table.chains),
        *(f"set {_id(table.id)} {set_.name}" for set_ in table.sets),
        *(f"map {_id(table.id)} {map_.name}" for map_ in table.maps if not map_.size),
    ]
    return "".join(f"flush {name}\n" for name in names)


def _rules(id: TableId, chains: Iterable[Chain]) -> str:
    inside = "".join(_Words(id.family).chain(replace(chain, base=None)) for chain in chains)
    return f"table {_id(id)} {{\n{inside}}}\n"


def _id(id: TableId) -> str:
    return f"{id.family.value} {id.name}"


def _set(set_: Set) -> str:
    flags = " flags interval;" if set_.intervals else ""
    return f"\tset {set_.name} {{ type {_types(set_.key)};{flags} }}\n"


def _map(map_: Map) -> str:
    flags = f" flags dynamic,timeout; size {map_.size};" if map_.size else ""
    return f"\tmap {map_.name} {{ type {_types(map_.key)} : {_types(map_.data)};{flags} }}\n"


def _types(types: Iterable[Type]) -> str:
    return " . ".join(type_.value for type_ in types)


def _base(base: Base) -> str:
    return f"\t\ttype {base.type.value} hook {base.hook.value} priority {base.priority};\n"


# One seed for all, or each rule would get one of its own from nft.
_HASHES, _SEED = (1 << 32) - 1, 0x6E65


class _Words:
    """Writes chains of tables of one family; ``inet`` tables look at IPv4 addresses."""

    def __init__(self, family: Family) -> None:
        self._ip = "ip6" if family is Family.IP6 else "ip"
        self._icmp = "icmpv6" if family is Family.IP6 else "icmp"

    def chain(self, chain: Chain) -> str:
        head = _base(chain.base) if chain.base is not None else ""
        return f"\tchain {chain.name} {{\n{head}{''.join(map(self.rule, chain.rules))}\t}}\n"

    def rule(self, rule: Rule) -> str:
        comment = f' comment "{rule.comment}"' if rule.comment else ""
        return f"\t\t{' '.join(map(self.statement, rule.statements))}{comment}\n"

    def statement(self, statement: Statement) -> str:  # noqa: C901, PLR0912 (one line for each)
        match statement:
            case Match(left, right, negated):
                return f"{self._left(left)} {'!= ' if negated else ''}{_right(right)}"
            case Assign(target, source):
                return f"{self._left(target)} set {self._source(source)}"
            case Dispatch(key, map_name):
                return f"{self._left(key)} vmap @{map_name}"
            case Dnat(to):
                return f"dnat {self._ip} to {self._source(to)}"
            case Remember(map_name, key, data, timeout_s):
                return f"update @{map_name} {{ {self._left(key)} timeout {timeout_s}s : {self._left(data)} }}"
            case Forget(map_name, key, data):
                return f"delete @{map_name} {{ {self._left(key)} : {self._left(data)} }}"
            case Masquerade():
                return "masquerade fully-random"
            case Reject(tcp_reset=True):
                return "reject with tcp reset"
            case Reject():
                return f"reject with {self._icmp} type port-unreachable"
            case Accept():
                return "accept"
            case Drop():
                return "drop"
            case Return():
                return "return"
            case Jump(chain):
                return f"jump {chain}"
            case Goto(chain):
                return f"goto {chain}"
            case _:
                assert_never(statement)

    def _left(self, expression: Field | Masked | Concat | Hash) -> str:
        match expression:
            case Hash(parts):
                return f"jhash {' . '.join(map(self._left, parts))} mod {_HASHES} seed {_SEED:#x}"
            case Concat(parts):
                return " . ".join(map(self._left, parts))
            case Masked(field, mask):
                return f"{self._left(field)} & {mask:#x}"
            case Field():
                return _FIELDS[expression].format(ip=self._ip)

    def _source(self, expression: Lookup | Random | Hash | int) -> str:
        match expression:
            case Hash():
                return self._left(expression)
            case Lookup(key, map_name):
                return f"{self._left(key)} map @{map_name}"
            case Random(modulus):
                return f"numgen random mod {modulus}"
        return str(expression)


_VERDICTS = _Words(Family.INET)  # a verdict reads the same in every family


def _right(expression: object) -> str:
    match expression:
        case AnyOf(values):
            return f"{{ {', '.join(map(_atom, values))} }}"
        case InSet(name):
            return f"@{name}"
    return _atom(expression)


def _elements(elements: Iterable[Element]) -> str:
    """Write elements; a bulk load has 50,000 of them, so this is as plain as can be.

    The spaces matter: ``80:30`` is one word to nft.
    """
    return ",".join(
        [
            _key(key)
            if data is None
            else f"{_key(key)} : {_key(data) if isinstance(data, tuple) else _VERDICTS.statement(data)}"
            for key, data in elements
        ]
    )


def _key(parts: ElementKey) -> str:
    return " . ".join(map(str, parts))


def _atom(value: object) -> str:
    from_enum = getattr(value, "value", value)
    return str(from_enum)
