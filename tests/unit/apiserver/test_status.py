"""What a status is written with."""

from __future__ import annotations

import msgspec
import pytest

from netemu.api.kinds import API_SERVICE, DEPLOYMENT, INGRESS, SERVICE
from netemu.testing import builders

MERGE = {"Content-Type": "application/merge-patch+json"}
DEFAULT = "/api/v1/namespaces/default"
INGRESSES = "/apis/networking.k8s.io/v1/namespaces/default/ingresses"
ADDRESS = {"loadBalancer": {"ingress": [{"ip": "203.0.113.1"}]}}
TOLD = {"metadata": {"annotations": {"told": "true"}, "labels": {"new": "label"}}}


async def patched(http, path, patch):
    answer = await http.request("PATCH", f"{path}/status", body=msgspec.json.encode(patch), headers=MERGE)
    assert answer.status == 200
    return msgspec.json.decode(answer.body)


@pytest.mark.parametrize(
    ("kind", "obj", "path", "mode"),
    [
        (SERVICE, builders.service("web", type="LoadBalancer"), f"{DEFAULT}/services/web", {"ipMode": "VIP"}),
        (INGRESS, builders.ingress("web"), f"{INGRESSES}/web", {}),
    ],
    ids=["service", "ingress"],
)
async def test_labels_and_annotations_are_taken_with_it(http, registry, kind, obj, path, mode):
    made = await registry.create(kind, obj)
    now = await patched(http, path, {**TOLD, "spec": {"type": "NodePort"}, "status": ADDRESS})

    assert now["status"] == {"loadBalancer": {"ingress": [{"ip": "203.0.113.1", **mode}]}}
    assert now["metadata"]["annotations"] == {"told": "true"}
    assert now["metadata"]["labels"]["new"] == "label"
    assert now["spec"] == made["spec"]


async def test_a_deployment_keeps_its_labels(http, registry):
    made = await registry.create(DEPLOYMENT, builders.deployment("web"))
    now = await patched(
        http, "/apis/apps/v1/namespaces/default/deployments/web", {**TOLD, "status": {"replicas": 1}}
    )

    assert now["metadata"].get("labels") == made["metadata"].get("labels")
    assert now["metadata"]["annotations"] == {"told": "true"}


async def test_some_kinds_take_nothing_but_the_status(http, registry):
    spec = {"group": "x.example", "version": "v1", "groupPriorityMinimum": 100, "versionPriority": 100}
    await registry.create(API_SERVICE, {"metadata": {"name": "v1.x.example"}, "spec": spec})
    now = await patched(http, "/apis/apiregistration.k8s.io/v1/apiservices/v1.x.example", TOLD)

    assert "annotations" not in now["metadata"]


async def test_a_label_that_cannot_be_is_refused_there_too(http, registry):
    await registry.create(SERVICE, builders.service("web"))
    body = msgspec.json.encode({"metadata": {"labels": {"-": "x"}}})
    answer = await http.request("PATCH", f"{DEFAULT}/services/web/status", body=body, headers=MERGE)

    assert answer.status == 422


async def test_a_status_that_cannot_be_is_refused_also_alone(http, registry):
    await registry.create(SERVICE, builders.service("web"))
    body = msgspec.json.encode({"status": ADDRESS})
    answer = await http.request("PATCH", f"{DEFAULT}/services/web/status", body=body, headers=MERGE)

    assert answer.status == 422
    assert b"status.loadBalancer.ingress: Forbidden" in answer.body


async def test_our_own_controllers_write_the_status_alone(registry):
    made = await registry.create(SERVICE, builders.service("web"))
    await registry.patch(SERVICE, "default", "web", {"metadata": {"annotations": {"a": "b"}}})
    old = {**made, "metadata": {**made["metadata"], "resourceVersion": ""}, "status": ADDRESS}
    now = await registry.update(SERVICE, old, subresource="status")

    assert (now["metadata"]["annotations"], now["status"]) == ({"a": "b"}, ADDRESS)
