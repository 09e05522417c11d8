"""What LimitRanges fill in and refuse, and what RuntimeClasses add."""

from __future__ import annotations

import pytest

from netemu.api.errors import ForbiddenError, NotFoundError
from netemu.api.kinds import PERSISTENT_VOLUME_CLAIM, POD
from netemu.apiserver.limitranges import ANNOTATION, LimitRangeAdmission
from netemu.apiserver.runtimeclasses import admit_runtime_class


def pod(*, requests=None, limits=None, **spec):
    resources = {"requests": requests or {}, "limits": limits or {}}
    meta = {"name": "web", "namespace": "default"}
    return {"metadata": meta, "spec": {"containers": [{"name": "c", "resources": resources}], **spec}}


def admitted(kind, obj, **limit):
    item = {"type": "Container", **limit}
    return LimitRangeAdmission(lambda _namespace: [{"spec": {"limits": [item]}}])(kind, obj, lambda *_: {})


def test_a_container_that_says_nothing_gets_the_defaults_and_a_note_of_it():
    made = admitted(POD, pod(), default={"cpu": "1", "memory": "1Gi"}, defaultRequest={"cpu": "100m"})

    resources = {"requests": {"cpu": "100m"}, "limits": {"cpu": "1", "memory": "1Gi"}}
    assert made["spec"]["containers"][0]["resources"] == resources
    assert made["metadata"]["annotations"][ANNOTATION] == (
        "LimitRanger plugin set: cpu request for container c; cpu, memory limit for container c"
    )


def test_what_a_container_says_stays():
    given = pod(requests={"cpu": "1"}, limits={"cpu": "2"})

    assert admitted(POD, given, default={"cpu": "5"}, defaultRequest={"cpu": "4"}) == given


@pytest.mark.parametrize(
    ("given", "limit", "why"),
    [
        ({"requests": {"cpu": "10m"}}, {"min": {"cpu": "50m"}},
         "minimum cpu usage per Container is 50m, but request is 10m"),
        ({}, {"min": {"cpu": "50m"}}, "minimum cpu usage per Container is 50m.  No request is specified"),
        ({"requests": {"cpu": "1"}, "limits": {"cpu": "2"}}, {"max": {"cpu": "1"}},
         "maximum cpu usage per Container is 1, but limit is 2"),
        ({}, {"max": {"cpu": "1"}}, "maximum cpu usage per Container is 1.  No limit is specified"),
        ({"requests": {"cpu": "1"}, "limits": {"cpu": "3"}}, {"maxLimitRequestRatio": {"cpu": "2"}},
         "cpu max limit to request ratio per Container is 2, but provided ratio is 3.000000"),
        ({"limits": {"cpu": "2"}, "requests": {"cpu": "2"}}, {"type": "Pod", "max": {"cpu": "1500m"}},
         "maximum cpu usage per Pod is 1500m, but limit is 2"),
    ],
)  # fmt: skip
def test_a_pod_outside_of_a_range_is_refused_in_kubernetes_words(given, limit, why):
    with pytest.raises(ForbiddenError) as caught:
        admitted(POD, pod(**given), **limit)
    assert caught.value.message == f'pods "web" is forbidden: {why}'


def test_a_claim_that_is_too_small_is_refused():
    claim = {"metadata": {"name": "data", "namespace": "default"}, "spec": {
        "resources": {"requests": {"storage": "1Mi"}}}}  # fmt: skip

    with pytest.raises(ForbiddenError, match="minimum storage usage per PersistentVolumeClaim is 1Gi"):
        admitted(PERSISTENT_VOLUME_CLAIM, claim, type="PersistentVolumeClaim", min={"storage": "1Gi"})


def test_a_runtime_class_adds_its_overhead_and_place():
    chosen = {
        "overhead": {"podFixed": {"cpu": "10m"}},
        "scheduling": {"nodeSelector": {"a": "b"}, "tolerations": [{"key": "x"}]},
    }
    spec = admit_runtime_class(POD, pod(runtimeClassName="r"), lambda *_: chosen)["spec"]

    assert (spec["overhead"], spec["nodeSelector"]) == ({"cpu": "10m"}, {"a": "b"})
    assert spec["tolerations"] == [{"key": "x"}]


def missing(*_):
    raise NotFoundError("no")


@pytest.mark.parametrize(
    ("spec", "find", "why"),
    [
        ({"runtimeClassName": "r"}, missing, 'pod rejected: RuntimeClass "r" not found'),
        ({"overhead": {"cpu": "1"}}, missing, "Pod Overhead set without corresponding RuntimeClass"),
        ({"runtimeClassName": "r", "overhead": {"cpu": "1"}}, lambda *_: {}, "doesn't match"),
        (
            {"runtimeClassName": "r", "nodeSelector": {"a": "c"}},
            lambda *_: {"scheduling": {"nodeSelector": {"a": "b"}}},
            "conflict: runtimeClass.scheduling.nodeSelector",
        ),
    ],
)
def test_a_pod_that_its_runtime_class_contradicts_is_refused(spec, find, why):
    with pytest.raises(ForbiddenError, match=why):
        admit_runtime_class(POD, pod(**spec), find)
