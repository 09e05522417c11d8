"""Columns and orders that users write themselves."""

import pytest

from netemu.cli.columns import CustomColumn, custom_rows, parse_columns, sort_key
from netemu.cli.resources import UsageError

POD = {
    "metadata": {"name": "a"},
    "spec": {"containers": [{"image": "x"}, {"image": "y"}], "hostNetwork": True},
}


@pytest.mark.parametrize(
    ("spec", "cells"),
    [
        pytest.param("NAME:.metadata.name", ("a",), id="field"),
        pytest.param("NAME:{.metadata.name}", ("a",), id="braces"),
        pytest.param("NAME:metadata.name", ("a",), id="no-dot"),
        pytest.param("I:.spec.containers[*].image", ("x,y",), id="several"),
        pytest.param("A:.metadata.name,B:.status.podIP", ("a", "<none>"), id="nothing-there"),
        pytest.param("A:.spec.hostNetwork", ("true",), id="no-text"),
        pytest.param(
            "A:.spec.containers[?(@.image=='x,')].image,B:.metadata.name", ("<none>", "a"), id="comma"
        ),
    ],
)
def test_each_column_has_a_path(spec, cells):
    assert custom_rows(parse_columns(spec), [POD], headings=False) == [cells]


def test_headings_are_as_they_were_written():
    assert custom_rows([CustomColumn("Name", ".metadata.name")], [], headings=True) == [("Name",)]


@pytest.mark.parametrize("spec", ["", "NAME", "NAME:", ".metadata.name"])
def test_a_column_without_a_path_is_refused(spec):
    with pytest.raises(UsageError, match="custom"):
        parse_columns(spec)


@pytest.mark.parametrize(
    ("values", "ordered"),
    [
        pytest.param([10, 9, None], [None, 9, 10], id="numbers"),
        pytest.param(["b", "a"], ["a", "b"], id="texts"),
        pytest.param(["1Gi", "900Mi", "2k"], ["2k", "900Mi", "1Gi"], id="quantities"),
        pytest.param(
            ["2026-02-01T00:00:00Z", "2025-12-01T00:00:00Z"],
            ["2025-12-01T00:00:00Z", "2026-02-01T00:00:00Z"],
            id="moments",
        ),
    ],
)
def test_objects_are_sorted_by_what_is_at_a_path(values, ordered):
    objects = sorted([{"v": value} for value in values], key=sort_key("{.v}"))

    assert [obj["v"] for obj in objects] == ordered


def test_what_has_nothing_there_comes_first():
    assert sorted([{"v": "a"}, {}], key=sort_key(".v")) == [{}, {"v": "a"}]
