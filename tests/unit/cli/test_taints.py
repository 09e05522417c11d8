"""What ``taint`` reads and changes."""

import pytest

from netemu.cli.resources import UsageError
from netemu.cli.taints import TaintChange, parse_taint, plan_taints
from netemu.errors import NetemuError
from netemu.testing import builders

OLD = {"key": "old", "value": "1", "effect": "NoSchedule"}


def node(*taints):
    made = builders.node("node-1")
    return {**made, "spec": {**made.get("spec", {}), "taints": list(taints)}}


def planned(now, *words, overwrite=False):
    return plan_taints(node(*now), [parse_taint(word) for word in words], overwrite=overwrite)


@pytest.mark.parametrize(
    ("word", "change"),
    [
        ("a=b:NoSchedule", TaintChange("a", "b", "NoSchedule", False)),
        ("a:NoExecute", TaintChange("a", "", "NoExecute", False)),
        ("a-", TaintChange("a", "", "", True)),
        ("a:NoSchedule-", TaintChange("a", "", "NoSchedule", True)),
    ],
)
def test_a_word_is_one_taint(word, change):
    assert parse_taint(word) == change


@pytest.mark.parametrize("word", ["a=b", "a:Never", ":NoSchedule", "-"])
def test_what_is_no_taint_is_refused(word):
    with pytest.raises(UsageError, match="invalid taint spec"):
        parse_taint(word)


@pytest.mark.parametrize(
    ("words", "after", "verb"),
    [
        pytest.param(
            ["a=b:NoSchedule"],
            [OLD, {"key": "a", "value": "b", "effect": "NoSchedule"}],
            "tainted",
            id="set",
        ),
        pytest.param(["old-"], [], "untainted", id="removed"),
        pytest.param(
            ["old:NoSchedule-", "new:NoExecute"],
            [{"key": "new", "effect": "NoExecute"}],
            "modified",
            id="both",
        ),
    ],
)
def test_other_taints_stay(words, after, verb):
    assert planned([OLD], *words) == (after, verb)


def test_a_taint_is_replaced_only_when_that_is_meant():
    assert planned([OLD], "old=2:NoSchedule", overwrite=True)[0] == [{**OLD, "value": "2"}]
    with pytest.raises(NetemuError, match="already has old taint"):
        planned([OLD], "old=2:NoSchedule")


def test_what_is_not_there_cannot_be_removed():
    with pytest.raises(NetemuError, match='taint "new:NoExecute" not found'):
        planned([OLD], "new:NoExecute-")
