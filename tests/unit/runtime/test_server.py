from __future__ import annotations

import pytest

from netemu.runtime.server import OPTIONS, parse_options


def test_options_are_pairs_in_any_order():
    words = [word for name in reversed(OPTIONS) for word in (f"--{name}", f"/{name}")]

    assert parse_options(words) == {name: f"/{name}" for name in OPTIONS}


@pytest.mark.parametrize(
    "words",
    [
        pytest.param([], id="none"),
        pytest.param(["--node", "node-1"], id="too-few"),
        pytest.param([word for name in OPTIONS for word in (f"--{name}x", "v")], id="misspelt"),
        pytest.param(
            [word for name in OPTIONS for word in (f"--{name}", "v")] + ["--node"], id="one-too-many"
        ),
    ],
)
def test_whatever_else_is_given_shows_the_usage(words):
    with pytest.raises(SystemExit, match="usage: python -m"):
        parse_options(words)
