"""The ``timeout`` of a query."""

from __future__ import annotations

import pytest

from netemu.api.errors import BadRequestError
from netemu.apiserver.auth.attributes import Attributes
from netemu.apiserver.deadlines import check_timeout

LIST = Attributes(verb="list", resource="pods")


@pytest.mark.parametrize("text", ["", "0", "0s", "30s", "1h2m3.5s", "-1s", ".5ms", "2us"])
def test_a_duration_is_fine(text):
    check_timeout({"timeout": text}, LIST)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("invalid", 'time: invalid duration "invalid"'),
        ("30", 'time: missing unit in duration "30"'),
        ("1d", 'time: unknown unit "d" in duration "1d"'),
        ("1s2", 'time: missing unit in duration "1s2"'),
        ("-", 'time: invalid duration "-"'),
    ],
)
def test_anything_else_is_refused_in_the_words_of_go(text, why):
    with pytest.raises(BadRequestError) as caught:
        check_timeout({"timeout": text}, LIST)

    assert caught.value.message == f"invalid timeout specified in the request URL - {why}"


@pytest.mark.parametrize(
    "asked", [Attributes(verb="watch", resource="pods"), Attributes(verb="get", subresource="log")]
)
def test_requests_that_last_are_not_asked(asked):
    check_timeout({"timeout": "invalid"}, asked)
