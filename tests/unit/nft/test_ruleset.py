"""Rulesets in memory refuse what the kernel refuses."""

from __future__ import annotations

import pytest

from netemu.errors import KernelError
from netemu.nft.expressions import Family, Type
from netemu.nft.objects import Chain, Map, Set, Table, TableId
from netemu.nft.ruleset import Ruleset, apply
from netemu.nft.statements import Goto
from netemu.nft.transaction import (
    AddElements,
    DeleteElements,
    EnsureTable,
    PutChain,
    PutTable,
    RemoveChains,
    RemoveTable,
    Transaction,
)

T = TableId(Family.IP, "t")
TABLE = Table(
    T,
    sets=(Set("s", (Type.MARK,)),),
    maps=(Map("m", (Type.MARK,), (Type.MARK,)), Map("v", (Type.MARK,), (Type.VERDICT,))),
    chains=(Chain("c"),),
)


@pytest.fixture
def ruleset():
    commands = (PutTable(TABLE), AddElements(T, "m", (((1,), (10,)),)))
    return apply(Ruleset(), Transaction(commands))


@pytest.mark.parametrize(
    "command",
    [
        pytest.param(PutChain(TableId(Family.IP, "x"), Chain("c")), id="no-table-for-a-chain"),
        pytest.param(AddElements(T, "m", (((1,), (11,)),)), id="other-data"),
        pytest.param(AddElements(T, "x", ()), id="no-such-map"),
        pytest.param(RemoveChains(T, ("c", "x")), id="no-such-chain-to-remove"),
        pytest.param(AddElements(T, "v", (((1,), Goto("x")),)), id="no-such-chain"),
        pytest.param(DeleteElements(T, "m", ((2,),)), id="no-such-element"),
        pytest.param(DeleteElements(TableId(Family.IP, "x"), "m", ()), id="no-such-table"),
    ],
)
def test_what_the_kernel_refuses_is_refused(ruleset, command):
    with pytest.raises(KernelError):
        apply(ruleset, Transaction((command,)))


def test_a_key_can_be_deleted_and_added_with_other_data_in_one_transaction(ruleset):
    changed = apply(
        ruleset, Transaction((DeleteElements(T, "m", ((1,),)), AddElements(T, "m", (((1,), (11,)),))))
    )

    assert changed.tables[T].elements["m"] == {(1,): (11,)}
    assert ruleset.tables[T].elements["m"] == {(1,): (10,)}


def test_chains_that_a_table_does_not_name_stay_until_they_are_removed(ruleset):
    more = apply(ruleset, Transaction((PutChain(T, Chain("d")), PutTable(TABLE))))
    less = apply(more, Transaction((RemoveChains(T, ("d",)),)))

    assert {chain.name for chain in more.tables[T].table.chains} == {"c", "d"}
    assert {chain.name for chain in less.tables[T].table.chains} == {"c"}


def test_adding_an_element_again_and_removing_no_table_change_nothing(ruleset):
    again = Transaction((AddElements(T, "m", (((1,), (10,)),)), RemoveTable(TableId(Family.IP, "not-there"))))

    assert apply(ruleset, again) == ruleset


def test_putting_a_table_again_empties_it(ruleset):
    assert not any(apply(ruleset, Transaction((PutTable(TABLE),))).tables[T].elements.values())


def test_ensuring_a_table_leaves_what_is_there(ruleset):
    ensure = Transaction((EnsureTable(TABLE),))

    assert apply(ruleset, ensure) == ruleset
    assert apply(Ruleset(), ensure).tables[T].table.chains == ()


def test_a_new_chain_can_be_used(ruleset):
    changed = apply(ruleset, Transaction((PutChain(T, Chain("d")),)))

    assert changed.tables[T].chain("d") == Chain("d")
