"""JSON merge patch: the cases of RFC 7386, and its laws."""

import copy

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netemu.api.patch import merge_patch

RFC_7386_APPENDIX_A = [
    ({"a": "b"}, {"a": "c"}, {"a": "c"}),
    ({"a": "b"}, {"b": "c"}, {"a": "b", "b": "c"}),
    ({"a": "b"}, {"a": None}, {}),
    ({"a": "b", "b": "c"}, {"a": None}, {"b": "c"}),
    ({"a": ["b"]}, {"a": "c"}, {"a": "c"}),
    ({"a": "c"}, {"a": ["b"]}, {"a": ["b"]}),
    ({"a": {"b": "c"}}, {"a": {"b": "d", "c": None}}, {"a": {"b": "d"}}),
    ({"a": [{"b": "c"}]}, {"a": [1]}, {"a": [1]}),
    (["a", "b"], ["c", "d"], ["c", "d"]),
    ({"a": "b"}, ["c"], ["c"]),
    ({"a": "foo"}, None, None),
    ({"a": "foo"}, "bar", "bar"),
    ({"e": None}, {"a": 1}, {"e": None, "a": 1}),
    ([1, 2], {"a": "b", "c": None}, {"a": "b"}),
    ({}, {"a": {"bb": {"ccc": None}}}, {"a": {"bb": {}}}),
]

values = st.recursive(
    st.booleans() | st.integers(0, 3) | st.sampled_from("xyz"),
    lambda below: st.lists(below, max_size=2) | st.dictionaries(st.sampled_from("abc"), below, max_size=3),
    max_leaves=8,
)
objects = st.dictionaries(st.sampled_from("abc"), values, max_size=3)


def difference(old, new):
    """Compute the merge patch from one object to another (without nulls in either)."""
    patch = {key: None for key in old if key not in new}
    for key, value in new.items():
        if isinstance(value, dict) and isinstance(old.get(key), dict):
            patch[key] = difference(old[key], value)
        else:
            patch[key] = value
    return patch


@pytest.mark.parametrize(("original", "patch", "result"), RFC_7386_APPENDIX_A)
def test_it_does_what_the_rfc_says(original, patch, result):
    assert merge_patch(original, patch) == result


@given(objects, objects)
def test_the_difference_of_two_objects_leads_from_one_to_the_other(old, new):
    assert merge_patch(old, difference(old, new)) == new


@given(objects, objects)
def test_applying_twice_is_applying_once_and_the_original_stays(original, patch):
    before = copy.deepcopy(original)

    once = merge_patch(original, patch)

    assert merge_patch(once, patch) == once
    assert original == before
