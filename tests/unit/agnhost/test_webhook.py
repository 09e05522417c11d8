"""Webhooks of Kubernetes' tests: what they allow, refuse, change and convert."""

from __future__ import annotations

import asyncio
import inspect
import json
from base64 import b64decode

import pytest

from netemu.agnhost import conversion, webhook
from netemu.agnhost.model import Address, Request, Setting
from netemu.testing.surroundings import FakeSurroundings

JSON = (("Content-Type", "application/json"),)
FILES = ("--tls-cert-file=/webhook.local.config/certificates/tls.crt", "--tls-private-key-file=/k", "-v=4")


def listener(build, *args):
    (made,) = build(Setting((*FILES, *args), {}, "webhook"), FakeSurroundings())
    return made


async def ask(made, path, document, headers=JSON):
    body = json.dumps(document).encode()
    request = Request("POST", path, headers, client=Address("10.0.0.1", 1), body=body)
    answer = made.service.answer(request)
    return await answer if inspect.isawaitable(answer) else answer


async def decided(path, *args, **request):
    review = {
        "kind": "AdmissionReview",
        "apiVersion": "admission.k8s.io/v1",
        "request": {"uid": "u", **request},
    }
    answer = json.loads((await ask(listener(webhook.build, *args), path, review)).body)
    response = answer.pop("response")
    assert answer == {"kind": "AdmissionReview", "apiVersion": "admission.k8s.io/v1"}
    assert response.pop("uid") == "u"
    patch = response.pop("patch", None)
    if patch is not None:
        assert response.pop("patchType") == "JSONPatch"
    return response, json.loads(b64decode(patch)) if patch is not None else None


def pod(*names, label="", init=(), name="p"):
    containers = [{"name": each} for each in names]
    spec = {"containers": containers, "initContainers": [{"name": each} for each in init]}
    return {"metadata": {"name": name, "labels": {"webhook-e2e-test": label}}, "spec": spec}


def data(**values):
    return {"metadata": {}, "data": {key.replace("_", "-"): value for key, value in values.items()}}


@pytest.mark.parametrize(
    ("path", "request_", "said"),
    [
        ("/always-deny", {}, {"message": "this webhook denies all requests"}),
        ("/pods", {"object": pod("c")}, None),
        (
            "/pods",
            {"object": pod("a-webhook-disallow", label="webhook-disallow")},
            {"message": "the pod contains unwanted label; the pod contains unwanted container name;"},
        ),
        (
            "/pods/attach",
            {
                "name": "to-be-attached-pod",
                "subResource": "attach",
                "object": {"stdin": True, "container": "container1"},
            },
            {"message": "attaching to pod 'to-be-attached-pod' is not allowed"},
        ),
        ("/pods/attach", {"name": "other", "subResource": "attach", "object": {"stdin": True}}, None),
        (
            "/configmaps",
            {"operation": "UPDATE", "object": data(webhook_e2e_test="webhook-disallow")},
            {"reason": "the configmap contains unwanted key and value"},
        ),
        (
            "/custom-resource",
            {
                "operation": "DELETE",
                "object": None,
                "oldObject": data(webhook_e2e_test="webhook-nondeletable"),
            },
            {"reason": "the custom resource cannot be deleted because it contains unwanted key and value"},
        ),
        (
            "/configmaps",
            {"operation": "DELETE", "oldObject": data(webhook_e2e_test="webhook-disallow")},
            None,
        ),
        (
            "/crd",
            {"object": {"metadata": {"labels": {"webhook-e2e-test": "webhook-disallow"}}}},
            {"message": "the crd contains unwanted label"},
        ),
        ("/crd", {"object": {"metadata": {}}}, None),
        (
            "/mutating-pods-sidecar",
            {"object": pod("c")},
            {
                "status": "Failure",
                "message": "No image specified by the sidecar-image parameter",
                "code": 500,
            },
        ),
    ],
)
async def test_writes_are_allowed_and_refused(path, request_, said):
    response, _ = await decided(path, **request_)

    assert response == (
        {"allowed": True} if said is None else {"allowed": False, "status": {"metadata": {}, **said}}
    )


