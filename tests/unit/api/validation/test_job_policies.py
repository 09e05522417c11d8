"""Policies of Jobs that make no sense are refused where they are wrong."""

from __future__ import annotations

import pytest

from netemu.api.validation.job_policies import check_job_policies

INDEXED = {"completionMode": "Indexed", "completions": 3}
POD = {"template": {"spec": {"restartPolicy": "Never", "containers": [{"name": "c"}]}}}
IN_42 = {"operator": "In", "values": [42]}


def rules(*given, **spec):
    return {**POD, "podFailurePolicy": {"rules": list(given)}, **spec}


@pytest.mark.parametrize(
    "spec",
    [
        pytest.param({**INDEXED, "backoffLimitPerIndex": 1, "maxFailedIndexes": 2}, id="limits"),
        pytest.param(rules({"action": "FailJob", "onExitCodes": IN_42}), id="exit-code"),
        pytest.param(
            rules({"action": "Ignore", "onPodConditions": [{"type": "DisruptionTarget"}]}), id="condition"
        ),
        pytest.param(
            rules({"action": "FailIndex", "onExitCodes": IN_42}, **INDEXED, backoffLimitPerIndex=1),
            id="index",
        ),
        pytest.param({**INDEXED, "successPolicy": {"rules": [{"succeededIndexes": "0-1"}]}}, id="success"),
        pytest.param({"podReplacementPolicy": "TerminatingOrFailed"}, id="replacement"),
    ],
)
def test_what_makes_sense_is_taken(spec):
    assert list(check_job_policies(spec, "spec")) == []


@pytest.mark.parametrize(
    ("spec", "field"),
    [
        pytest.param({"backoffLimitPerIndex": 1}, "backoffLimitPerIndex", id="not-indexed"),
        pytest.param({**INDEXED, "maxFailedIndexes": 1}, "backoffLimitPerIndex", id="no-limit"),
        pytest.param(
            {**INDEXED, "backoffLimitPerIndex": 1, "maxFailedIndexes": 4}, "maxFailedIndexes", id="too-many"
        ),
        pytest.param(
            rules({"action": "Explode", "onExitCodes": IN_42}),
            "podFailurePolicy.rules[0].action",
            id="action",
        ),
        pytest.param(
            rules({"action": "FailIndex", "onExitCodes": IN_42}),
            "podFailurePolicy.rules[0].action",
            id="index-without-limit",
        ),
        pytest.param(rules({"action": "Count"}), "podFailurePolicy.rules[0]", id="neither"),
        pytest.param(
            rules({"action": "Count", "onExitCodes": IN_42, "onPodConditions": [{"type": "T"}]}),
            "podFailurePolicy.rules[0]",
            id="both",
        ),
        pytest.param(
            rules({"action": "Count", "onExitCodes": {"operator": "In", "values": [0]}}),
            "podFailurePolicy.rules[0].onExitCodes.values[0]",
            id="zero",
        ),
        pytest.param(
            rules({"action": "Count", "onExitCodes": {"operator": "In", "values": [3, 2]}}),
            "podFailurePolicy.rules[0].onExitCodes.values",
            id="order",
        ),
        pytest.param(
            rules({"action": "Count", "onExitCodes": {**IN_42, "containerName": "x"}}),
            "podFailurePolicy.rules[0].onExitCodes.containerName",
            id="container",
        ),
        pytest.param(
            rules(podReplacementPolicy="TerminatingOrFailed"), "podReplacementPolicy", id="replacement"
        ),
        pytest.param({"successPolicy": {"rules": [{"succeededCount": 1}]}}, "successPolicy", id="success"),
        pytest.param({**INDEXED, "successPolicy": {}}, "successPolicy.rules", id="no-rules"),
        pytest.param(
            {**INDEXED, "successPolicy": {"rules": [{}]}}, "successPolicy.rules[0]", id="empty-rule"
        ),
        *(
            pytest.param(
                {**INDEXED, "successPolicy": {"rules": [{"succeededIndexes": text}]}},
                "successPolicy.rules[0].succeededIndexes",
                id=f"indexes-{text}",
            )
            for text in ("", "x", "1,1", "2-1", "0-3", "1-2-3")
        ),
        pytest.param(
            {**INDEXED, "successPolicy": {"rules": [{"succeededCount": 9}]}},
            "successPolicy.rules[0].succeededCount",
            id="count",
        ),
    ],
)
def test_what_makes_none_is_refused_where_it_is_wrong(spec, field):
    assert [cause.field for cause in check_job_policies(spec, "spec")] == [f"spec.{field}"]


def test_failures_can_only_be_judged_where_pods_are_not_restarted():
    template = {"spec": {"restartPolicy": "OnFailure", "containers": [{"name": "c"}]}}
    spec = rules({"action": "Count", "onExitCodes": IN_42}, template=template)

    (cause,) = check_job_policies(spec, "spec")
    assert cause.field == "spec.template.spec.restartPolicy"
