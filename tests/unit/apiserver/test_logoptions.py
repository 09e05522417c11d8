"""Which part of a log is asked for."""

from __future__ import annotations

import pytest

from netemu.api.errors import BadRequestError, InvalidError
from netemu.apiserver.logoptions import parse_log_options
from netemu.apiserver.podaccess import LogOptions


@pytest.mark.parametrize(
    ("query", "options"),
    [
        pytest.param({}, LogOptions(), id="all"),
        pytest.param({"follow": "true", "previous": "1"}, LogOptions(follow=True, previous=True), id="flags"),
        pytest.param({"tailLines": "0", "limitBytes": "9"}, LogOptions(tail_lines=0, limit_bytes=9), id="0"),
        pytest.param({"sinceSeconds": "5", "timestamps": ""}, LogOptions(since_s=5, timestamps=True), id="s"),
        pytest.param({"sinceTime": "2023-11-14T22:13:20Z"}, LogOptions(since_time_s=1_700_000_000), id="UTC"),
        pytest.param(
            {"sinceTime": "2023-11-14T23:13:20+01:00"}, LogOptions(since_time_s=1_700_000_000), id="elsewhere"
        ),
        pytest.param({"stream": "Stderr"}, LogOptions(stream="stderr"), id="stream"),
        pytest.param({"stream": "All", "tailLines": "1"}, LogOptions(tail_lines=1), id="all-streams"),
    ],
)  # fmt: skip
def test_options_are_read(query, options):
    assert parse_log_options(query, "web") == options


@pytest.mark.parametrize(
    ("query", "words"),
    [
        pytest.param(
            {"tailLines": "-1"}, "tailLines: Invalid value: -1: must be greater than or equal to 0", id="tail"
        ),
        pytest.param({"limitBytes": "0"}, "limitBytes: Invalid value: 0: must be greater than 0", id="limit"),
        pytest.param(
            {"sinceSeconds": "0"}, "sinceSeconds: Invalid value: 0: must be greater than 0", id="since"
        ),
        pytest.param(
            {"sinceSeconds": "1", "sinceTime": "2023-11-14T22:13:20Z"},
            "Forbidden: at most one of `sinceTime` or `sinceSeconds` may be specified", id="both",
        ),
        pytest.param(
            {"stream": "x"},
            'stream: Unsupported value: "x": supported values: "All", "Stderr", "Stdout"', id="stream",
        ),
        pytest.param(
            {"stream": "Stdout", "tailLines": "1"},
            "Forbidden: `tailLines` and specific `stream` are mutually exclusive for now", id="tail-of-one",
        ),
    ],
)  # fmt: skip
def test_what_cannot_be_meant_is_invalid_in_kubernetes_words(query, words):
    with pytest.raises(InvalidError) as raised:
        parse_log_options(query, "web")

    assert raised.value.message == f'PodLogOptions "web" is invalid: {words}'


@pytest.mark.parametrize("query", [{"tailLines": "x"}, {"sinceTime": "yesterday"}, {"follow": "maybe"}])
def test_what_cannot_be_read_is_a_bad_request(query):
    with pytest.raises(BadRequestError):
        parse_log_options(query, "web")
