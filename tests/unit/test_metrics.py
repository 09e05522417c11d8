"""Prometheus' text format."""

from __future__ import annotations

from netemu.metrics import Histogram, Metric, labels, render_metrics


def test_a_histogram_counts_up_to_each_bound():
    histogram = Histogram((0.5, 1))
    for value in (0.5, 0.75, 9):
        histogram.observe(value)
    metric = Metric("wait_seconds", "histogram", "How long.", histogram.values({"who": "a"}))

    assert render_metrics([metric]).splitlines() == [
        "# HELP wait_seconds How long.",
        "# TYPE wait_seconds histogram",
        'wait_seconds_bucket{who="a",le="0.5"} 1',
        'wait_seconds_bucket{who="a",le="1"} 2',
        'wait_seconds_bucket{who="a",le="+Inf"} 3',
        'wait_seconds_sum{who="a"} 10.25',
        'wait_seconds_count{who="a"} 3',
    ]


def test_a_value_without_labels_has_no_braces():
    assert labels({}) == ""
    assert render_metrics([Metric("a", "gauge", "A.", [("", 1.5)])]).endswith("\na 1.5\n")
