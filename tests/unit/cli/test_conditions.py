"""What ``wait`` waits for."""

import pytest

from netemu.cli.conditions import Awaited, is_met, parse_awaited, parse_duration_s
from netemu.cli.resources import UsageError


@pytest.mark.parametrize(
    ("text", "awaited"),
    [
        ("delete", Awaited(kind="delete")),
        ("create", Awaited(kind="create")),
        ("condition=Ready", Awaited(kind="condition", subject="Ready", value="True")),
        ("condition=Ready=false", Awaited(kind="condition", subject="Ready", value="false")),
        (
            "jsonpath={.status.phase}=Running",
            Awaited(kind="jsonpath", subject=".status.phase", value="Running"),
        ),
        (
            "jsonpath='{.status.phase}'=Running",
            Awaited(kind="jsonpath", subject=".status.phase", value="Running"),
        ),
        ("jsonpath={.status.podIP}", Awaited(kind="jsonpath", subject=".status.podIP")),
        ('jsonpath={.a[?(@.b=="c")].d}=e', Awaited(kind="jsonpath", subject='.a[?(@.b=="c")].d', value="e")),
    ],
)
def test_conditions_are_read(text, awaited):
    assert parse_awaited(text) == awaited


@pytest.mark.parametrize(
    "text", ["", "condition", "condition=", "ready", "jsonpath=", "jsonpath={.a", "delete=now"]
)
def test_what_is_no_condition_is_refused(text):
    with pytest.raises(UsageError, match=r"unrecognized condition|unexpected path"):
        parse_awaited(text)


def _deployment(*, generation=2, observed=2, status="True"):
    return {
        "metadata": {"name": "web", "generation": generation},
        "status": {"observedGeneration": observed, "conditions": [{"type": "Available", "status": status}]},
    }


@pytest.mark.parametrize(
    ("obj", "met"),
    [
        pytest.param(_deployment(), True, id="has-it"),
        pytest.param(_deployment(status="False"), False, id="is-false"),
        pytest.param(_deployment(observed=1), False, id="of-an-older-spec"),
        pytest.param({"metadata": {}}, False, id="no-status"),
    ],
)
def test_a_condition_counts_only_for_the_current_spec(obj, met):
    assert is_met(parse_awaited("condition=available"), obj) is met


@pytest.mark.parametrize(
    ("text", "met"),
    [
        ("jsonpath={.status.replicas}=3", True),
        ("jsonpath={.status.replicas}=2", False),
        ("jsonpath={.status.replicas}", True),
        ("jsonpath={.status.missing}", False),
    ],
)
def test_a_value_is_compared_as_text(text, met):
    assert is_met(parse_awaited(text), {"status": {"replicas": 3}}) is met


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("30s", 30), ("1m30s", 90), ("500ms", 0.5), ("2h", 7200), ("45", 45), ("-1s", -1), ("0", 0)],
)
def test_durations_are_go_s(text, seconds):
    assert parse_duration_s(text) == seconds


@pytest.mark.parametrize("text", ["", "soon", "3 s", "1d"])
def test_what_is_no_duration_is_refused(text):
    with pytest.raises(UsageError, match="invalid duration"):
        parse_duration_s(text)
