"""Objects that leave out what others read, or have something else there: refused, or as good as empty."""

from __future__ import annotations

import msgspec
import pytest

from netemu.api.kinds import LIMIT_RANGE, PRIORITY_CLASS

JSON, MERGE = "application/json", "application/merge-patch+json"
PODS = "/api/v1/namespaces/default/pods"
CLAIMS = "/api/v1/namespaces/default/persistentvolumeclaims"
JOBS = "/apis/batch/v1/namespaces/default/jobs"
SCALERS = "/apis/autoscaling/v1/namespaces/default/horizontalpodautoscalers"
SELECTOR = {"matchExpressions": [{"key": "a", "operator": "Like"}]}
CONTAINERS = [{"name": "c", "image": "i"}]


async def answer(http, path, method="POST", content_type=JSON, **body):
    headers = {"Content-Type": content_type}
    body = msgspec.json.encode({"metadata": {"name": "x"}, **body})
    return (await http.request(method, path, body=body, headers=headers)).status


@pytest.mark.parametrize("limits", [{}, {"limits": []}, {"limits": [{}]}], ids=str)
@pytest.mark.parametrize(("path", "spec"), [(PODS, {}), (PODS, {"containers": CONTAINERS}), (CLAIMS, {})])
async def test_a_range_may_limit_nothing(registry, http, limits, path, spec):
    await registry.create(LIMIT_RANGE, {"metadata": {"name": "l"}, "spec": limits}, namespace="default")

    assert await answer(http, path, spec=spec) < 500


async def test_a_class_may_have_no_value(registry, http):
    await registry.create(PRIORITY_CLASS, {"metadata": {"name": "p"}, "globalDefault": True})

    assert await answer(http, PODS, spec={"containers": CONTAINERS}) == 201


async def test_a_job_may_select_nonsense(http):
    template = {"spec": {"containers": CONTAINERS, "restartPolicy": "Never"}}
    spec = {"template": template, "selector": SELECTOR, "manualSelector": True}

    assert await answer(http, JOBS, spec=spec) == 422


@pytest.mark.parametrize(
    "body",
    [
        {"spec": 5},
        {"spec": [["a"]]},
        {"status": [1]},
        {"metadata": {"name": "x", "annotations": ["a"]}},
        {"metadata": {"name": "x", "annotations": {"autoscaling.alpha.kubernetes.io/metrics": 5}}},
    ],
    ids=str,
)
async def test_an_old_autoscaler_may_be_none(http, body):
    target = {"kind": "Deployment", "name": "d"}
    made = await answer(http, SCALERS, spec={"scaleTargetRef": target, "maxReplicas": 2})

    assert made == 201
    assert await answer(http, SCALERS, **body) == 400
    assert await answer(http, f"{SCALERS}/x", "PATCH", MERGE, **body) < 500
