"""Tables as kubectl prints them."""

import pytest

from netemu.api.kinds import DEPLOYMENT, POD
from netemu.cli.tables import TableOptions, TableRows, headings, render_labels, render_rows, rows

TABLE = {
    "columnDefinitions": [
        {"name": "Name", "priority": 0},
        {"name": "Ready", "priority": 0},
        {"name": "IP", "priority": 1},
    ],
    "rows": [
        {
            "cells": ["web", 3, None],
            "object": {"metadata": {"name": "web", "namespace": "shop", "labels": {"b": "2", "a/x": "1"}}},
        }
    ],
}


@pytest.mark.parametrize(
    ("options", "heads", "row"),
    [
        pytest.param(TableOptions(), ("NAME", "READY"), ("web", "3"), id="narrow"),
        pytest.param(TableOptions(wide=True), ("NAME", "READY", "IP"), ("web", "3", ""), id="wide"),
        pytest.param(
            TableOptions(namespace=True), ("NAMESPACE", "NAME", "READY"), ("shop", "web", "3"), id="namespace"
        ),
        pytest.param(
            TableOptions(show_labels=True),
            ("NAME", "READY", "LABELS"),
            ("web", "3", "a/x=1,b=2"),
            id="labels",
        ),
        pytest.param(
            TableOptions(label_columns=("a/x", "none")),
            ("NAME", "READY", "X", "NONE"),
            ("web", "3", "1", ""),
            id="label-columns",
        ),
        pytest.param(
            TableOptions(kind_prefix=True), ("NAME", "READY"), ("deployment.apps/web", "3"), id="kind-prefix"
        ),
    ],
)
def test_columns_are_chosen(options, heads, row):
    assert headings(TABLE, options) == heads
    assert rows(TABLE, DEPLOYMENT, options) == [row]


def test_columns_are_three_spaces_apart_and_nothing_trails():
    assert render_rows([("NAME", "READY"), ("a-long-name", "1/1")]) == [
        "NAME          READY",
        "a-long-name   1/1",
    ]


def test_columns_without_headings_are_as_wide_as_kubectl_s():
    assert render_rows([("me", "1/1", "Running", "0", "3s")]) == ["me    1/1   Running   0     3s"]


def test_a_column_of_a_watch_never_gets_narrower():
    table = TableRows()
    table.render([("NAME", "X"), ("a-long-name", "1")])

    assert table.render([("b", "2")]) == ["b             2"]


def test_a_table_without_rows_has_none():
    assert rows({"columnDefinitions": [], "rows": None}, POD, TableOptions()) == []


def test_no_labels_are_none():
    assert render_labels({}) == "<none>"
