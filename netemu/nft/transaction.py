"""Changes that happen together or not at all, in the order in which they are written."""

from __future__ import annotations

from msgspec import Struct

from netemu.nft.expressions import Atom
from netemu.nft.objects import Chain, Table, TableId
from netemu.nft.statements import Verdict

ElementKey = tuple[Atom, ...]
ElementData = tuple[Atom, ...] | Verdict | None  # None in a set
Element = tuple[ElementKey, ElementData]


class PutTable(Struct, frozen=True):
    """Give a table this content and no elements, whether it is there or not.

    What is there stays the same object in the kernel. A packet that is just being looked at
    reads rules as they were when it came and elements as they are now, so in a table that was
    deleted and made again it would find its rules, but no element. Chains that ``table`` does
    not name stay too; a set or map of other types is an error.
    """

    table: Table


class EnsureTable(Struct, frozen=True):
    """Make a table, its sets and its maps where they are not there; leave alone what is.

    Its chains are not made: they come with ``PutTable``.
    """

    table: Table


class RemoveTable(Struct, frozen=True):
    """Remove a table with all that is in it; a no-op when there is none."""

    id: TableId


class PutChain(Struct, frozen=True):
    """Give a chain these rules, whether it is there or not."""

    table: TableId
    chain: Chain


class RemoveChains(Struct, frozen=True):
    """Remove chains that are there; one that others or elements still lead to is an error."""

    table: TableId
    names: tuple[str, ...]


class AddElements(Struct, frozen=True):
    """Put elements into a set or map; a key that is there with other data is an error."""

    table: TableId
    name: str
    elements: tuple[Element, ...]


class DeleteElements(Struct, frozen=True):
    """Take elements out of a set or map; a key that is not there is an error."""

    table: TableId
    name: str
    keys: tuple[ElementKey, ...]


Command = EnsureTable | PutTable | RemoveTable | PutChain | RemoveChains | AddElements | DeleteElements


class Transaction(Struct, frozen=True):
    """Commands that the kernel takes as one."""

    commands: tuple[Command, ...]

    def __bool__(self) -> bool:
        return bool(self.commands)

    @property
    def elements(self) -> int:
        """The number of elements that it adds or deletes: the measure of its cost."""
        return sum(_elements(command) for command in self.commands)


def _elements(command: Command) -> int:
    match command:
        case AddElements(elements=elements):
            return len(elements)
        case DeleteElements(keys=keys):
            return len(keys)
    return 0
