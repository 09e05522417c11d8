from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from netemu.dns.answers import AnswerCache


def test_answers_take_turns():
    cache = AnswerCache()
    cache.add(b"q", [b"1", b"2"], ["t"])

    assert [cache.find(b"q") for _ in range(4)] == [b"1", b"2", b"1", b"2"]


def test_taking_back_a_tag_forgets_what_depends_on_it_and_nothing_else():
    cache = AnswerCache()
    cache.add(b"q1", [b"1"], ["a", "b"])
    cache.add(b"q2", [b"2"], ["b"])
    cache.add(b"q3", [b"3"], ["c"])

    cache.take_back(["a"])

    assert [cache.find(q) for q in (b"q1", b"q2", b"q3")] == [None, b"2", b"3"]


def test_a_full_cache_starts_anew():
    cache = AnswerCache(most=2)
    for query in (b"1", b"2", b"3"):
        cache.add(query, [query], ["t"])

    assert len(cache) == 1
    assert cache.find(b"3") == b"3"


TAGS = st.frozensets(st.sampled_from("abcd"), min_size=1)


@given(st.lists(st.one_of(st.tuples(st.sampled_from([b"1", b"2", b"3"]), TAGS), TAGS)))
def test_nothing_is_kept_that_depends_on_what_was_taken_back_since(steps):
    cache, expected = AnswerCache(), {}
    for step in steps:
        match step:
            case (bytes() as query, tags):
                cache.add(query, [query], tags)
                expected[query] = tags | expected.get(query, frozenset())
            case tags:
                cache.take_back(tags)
                expected = {query: its for query, its in expected.items() if not its & tags}

    assert {query for query in (b"1", b"2", b"3") if cache.find(query)} <= set(expected)
