"""What ``label`` and ``annotate`` read and change."""

import pytest

from netemu.cli.marks import Marks, plan_marks, split_words
from netemu.cli.resources import UsageError


def obj(**labels):
    return {"metadata": {"name": "web", "labels": labels}}


@pytest.mark.parametrize(
    ("typed", "objects", "given", "removed"),
    [
        pytest.param("pod web a=b c-", ("pod", "web"), {"a": "b"}, ("c",), id="both"),
        pytest.param("pod/web a=", ("pod/web",), {"a": ""}, (), id="empty-value"),
        pytest.param("pods x/y-", ("pods",), {}, ("x/y",), id="with-a-prefix"),
        pytest.param("pod web", ("pod", "web"), {}, (), id="none"),
    ],
)
def test_words_that_name_objects_come_first(typed, objects, given, removed):
    assert split_words(typed.split(), "labels") == (objects, Marks("labels", given, removed))


@pytest.mark.parametrize("typed", ["pod web a=b a-", "pod web a=b other"])
def test_words_that_contradict_each_other_are_refused(typed):
    with pytest.raises(UsageError):
        split_words(typed.split(), "labels")


@pytest.mark.parametrize(
    ("now", "given", "removed", "changes"),
    [
        pytest.param({}, {"a": "b"}, (), {"a": "b"}, id="new"),
        pytest.param({"a": "b"}, {"a": "b"}, (), None, id="the-same"),
        pytest.param({"a": "b"}, {}, ("a", "zz"), {"a": None}, id="removed"),
    ],
)
def test_only_what_changes_is_sent(now, given, removed, changes):
    patch = plan_marks(obj(**now), Marks("labels", given, removed), overwrite=False)

    assert patch.get("metadata", {}).get("labels") == changes


def test_a_value_is_replaced_only_when_that_is_meant():
    marks = Marks("labels", {"a": "new"}, ())

    assert plan_marks(obj(a="old"), marks, overwrite=True)
    with pytest.raises(UsageError, match=r"'a' already has a value \(old\), and --overwrite is false"):
        plan_marks(obj(a="old"), marks, overwrite=False)


@pytest.mark.parametrize(
    ("marks", "verb"),
    [
        (Marks("labels", {"a": "b"}, ()), "labeled"),
        (Marks("labels", {}, ("a",)), "unlabeled"),
        (Marks("annotations", {}, ("a",)), "annotated"),
    ],
)
def test_the_verb_is_kubectls(marks, verb):
    assert marks.verb == verb
