"""HorizontalPodAutoscalers are the same in both versions."""

from __future__ import annotations

import pytest

from netemu.api.kinds import HORIZONTAL_POD_AUTOSCALER, HORIZONTAL_POD_AUTOSCALER_V1
from netemu.apiserver.autoscaling import as_v1, as_v2
from netemu.apiserver.tables import table
from netemu.apiserver.versions import version_of

CPU = {
    "type": "Resource",
    "resource": {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 50}},
}
MEMORY = {
    "type": "Resource",
    "resource": {"name": "memory", "target": {"type": "AverageValue", "averageValue": "1Gi"}},
}


def v2(*metrics, **spec):
    return {
        "apiVersion": "autoscaling/v2",
        "kind": "HorizontalPodAutoscaler",
        "metadata": {"name": "web", "annotations": {"a": "b"}},
        "spec": {"minReplicas": 1, "maxReplicas": 3, "metrics": list(metrics), **spec},
    }


def test_the_share_of_the_processor_is_a_field_of_its_own():
    shown = as_v1(v2(CPU))

    assert shown["apiVersion"] == "autoscaling/v1"
    assert shown["spec"] == {"minReplicas": 1, "maxReplicas": 3, "targetCPUUtilizationPercentage": 50}
    assert shown["metadata"]["annotations"] == {"a": "b"}


@pytest.mark.parametrize(
    "obj",
    [
        pytest.param(v2(CPU), id="cpu"),
        pytest.param(v2(CPU, MEMORY), id="memory-too"),
        pytest.param(v2(CPU, behavior={"scaleDown": {"stabilizationWindowSeconds": 5}}), id="behavior"),
    ],
)
def test_nothing_gets_lost_on_the_way_there_and_back(obj):
    assert as_v2(as_v1(obj)) == obj


def test_a_patch_says_only_what_it_changes():
    assert as_v2({"spec": {"targetCPUUtilizationPercentage": 50}}) == {"spec": {"metrics": [CPU]}}
    assert as_v2({"spec": {"maxReplicas": 4}}) == {"spec": {"maxReplicas": 4}}


def test_an_unreadable_annotation_says_nothing():
    obj = as_v1(v2(CPU))
    obj["metadata"]["annotations"]["autoscaling.alpha.kubernetes.io/metrics"] = "["

    assert as_v2(obj) == v2(CPU)


def test_both_versions_are_stored_as_one():
    version = version_of(HORIZONTAL_POD_AUTOSCALER_V1)

    assert version.stored is HORIZONTAL_POD_AUTOSCALER
    assert HORIZONTAL_POD_AUTOSCALER_V1.key == HORIZONTAL_POD_AUTOSCALER.key


def test_both_versions_are_printed_alike():
    obj = v2(CPU, scaleTargetRef={"kind": "Deployment", "name": "web"})

    (new,) = table(HORIZONTAL_POD_AUTOSCALER, [obj], 0.0, "None")["rows"]
    (old,) = table(HORIZONTAL_POD_AUTOSCALER_V1, [as_v1(obj)], 0.0, "None")["rows"]

    assert new == old
    assert new["cells"][2] == "cpu: <unknown>/50%"
