"""libnftables in this process and nft in a child, in namespaces of their own."""

from __future__ import annotations

from pathlib import Path

import pytest

from netemu.errors import KernelError
from netemu.linux import netns
from netemu.linux.nft import NftContext, run_in_child

GOLDEN = sorted((Path(__file__).parents[1] / "golden" / "nft").glob("*.nft"))


@pytest.fixture
def context(node_fd):
    opened = NftContext.open(node_fd)
    yield opened
    opened.close()


def test_a_context_stays_in_the_namespace_where_it_was_made(context, node_fd):
    context.run("add table ip here")
    own = NftContext.open(None)
    with netns.entered(node_fd):
        assert "here" not in own.run("list tables")
    own.close()

    assert context.run("list tables") == "table ip here\n"


def test_a_child_works_in_the_namespace_that_it_is_given(context, node_fd):
    run_in_child(node_fd, "add table ip there")

    assert context.run("list tables") == "table ip there\n"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        pytest.param(
            "add rule ip t c accept\n" * 50,
            "No such file or directory\n  add rule ip t c accept",
            id="kernel",
        ),
        pytest.param("add rul ip t c", "syntax error, unexpected ip", id="syntax"),
    ],
)
def test_a_refusal_has_nfts_own_words_and_one_line(context, node_fd, text, said):
    for run in (context.run, lambda refused: run_in_child(node_fd, refused)):
        with pytest.raises(KernelError) as caught:
            run(text)

        assert said in caught.value.message
        assert len(caught.value.message) < 300


def test_a_refused_transaction_leaves_nothing_of_itself(context):
    with pytest.raises(KernelError):
        context.run("add table ip a\nadd rule ip a none accept\n")

    assert context.run("list tables") == ""


def test_a_closed_context_says_so(context):
    context.close()
    context.close()

    with pytest.raises(KernelError, match="closed"):
        context.run("list tables")


@pytest.mark.parametrize("golden", GOLDEN, ids=lambda path: path.stem)
def test_the_real_nft_accepts_each_golden_file(context, golden):
    context.run(golden.read_text())

    assert "table ip" in context.run("list ruleset")
