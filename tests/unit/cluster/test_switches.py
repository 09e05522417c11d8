"""Which nodes are off."""

from __future__ import annotations

from pathlib import Path

import pytest

from netemu.cluster.places import NoPlaceError, node_rows
from netemu.cluster.saved import save
from netemu.cluster.switches import off_nodes, switch_off, switch_on
from netemu.cluster.switching import start_node, stop_node
from netemu.settings import Paths, Settings


def paths(tmp_path: Path) -> Paths:
    return Paths(state=tmp_path / "state", run=tmp_path / "run")


def test_nodes_are_on_until_they_are_switched_off(tmp_path):
    where = paths(tmp_path)
    assert off_nodes(where) == frozenset()

    for _ in range(2):
        switch_off(where, "node-2")
    assert off_nodes(where) == {"node-2"}

    for _ in range(2):
        switch_on(where, "node-2")
    assert off_nodes(where) == frozenset()


def test_only_nodes_that_there_are_can_be_stopped(tmp_path):
    where = paths(tmp_path)
    save(where, Settings(name="c", nodes=2))

    for act in (stop_node, start_node):
        with pytest.raises(NoPlaceError) as refused:
            act("c", where, "node-3")
        assert refused.value.hint == "Its nodes: node-1, node-2"
    assert off_nodes(where) == frozenset()


def test_places_are_listed_with_their_zone_and_whether_they_are_stopped(tmp_path):
    where = paths(tmp_path)
    save(where, Settings(name="c", nodes=3, zones=("east", "west")))
    switch_off(where, "node-3")

    listed = [(row["name"], row["zone"], row["state"]) for row in node_rows("c", where)]
    assert listed == [
        ("node-1", "east", "on"),
        ("node-2", "west", "on"),
        ("node-3", "east", "stopped"),
        ("outside", "", "on"),
        ("fabric", "", "on"),
    ]
