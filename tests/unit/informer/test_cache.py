"""The cache: objects by key, indexes by event, views by version."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from netemu.api.kinds import NODE, POD
from netemu.api.views.core import Pod
from netemu.informer.cache import Cache, Change, Key, key_of
from netemu.testing import builders


def labelled(name, value, revision=1):
    return builders.stored(builders.pod(name, labels={"app": value}), name, revision=revision)


def by_label(obj):
    return obj["metadata"]["labels"].values()


def test_a_change_tells_what_was_and_what_is():
    cache = Cache()
    first, second = labelled("a", "x"), labelled("a", "y", revision=2)
    key = Key("default", "a")

    assert cache.apply(POD, first) == Change(POD, key, None, first)
    assert cache.apply(POD, second) == Change(POD, key, first, second)
    assert cache.apply(POD, None, key=key) == Change(POD, key, second, None)
    assert cache.apply(POD, None, key=key) is None


def test_a_view_is_made_once_for_each_version():
    cache = Cache()
    cache.apply(POD, labelled("a", "x"))
    key = Key("default", "a")

    before = cache.find(POD, key, Pod)
    assert cache.find(POD, key, Pod) is before

    cache.apply(POD, labelled("a", "y", revision=2))
    assert cache.find(POD, key, Pod).metadata.labels == {"app": "y"}
    assert cache.find(POD, Key("default", "b"), Pod) is None


def test_listing_a_namespace_gives_only_its_objects():
    cache = Cache()
    cache.apply(POD, labelled("a", "x"))
    cache.apply(POD, builders.stored(builders.pod("b", namespace="other"), "b"))
    cache.apply(NODE, builders.stored(builders.node(), "n"))

    assert [key_of(obj).name for obj in cache.list(POD, "other")] == ["b"]
    assert cache.keys(NODE) == [Key("", "node-1")]


def test_an_index_that_is_added_late_knows_what_is_there():
    cache = Cache()
    cache.apply(POD, labelled("a", "x"))
    cache.add_index(POD, "label", by_label)
    cache.add_index(POD, "label", lambda _: ["again, which is a no-op"])

    assert cache.by_index(POD, "label", "x") == [Key("default", "a")]


steps = st.tuples(st.sampled_from("abc"), st.sampled_from(["x", "y", None]))


@given(history=st.lists(steps, max_size=30))
def test_an_index_kept_by_events_equals_one_made_afresh(history):
    cache = Cache()
    cache.add_index(POD, "label", by_label)
    for revision, (name, value) in enumerate(history):
        new = labelled(name, value, revision) if value else None
        cache.apply(POD, new, key=Key("default", name))

    fresh = Cache()
    for obj in cache.list(POD):
        fresh.apply(POD, obj)
    fresh.add_index(POD, "label", by_label)
    for value in "xy":
        assert set(cache.by_index(POD, "label", value)) == set(fresh.by_index(POD, "label", value))


def test_an_object_that_cannot_be_indexed_is_there_and_keeps_no_other_from_its_index():
    cache = Cache()
    cache.add_index(POD, "app", lambda obj: obj["metadata"]["labels"].values())
    odd = builders.stored({"metadata": {"name": "odd", "namespace": "default"}}, "odd", revision=1)
    cache.apply(POD, odd)
    cache.apply(POD, labelled("a", "x", revision=2))

    assert cache.by_index(POD, "app", "x") == [Key("default", "a")]
    assert cache.get(POD, key_of(odd)) is odd
    assert cache.apply(POD, None, key=key_of(odd)) is not None
