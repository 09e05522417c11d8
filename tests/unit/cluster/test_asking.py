"""Asking routers: what is told when there is none to ask."""

from __future__ import annotations

import pytest

from netemu.balancer.vty import RouterAbsentError
from netemu.cluster.asking import ask_router
from netemu.cluster.places import NoPlaceError
from netemu.cluster.saved import NoClusterError, save
from netemu.settings import Paths, Settings


@pytest.fixture
def paths(tmp_path):
    return Paths(state=tmp_path / "state", run=tmp_path / "run")


def test_a_cluster_that_was_never_made_is_told(paths):
    with pytest.raises(NoClusterError, match="there is no cluster named 'x'"):
        ask_router("x", paths, "outside", "show bgp summary")


@pytest.mark.parametrize(
    ("mode", "place", "error", "words"),
    [
        ("layer2", "outside", NoPlaceError, "has no routers that speak BGP"),
        ("bgp", "node-9", NoPlaceError, "there is no router named 'node-9'"),
        ("bgp", "node-2", RouterAbsentError, "nobody listens on"),
    ],
    ids=["no-bgp", "no-such-place", "not-running"],
)
def test_why_there_is_nobody_to_ask_is_told(paths, mode, place, error, words):
    save(paths, Settings(name="x", nodes=2, load_balancer=mode))

    with pytest.raises(error, match=words):
        ask_router("x", paths, place, "show bgp summary")