@pytest.mark.parametrize(
    ("path", "obj", "patch"),
    [
        ("/add-label", {"metadata": {}}, ("add", "/metadata/labels", {"added-label": "yes"})),
        ("/add-label", {"metadata": {"labels": {"a": "b"}}}, ("add", "/metadata/labels/added-label", "yes")),
        (
            "/add-label",
            {"metadata": {"labels": {"added-label": "no"}}},
            ("replace", "/metadata/labels/added-label", "yes"),
        ),
        ("/add-label", {"metadata": {"labels": {"added-label": "yes"}}}, None),
        ("/mutating-configmaps", data(mutation_start="yes"), ("add", "/data/mutation-stage-1", "yes")),
        (
            "/mutating-custom-resource",
            data(mutation_start="yes", mutation_stage_1="yes"),
            ("add", "/data/mutation-stage-2", "yes"),
        ),
        ("/mutating-configmaps", data(), None),
        (
            "/mutating-pods",
            pod("c", name="webhook-to-be-mutated"),
            (
                "add",
                "/spec/initContainers",
                [{"image": "webhook-added-image", "name": "webhook-added-init-container", "resources": {}}],
            ),
        ),
        (
            "/mutating-pods",
            pod("c", name="webhook-to-be-mutated", init=["webhook-added-init-container"]),
            None,
        ),
        (
            "/mutating-pods-sidecar",
            pod("c"),
            (
                "add",
                "/spec/containers/-",
                {"image": "side", "name": "webhook-added-sidecar", "resources": {}},
            ),
        ),
        ("/mutating-pods-sidecar", pod("webhook-added-sidecar"), None),
    ],
)
async def test_objects_are_changed(path, obj, patch):
    _, found = await decided(path, "--sidecar-image=side", object=obj)
    expected = [dict(zip(("op", "path", "value"), patch, strict=True))] if patch is not None else None

    assert found == expected


async def test_one_webhook_is_slow_and_one_never_answers(monkeypatch):
    monkeypatch.setattr(webhook, "DELAY_S", 0.0)
    response, _ = await decided("/always-allow-delay-5s")

    assert response["allowed"]
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.01):
            await decided("/pods", object=pod("c", label="wait-forever"))


async def test_it_listens_with_the_files_that_it_is_given():
    made = listener(webhook.build, "--port=8444")

    assert (made.number, made.service.certificate, made.service.key) == (
        8444,
        "/webhook.local.config/certificates/tls.crt",
        "/k",
    )
    assert (await ask(made, "/readyz", {})).body == b"ok"
    assert (await ask(made, "/none", {})).status == 404
    assert (await ask(made, "/pods", {}, headers=())).body == b""
    assert (await ask(made, "/pods", {})).status == 400


async def convert(wanted, *objects):
    request = {"uid": "u", "desiredAPIVersion": f"stable.example.com/{wanted}", "objects": list(objects)}
    answer = await ask(
        listener(conversion.build), "/crdconvert", {"kind": "ConversionReview", "request": request}
    )
    return json.loads(answer.body)["response"]


def toy(version, **fields):
    return {"apiVersion": f"stable.example.com/{version}", "kind": "Toy", **fields}


async def test_objects_are_converted_there_and_back():
    there = await convert("v2", toy("v1", hostPort="h:1"), toy("v1"))
    back = await convert("v1", toy("v2", host="h", port="1"))

    assert there["convertedObjects"] == [toy("v2", host="h", port="1"), toy("v2")]
    assert back["convertedObjects"] == [toy("v1", hostPort="h:1")]
    assert there["result"]["status"] == "Success"


@pytest.mark.parametrize(
    ("wanted", "obj", "said"),
    [
        ("v2", toy("v1", hostPort="h"), "invalid hostPort value `h`"),
        ("v3", toy("v1"), 'unexpected conversion version "stable.example.com/v3"'),
        (
            "v1",
            toy("v1"),
            "conversion from a version to itself should not call the webhook: stable.example.com/v1",
        ),
    ],
)
async def test_what_cannot_be_converted_says_why(wanted, obj, said):
    result = (await convert(wanted, obj))["result"]

    assert (result["status"], result["message"]) == ("Failure", said)


async def test_the_converter_is_ready_and_knows_its_path():
    made = listener(conversion.build)

    assert (await ask(made, "/readyz", {})).body == b"ok"
    assert (await ask(made, "/", {})).status == 404
    assert (await ask(made, "/crdconvert", {})).status == 400
