"""What a client takes, and which offer it gets."""

from __future__ import annotations

import pytest

from netemu.api.errors import NotAcceptableError
from netemu.apiserver.negotiation import MediaType, choose, parse_accept, render

JSON = MediaType("application/json", {})
LISTED = MediaType("application/json", {"g": "apidiscovery.k8s.io", "v": "v2", "as": "L"})
TEXT = MediaType("text/plain", {})


@pytest.mark.parametrize(
    ("header", "chosen"),
    [
        ("", JSON),
        ("*/*", JSON),
        ("text/*", TEXT),
        ("application/json", JSON),
        ("application/json;as=L;v=v2;g=apidiscovery.k8s.io", LISTED),
        ("application/json;g=apidiscovery.k8s.io;v=v9;as=L,application/json", JSON),
        ("application/json;q=0.5,text/plain;q=0.9", TEXT),
        ("text/plain;q=0,application/json", JSON),
        ("text/plain;q=much", TEXT),
        ("application/json;charset=utf-8", JSON),
    ],
)
def test_the_best_offer_is_chosen(header, chosen):
    assert choose(header, [JSON, LISTED, TEXT]) == chosen


def test_who_takes_nothing_of_it_is_told_what_there_is():
    with pytest.raises(NotAcceptableError, match="accepted: application/json, text/plain"):
        choose("image/png", [JSON, TEXT])


def test_media_types_are_read_and_written():
    (parsed,) = parse_accept('application/json; as="L"; broken')

    assert (parsed, render(parsed)) == (MediaType("application/json", {"as": "L"}), "application/json;as=L")
