"""Binding and scale."""

from __future__ import annotations

import pytest

from netemu.api.errors import BadRequestError, ConflictError, InvalidError
from netemu.api.kinds import CERTIFICATE_SIGNING_REQUEST, CSI_DRIVER, DEPLOYMENT, NODE, POD
from netemu.apiserver.subresources import render_selector
from netemu.apiserver.topologylabels import admit_topology


def binding(node="node-1", kind="Node"):
    return {"metadata": {"name": "p", "namespace": "default"}, "target": {"kind": kind, "name": node}}


@pytest.fixture
async def pod(registry):
    spec = {"containers": [{"name": "c", "image": "nginx"}]}
    return await registry.create(POD, {"metadata": {"name": "p", "namespace": "default"}, "spec": spec})


@pytest.fixture
async def deployment(registry):
    labels = {"app": "web"}
    spec = {"containers": [{"name": "c", "image": "nginx"}]}
    body = {
        "metadata": {"name": "web", "namespace": "default"},
        "spec": {
            "replicas": 2,
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": spec},
        },
    }
    return await registry.create(DEPLOYMENT, body)


async def test_an_approval_is_a_part_of_the_status(registry):
    spec = {"request": "eA==", "signerName": "example.com/x", "usages": ["server auth"]}
    await registry.create(CERTIFICATE_SIGNING_REQUEST, {"metadata": {"name": "c"}, "spec": spec})
    said = [{"type": "Approved", "status": "True", "reason": "e2e"}]
    patch = {"spec": {"signerName": "example.com/y"}, "status": {"conditions": said}}
    made = await registry.patch(CERTIFICATE_SIGNING_REQUEST, "", "c", patch, subresource="approval")

    assert made["status"]["conditions"] == said
    assert made["spec"]["signerName"] == "example.com/x"


async def test_a_driver_of_volumes_has_the_defaults_of_kubernetes(registry):
    made = await registry.create(CSI_DRIVER, {"metadata": {"name": "d"}, "spec": {"attachRequired": False}})

    assert made["spec"]["volumeLifecycleModes"] == ["Persistent"]
    assert (made["spec"]["attachRequired"], made["spec"]["podInfoOnMount"]) == (False, False)


async def test_binding_assigns_a_pod_to_a_node_and_says_so(registry, pod):
    bound = await registry.update(POD, binding(), subresource="binding")

    assert bound["spec"]["nodeName"] == "node-1"
    assert bound["metadata"]["generation"] == pod["metadata"]["generation"] == 1
    assert bound["status"]["conditions"] == [
        {"type": "PodScheduled", "status": "True", "lastTransitionTime": "2023-11-14T22:13:20Z"}
    ]


async def test_a_pod_is_told_where_its_node_is(registry, pod):
    where = {"topology.kubernetes.io/zone": "z", "topology.kubernetes.io/region": "r"}
    labels = {**where, "kubernetes.io/hostname": "node-1"}
    await registry.create(NODE, {"metadata": {"name": "node-1", "labels": labels}})
    more = {"metadata": {**binding()["metadata"], "annotations": {"why": "near"}}}
    bound = await registry.update(POD, {**binding(), **more}, subresource="binding")

    assert bound["metadata"]["labels"] == where
    assert bound["metadata"]["annotations"] == {"why": "near"}
    assert admit_topology(POD, {**pod, "spec": bound["spec"]}, registry.get)["metadata"]["labels"] == where


async def test_a_pod_is_bound_once(registry, pod):
    await registry.update(POD, binding(), subresource="binding")

    with pytest.raises(ConflictError) as caught:
        await registry.update(POD, binding("node-2"), subresource="binding")

    assert caught.value.message == (
        'Operation cannot be fulfilled on pods/binding "p": pod p is already assigned to node "node-1"'
    )


async def test_a_pod_that_goes_away_is_not_bound(registry, pod):
    await registry.patch(POD, "default", "p", {"metadata": {"finalizers": ["example.com/hold"]}})
    await registry.delete(POD, "default", "p")

    with pytest.raises(ConflictError, match="is being deleted, cannot be assigned to a host"):
        await registry.update(POD, binding(), subresource="binding")


@pytest.mark.parametrize("body", [binding(""), binding("x", "Pod")], ids=["no-name", "no-node"])
async def test_a_binding_names_a_node(registry, pod, body):
    with pytest.raises(InvalidError, match=r"target\.name: Required value"):
        await registry.update(POD, body, subresource="binding")


async def test_a_scale_shows_replicas_and_selector(registry, deployment):
    scale = registry.get(DEPLOYMENT, "default", "web", subresource="scale")

    assert scale["kind"] == "Scale"
    assert scale["spec"] == {"replicas": 2}
    assert scale["status"] == {"replicas": 0, "selector": "app=web"}


async def test_scaling_changes_replicas_and_generation(registry, deployment):
    scale = registry.get(DEPLOYMENT, "default", "web", subresource="scale")
    answered = await registry.update(DEPLOYMENT, {**scale, "spec": {"replicas": 5}}, subresource="scale")
    scaled = registry.get(DEPLOYMENT, "default", "web")

    assert answered["spec"] == {"replicas": 5}
    assert scaled["spec"]["replicas"] == 5
    assert scaled["metadata"]["generation"] == 2
    assert scaled["spec"]["template"] == deployment["spec"]["template"]


async def test_a_scale_can_be_patched(registry, deployment):
    answered = await registry.patch(
        DEPLOYMENT, "default", "web", {"spec": {"replicas": 0}}, subresource="scale"
    )

    assert answered["spec"] == {"replicas": 0}


async def test_an_older_scale_is_a_conflict(registry, deployment):
    scale = registry.get(DEPLOYMENT, "default", "web", subresource="scale")
    await registry.update(DEPLOYMENT, {**scale, "spec": {"replicas": 5}}, subresource="scale")

    with pytest.raises(ConflictError):
        await registry.update(DEPLOYMENT, {**scale, "spec": {"replicas": 6}}, subresource="scale")


@pytest.mark.parametrize(
    ("replicas", "error", "words"),
    [
        (-1, InvalidError, r"spec\.replicas: Invalid value"),
        ("3", BadRequestError, r"string into Go struct field ScaleSpec\.spec\.replicas of type int32"),
        (True, BadRequestError, "cannot unmarshal bool"),
        (1.5, BadRequestError, r"cannot unmarshal number 1\.5"),
    ],
)
async def test_replicas_is_a_number_that_can_be(registry, deployment, replicas, error, words):
    with pytest.raises(error, match=words):
        await registry.patch(
            DEPLOYMENT, "default", "web", {"spec": {"replicas": replicas}}, subresource="scale"
        )


def test_a_selector_is_written_as_kubectl_takes_it():
    selector = {
        "matchLabels": {"b": "2", "a": "1"},
        "matchExpressions": [
            {"key": "c", "operator": "In", "values": ["y", "x"]},
            {"key": "d", "operator": "NotIn", "values": ["z"]},
            {"key": "e", "operator": "Exists"},
            {"key": "f", "operator": "DoesNotExist"},
        ],
    }

    assert render_selector(selector) == "a=1,b=2,c in (x,y),d notin (z),e,!f"
