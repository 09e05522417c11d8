"""Values to nft's own language. The only place where that language is written.

Its JSON form cannot declare maps whose data is an address and a port, so it is the text.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import assert_never

from netemu.nft.expressions import AnyOf, Concat, Field, InSet, Lookup, Masked, Random, Type
from netemu.nft.objects import Base, Chain, Map, Rule, Set, Table, TableId
from netemu.nft.statements import (
    Accept,
    Assign,
    Dispatch,
    Dnat,
    Drop,
    Goto,
    Jump,
    Masquerade,
    Match,
    Reject,
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
    RemoveTable,
    Transaction,
)

_FIELDS = {
    Field.SADDR: "ip saddr",
    Field.DADDR: "ip daddr",
    Field.L4PROTO: "meta l4proto",
    Field.DPORT: "th dport",
    Field.META_MARK: "meta mark",
    Field.CT_MARK: "ct mark",
    Field.CT_ORIGINAL_DADDR: "ct original ip daddr",
    Field.CT_STATUS: "ct status",
    Field.CT_DIRECTION: "ct direction",
}


def render_transaction(transaction: Transaction) -> str:
    """Write a transaction as one input for nft."""
    return "".join(_command(command) for command in transaction.commands)


def render_table(table: Table) -> str:
    """Write what gives a table its content, without elements."""
    return _command(PutTable(table))


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
            return (
                f"add chain {_id(id)} {chain.name}\nflush chain {_id(id)} {chain.name}\n{_rules(id, [chain])}"
            )
        case AddElements(table_id, name, elements):
            return f"add element {_id(table_id)} {name} {{{_elements(elements)}}}\n"
        case DeleteElements(table_id, name, keys):
            return f"delete element {_id(table_id)} {name} {{{','.join(map(_key, keys))}}}\n"
        case _:
            assert_never(command)


def _declarations(table: Table) -> str:
    comment = f'\tcomment "{table.comment}"\n' if table.comment else ""
    empty = [replace(chain, rules=()) for chain in table.chains]
    blocks = [*map(_set, table.sets), *map(_map, table.maps), *map(_chain, empty)]
    return f"table {_id(table.id)} {{\n{comment}{''.join(blocks)}}}\n"


def _flushes(table: Table) -> str:
    names = [
        *(f"chain {_id(table.id)} {chain.name}" for chain in table.chains),
        *(f"set {_id(table.id)} {set_.name}" for set_ in table.sets),
        *(f"map {_id(table.id)} {map_.name}" for map_ in table.maps),
    ]
    return "".join(f"flush {name}\n" for name in names)


def _rules(id: TableId, chains: Iterable[Chain]) -> str:
    inside = "".join(_chain(replace(chain, base=None)) for chain in chains)
    return f"table {_id(id)} {{\n{inside}}}\n"


def _id(id: TableId) -> str:
    return f"{id.family.value} {id.name}"


def _set(set_: Set) -> str:
    return f"\tset {set_.name} {{ type {_types(set_.key)}; }}\n"


def _map(map_: Map) -> str:
    return f"\tmap {map_.name} {{ type {_types(map_.key)} : {_types(map_.data)}; }}\n"


def _types(types: Iterable[Type]) -> str:
    return " . ".join(type_.value for type_ in types)


def _chain(chain: Chain) -> str:
    head = _base(chain.base) if chain.base is not None else ""
    return f"\tchain {chain.name} {{\n{head}{''.join(map(_rule, chain.rules))}\t}}\n"


def _base(base: Base) -> str:
    return f"\t\ttype {base.type.value} hook {base.hook.value} priority {base.priority};\n"


def _rule(rule: Rule) -> str:
    comment = f' comment "{rule.comment}"' if rule.comment else ""
    return f"\t\t{' '.join(map(_statement, rule.statements))}{comment}\n"


def _statement(statement: Statement) -> str:  # noqa: C901, PLR0912 (one line for each statement)
    match statement:
        case Match(left, right, negated):
            return f"{_left(left)} {'!= ' if negated else ''}{_right(right)}"
        case Assign(target, source):
            return f"{_FIELDS[target]} set {_source(source)}"
        case Dispatch(key, map_name):
            return f"{_left(key)} vmap @{map_name}"
        case Dnat(to):
            return f"dnat ip to {_source(to)}"
        case Masquerade():
            return "masquerade fully-random"
        case Reject(tcp_reset=True):
            return "reject with tcp reset"
        case Reject():
            return "reject with icmp type port-unreachable"
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


def _left(expression: Field | Masked | Concat) -> str:
    match expression:
        case Concat(parts):
            return " . ".join(_FIELDS[part] for part in parts)
        case Masked(field, mask):
            return f"{_FIELDS[field]} & {mask:#x}"
        case Field():
            return _FIELDS[expression]


def _right(expression: object) -> str:
    match expression:
        case AnyOf(values):
            return f"{{ {', '.join(map(_atom, values))} }}"
        case InSet(name):
            return f"@{name}"
    return _atom(expression)


def _source(expression: Lookup | Random | int) -> str:
    match expression:
        case Lookup(key, map_name):
            return f"{_left(key)} map @{map_name}"
        case Random(modulus):
            return f"numgen random mod {modulus}"
    return str(expression)


def _elements(elements: Iterable[Element]) -> str:
    """Write elements; a bulk load has 50,000 of them, so this is as plain as can be.

    The spaces matter: ``80:30`` is one word to nft.
    """
    return ",".join(
        [
            _key(key)
            if data is None
            else f"{_key(key)} : {_key(data) if isinstance(data, tuple) else _statement(data)}"
            for key, data in elements
        ]
    )


def _key(parts: ElementKey) -> str:
    return " . ".join(map(str, parts))


def _atom(value: object) -> str:
    from_enum = getattr(value, "value", value)
    return str(from_enum)
