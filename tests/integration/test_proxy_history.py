"""Whatever Services were before, the kernel holds what a fresh load of what they are gives it."""

from __future__ import annotations

import re
from random import Random

import pytest

from netemu.linux import netns
from netemu.linux.nft import NftContext
from netemu.nft.render import render_transaction
from netemu.testing.service_history import NODES, History, random_write

NAMED = re.compile(r"\n\t(?:map|set) (\S+) \{(.*?)\n\t\}", re.DOTALL)
ELEMENTS = re.compile(r"elements = \{(.*?)\}\s*$", re.DOTALL)


@pytest.fixture
def contexts():
    """One for the node that changes, one for its like that is loaded afresh."""
    names = ("t-changed", "t-loaded")
    opened = []
    for name in names:
        netns.create(name)
        with netns.opened(name) as fd:
            opened.append(NftContext.open(fd))
    yield opened
    for context, name in zip(opened, names, strict=True):
        context.close()
        netns.delete(name)


def into(context):
    """Do what concerns the first node."""

    def do(view, transaction):
        if view.name == NODES[0]:
            context.run(render_transaction(transaction))

    return do


def elements(context):
    """List all elements but hairpins, of which those of the past stay."""
    return {
        (name, " ".join(element.split()))
        for name, body in NAMED.findall(context.run("list ruleset"))
        for inside in ELEMENTS.findall(body)
        for element in inside.split(",")
        if name != "hairpin"
    }


def test_random_changes_end_where_a_load_does(contexts):
    changed, loaded = contexts
    random = Random(7)
    history = History(into(changed))
    differences, sizes = [], []
    for _ in range(12):
        for _ in range(20):
            history.write(random_write(random))
        loaded.run("flush ruleset")
        history.reload(into(loaded))
        differences.append(elements(changed) ^ elements(loaded))
        sizes.append(len(elements(loaded)))

    assert differences == [set()] * 12
    assert max(sizes) > 30
