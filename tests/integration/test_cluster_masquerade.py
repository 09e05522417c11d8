"""The rules by which pods reach the outside: made, and made again when another hand took them."""

import subprocess
from contextlib import closing
from ipaddress import ip_network

import pytest

from netemu.cluster.masquerade import Masquerade

PODS = (ip_network("10.244.0.0/16"), ip_network("fd00:244::/56"))
BOTH = ["ip netemu-overlay", "ip6 netemu-overlay"]


def nft(*words):
    return subprocess.run(["nft", *words], check=True, capture_output=True, text=True).stdout


@pytest.fixture
def masquerade():
    with open("/proc/self/ns/net") as own, closing(Masquerade(own.fileno(), "t", PODS, "lo")) as made:
        yield made
    for table in BOTH:
        nft("delete", "table", *table.split())


def test_what_is_as_it_was_is_left_alone(masquerade):
    assert masquerade.ensure() == []
    before = nft("-a", "list", "ruleset")
    assert before.count("masquerade") == len(BOTH)

    assert masquerade.ensure() == []
    assert nft("-a", "list", "ruleset") == before


@pytest.mark.parametrize(
    ("words", "mended"),
    [
        pytest.param("flush ruleset", BOTH, id="all-gone"),
        pytest.param("flush chain ip netemu-overlay postrouting", BOTH[:1], id="rules-gone"),
        pytest.param("delete table ip6 netemu-overlay", BOTH[1:], id="one-table-gone"),
        pytest.param("insert rule ip netemu-overlay postrouting accept", BOTH[:1], id="one-rule-more"),
    ],
)
def test_what_another_hand_did_is_undone_and_named(masquerade, words, mended):
    masquerade.ensure()
    before = {table: nft("list", "table", *table.split()) for table in BOTH}
    nft(*words.split())

    assert masquerade.ensure() == mended
    assert {table: nft("list", "table", *table.split()) for table in BOTH} == before


def test_what_a_daemon_before_this_one_left_is_no_other_hands(masquerade):
    masquerade.ensure()
    with open("/proc/self/ns/net") as own, closing(Masquerade(own.fileno(), "t", PODS, "lo")) as next_one:
        assert next_one.ensure() == []
        assert next_one.ensure() == []
        nft("flush", "chain", "ip", "netemu-overlay", "postrouting")
        assert next_one.ensure() == BOTH[:1]
