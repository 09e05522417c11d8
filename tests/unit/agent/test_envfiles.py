"""Variables that stand in files of a pod's volumes."""

from __future__ import annotations

import pytest

from netemu.agent.envfiles import parse, value_of
from netemu.agent.environment import ConfigError

FILES = {("config", "app.env"): "# of the app\nA=1\n\nB='two words'\nA=2\n"}


def read(volume, path):
    return FILES.get((volume, path))


def reference(key, path="app.env", **more):
    return {"volumeName": "config", "path": path, "key": key, **more}


def test_a_line_is_a_variable():
    assert parse("A=1\n #B=2\nC = 'x=y' \nD=\"q\"\nnothing\n") == {"A": "1", "C": "x=y", "D": "q"}


@pytest.mark.parametrize(
    ("wanted", "value"),
    [
        (reference("A"), "1"),
        (reference("B"), "two words"),
        (reference("C", optional=True), None),
        (reference("A", path="none", optional=True), None),
    ],
)
def test_a_reference_means_a_variable_of_a_file(wanted, value):
    assert value_of(wanted, read) == value


@pytest.mark.parametrize(
    ("wanted", "words"),
    [
        (reference("C"), 'environment variable key "C" not found in file "app.env"'),
        (reference("A", path="none"), 'couldn\'t open env file "none": no such file or directory'),
    ],
)
def test_what_is_missing_is_told(wanted, words):
    with pytest.raises(ConfigError, match=words):
        value_of(wanted, read)
