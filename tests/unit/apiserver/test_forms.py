"""In which form a client gets objects."""

from __future__ import annotations

import pytest

from netemu.api.errors import NotAcceptableError
from netemu.apiserver.forms import WHOLE, parse_form


@pytest.mark.parametrize(
    "accept",
    [
        "",
        "*/*",
        "application/json",
        "application/vnd.kubernetes.protobuf,application/json",
        "application/vnd.kubernetes.protobuf, */*",
    ],
)
def test_who_takes_json_gets_json(accept):
    assert parse_form(accept, "") is WHOLE


@pytest.mark.parametrize("accept", ["application/vnd.kubernetes.protobuf", "text/html"])
def test_who_takes_only_what_cannot_be_made_gets_nothing(accept):
    with pytest.raises(NotAcceptableError, match="only the following media types are accepted"):
        parse_form(accept, "")
