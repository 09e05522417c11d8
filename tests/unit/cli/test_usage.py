"""Rows of ``top``."""

import pytest

from netemu.cli.resources import UsageError
from netemu.cli.usage import in_order, node_lines, node_row, pod_lines, pod_row, total

MEASURED = [
    {
        "metadata": {"name": "b", "namespace": "web"},
        "containers": [
            {"name": "one", "usage": {"cpu": "1500000n", "memory": "1024Ki"}},
            {"name": "two", "usage": {"cpu": "0", "memory": "2048Ki"}},
        ],
    },
    {
        "metadata": {"name": "a", "namespace": "web"},
        "containers": [{"name": "one", "usage": {"cpu": "1m", "memory": "10Mi"}}],
    },
]
NODE = {"metadata": {"name": "node-1"}, "usage": {"cpu": "500m", "memory": "1Gi"}}


def rows(*, containers=False, namespaces=False, by=""):
    lines = pod_lines(MEASURED, containers=containers, namespaces=namespaces)
    return [pod_row(line) for line in in_order(lines, by)]


def test_a_pod_is_the_sum_of_its_containers_rounded_up():
    assert rows() == [("a", "1m", "10Mi"), ("b", "2m", "3Mi")]


def test_containers_and_namespaces_have_columns():
    assert rows(containers=True, namespaces=True)[-1] == ("web", "b", "two", "0m", "2Mi")


@pytest.mark.parametrize(("by", "first"), [("", "a"), ("cpu", "b"), ("memory", "a")])
def test_the_greatest_come_first(by, first):
    assert rows(by=by)[0][0] == first


def test_there_are_two_orders():
    with pytest.raises(UsageError, match="--sort-by accepts only cpu or memory"):
        rows(by="name")


def test_all_can_be_added_up():
    lines = pod_lines(MEASURED, containers=False, namespaces=True)

    assert pod_row(total(lines)) == ("", "", "3m", "13Mi")


@pytest.mark.parametrize(
    ("offered", "percents"),
    [({"cpu": "2", "memory": "4Gi"}, ("25%", "25%")), ({}, ("<unknown>", "<unknown>"))],
)
def test_a_node_is_compared_to_what_it_offers(offered, percents):
    (line,) = node_lines([NODE])

    assert node_row(line, offered) == ("node-1", "500m", percents[0], "1024Mi", percents[1])
