"""All tables of one network namespace as a value, and what a transaction makes of it.

As strict as the kernel about what is there and what is not, so a plan that passes here passes there.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from msgspec import Struct, field
from msgspec.structs import replace

from netemu.errors import KernelError
from netemu.nft.objects import Chain, Table, TableId
from netemu.nft.statements import Goto, Jump
from netemu.nft.transaction import (
    AddElements,
    Command,
    DeleteElements,
    Element,
    ElementData,
    ElementKey,
    EnsureTable,
    PutChain,
    PutTable,
    RemoveChains,
    RemoveTable,
    Transaction,
)


class Content(Struct, frozen=True):
    """A table and the elements of its sets and maps, by name."""

    table: Table
    elements: Mapping[str, Mapping[ElementKey, ElementData]]

    def chain(self, name: str) -> Chain:
        """Give a chain by its name.

        Raises:
            KeyError: there is none.

        """
        return {chain.name: chain for chain in self.table.chains}[name]


class Ruleset(Struct, frozen=True):
    """Tables by id."""

    tables: Mapping[TableId, Content] = field(default_factory=dict)


def apply(ruleset: Ruleset, transaction: Transaction) -> Ruleset:
    """Give the ruleset after ``transaction``.

    Raises:
        KernelError: it adds what is there or deletes what is not; nothing of it happens then.

    """
    for command in transaction.commands:
        ruleset = _apply(ruleset, command)
    return ruleset


def _apply(ruleset: Ruleset, command: Command) -> Ruleset:
    match command:
        case EnsureTable(table):
            empty = Content(replace(table, chains=()), _no_elements(table))
            return ruleset if table.id in ruleset.tables else _with(ruleset, empty)
        case PutTable(table):
            held = ruleset.tables[table.id].table.chains if table.id in ruleset.tables else ()
            chains = _put(held, table.chains)
            return _with(ruleset, Content(replace(table, chains=chains), _no_elements(table)))
        case RemoveTable(id):
            return Ruleset({key: content for key, content in ruleset.tables.items() if key != id})
        case PutChain(id, chain):
            return _with_chains(ruleset, id, _put(_content(ruleset, id).table.chains, (chain,)))
        case RemoveChains(id, names):
            chains = _content(ruleset, id).table.chains
            if not set(names) <= {chain.name for chain in chains}:
                raise KernelError(f"a chain of {', '.join(names)} does not exist")
            return _with_chains(ruleset, id, tuple(chain for chain in chains if chain.name not in names))
        case AddElements(id, name, elements):
            return _with_elements(ruleset, id, name, _added(ruleset, id, name, elements))
        case DeleteElements(id, name, keys):
            kept = dict(_elements(ruleset, id, name))
            for key in keys:
                if key not in kept:
                    raise KernelError(f"element {key} of {name} does not exist")
                del kept[key]
            return _with_elements(ruleset, id, name, kept)


def _put(held: Iterable[Chain], new: tuple[Chain, ...]) -> tuple[Chain, ...]:
    names = {chain.name for chain in new}
    return (*(chain for chain in held if chain.name not in names), *new)


def _added(
    ruleset: Ruleset, id: TableId, name: str, elements: Iterable[Element]
) -> dict[ElementKey, ElementData]:
    held = dict(_elements(ruleset, id, name))
    chains = {chain.name for chain in _content(ruleset, id).table.chains}
    for key, data in elements:
        if isinstance(data, (Goto, Jump)) and data.chain not in chains:
            raise KernelError(f"chain {data.chain} does not exist")
        if held.setdefault(key, data) != data:
            raise KernelError(f"element {key} of {name} exists with other data")
    return held


def _no_elements(table: Table) -> Mapping[str, Mapping[ElementKey, ElementData]]:
    return {name: {} for name in (*(s.name for s in table.sets), *(m.name for m in table.maps))}


def _content(ruleset: Ruleset, id: TableId) -> Content:
    if id not in ruleset.tables:
        raise KernelError(f"table {id.name} does not exist")
    return ruleset.tables[id]


def _elements(ruleset: Ruleset, id: TableId, name: str) -> Mapping[ElementKey, ElementData]:
    elements = _content(ruleset, id).elements
    if name not in elements:
        raise KernelError(f"set {name} does not exist in table {id.name}")
    return elements[name]


def _with(ruleset: Ruleset, content: Content) -> Ruleset:
    return Ruleset({**ruleset.tables, content.table.id: content})


def _with_chains(ruleset: Ruleset, id: TableId, chains: tuple[Chain, ...]) -> Ruleset:
    content = _content(ruleset, id)
    return _with(ruleset, replace(content, table=replace(content.table, chains=chains)))


def _with_elements(
    ruleset: Ruleset, id: TableId, name: str, held: Mapping[ElementKey, ElementData]
) -> Ruleset:
    content = ruleset.tables[id]
    return _with(ruleset, replace(content, elements={**content.elements, name: held}))
