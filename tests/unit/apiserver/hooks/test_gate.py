"""Writes that webhooks change, refuse or let pass."""

from __future__ import annotations

from base64 import b64encode

import msgspec
import pytest

from netemu.api.errors import ApiError, DecidedElsewhereError
from netemu.api.kinds import (
    CONFIG_MAP,
    CUSTOM_RESOURCE_DEFINITION,
    DEPLOYMENT,
    LEASE,
    MUTATING_WEBHOOK_CONFIGURATION,
    NAMESPACE,
    POD,
    VALIDATING_WEBHOOK_CONFIGURATION,
)
from netemu.apiserver.auth.user import User
from netemu.apiserver.hooks.attempt import Caller, connection_of
from netemu.apiserver.hooks.target import CallError
from netemu.apiserver.options import DeleteOptions, WriteOptions

CONFIG_MAPS = {"apiGroups": [""], "apiVersions": ["v1"], "resources": ["configmaps"], "operations": ["*"]}


def hook(name="a.example.com", *, path="/a", rules=(CONFIG_MAPS,), **more):
    return {
        "name": name,
        "clientConfig": {"service": {"namespace": "default", "name": "hooks", "path": path}},
        "rules": list(rules),
        "admissionReviewVersions": ["v1"],
        "sideEffects": "None",
        **more,
    }


async def configure(registry, kind, *hooks):
    await registry.create(kind, {"metadata": {"name": "hooks"}, "webhooks": list(hooks)})


def patch(*operations):
    encoded = b64encode(msgspec.json.encode(list(operations))).decode()
    return {"patchType": "JSONPatch", "patch": encoded}


def adding(key, value="yes"):
    return patch({"op": "add", "path": f"/data/{key}", "value": value})


def config_map(name="c", **data):
    return {"metadata": {"name": name, "namespace": "default"}, "data": {"given": "1", **data}}


async def test_a_webhook_refuses_in_its_own_words(registry, webhooks):
    await configure(registry, VALIDATING_WEBHOOK_CONFIGURATION, hook())
    webhooks.answers["/a"] = lambda request: {
        "allowed": False,
        "status": {"message": "no way", "code": 403, "reason": "Forbidden"},
    }

    with pytest.raises(DecidedElsewhereError) as caught:
        await registry.create(CONFIG_MAP, config_map())

    assert caught.value.message == 'admission webhook "a.example.com" denied the request: no way'
    assert (caught.value.http_status, caught.value.reason) == (403, "Forbidden")


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        (None, ("denied the request without explanation", 400, "")),
        ({"reason": "Gone"}, ("denied the request: Gone", 400, "Gone")),
        ({"code": 200}, ("denied the request without explanation", 400, "")),
    ],
)
async def test_a_refusal_without_much_of_a_reason_is_one_all_the_same(registry, webhooks, status, expected):
    await configure(registry, VALIDATING_WEBHOOK_CONFIGURATION, hook())
    webhooks.answers["/a"] = lambda request: {"allowed": False, "status": status}

    with pytest.raises(DecidedElsewhereError) as caught:
        await registry.create(CONFIG_MAP, config_map())

    said = caught.value.message.removeprefix('admission webhook "a.example.com" ')
    assert (said, caught.value.http_status, caught.value.reason) == expected


async def test_webhooks_change_an_object_one_after_the_other(registry, webhooks):
    again = hook("b.example.com", path="/b", reinvocationPolicy="IfNeeded")
    await configure(registry, MUTATING_WEBHOOK_CONFIGURATION, again, hook("c.example.com", path="/c"))
    webhooks.answers["/b"] = lambda request: adding(f"b{len(request['object']['data'])}")
    webhooks.answers["/c"] = lambda request: adding("c")

    made = await registry.create(CONFIG_MAP, config_map())

    assert made["data"] == {"given": "1", "b1": "yes", "c": "yes", "b3": "yes"}


async def test_what_a_webhook_makes_is_completed_and_checked(registry, webhooks):
    pods = {**CONFIG_MAPS, "resources": ["pods"]}
    await configure(registry, MUTATING_WEBHOOK_CONFIGURATION, hook(rules=(pods,)))
    container = {"name": "side", "image": "side"}
    webhooks.answers["/a"] = lambda request: patch(
        {"op": "add", "path": "/spec/initContainers", "value": [container]}
    )
    pod = {"metadata": {"name": "p"}, "spec": {"containers": [{"name": "c", "image": "nginx"}]}}

    made = await registry.create(POD, pod, namespace="default")

    assert made["spec"]["initContainers"][0]["terminationMessagePath"] == "/dev/termination-log"


async def test_what_a_webhook_adds_and_the_schema_does_not_know_is_dropped(registry, webhooks):
    pods = {**CONFIG_MAPS, "resources": ["pods"]}
    await configure(registry, MUTATING_WEBHOOK_CONFIGURATION, hook(rules=(pods,)))
    webhooks.answers["/a"] = lambda request: patch(
        {"op": "add", "path": "/spec/hostname", "value": "known"},
        {"op": "add", "path": "/spec/colour", "value": "unknown"},
    )
    pod = {"metadata": {"name": "p"}, "spec": {"containers": [{"name": "c", "image": "nginx"}]}}

    made = await registry.create(POD, pod, namespace="default")

    assert made["spec"]["hostname"] == "known"
    assert "colour" not in made["spec"]


async def test_a_webhook_learns_what_is_done_by_whom(registry, webhooks):
    await configure(registry, VALIDATING_WEBHOOK_CONFIGURATION, hook())
    webhooks.answers["/a"] = lambda request: {"warnings": ["mind the gap"]}
    caller = Caller(User(name="jane", groups=("devs",)), CONFIG_MAP)
    options = WriteOptions(manager="kubectl", caller=caller)

    made = await registry.create(CONFIG_MAP, config_map(), options=options)
    await registry.patch(CONFIG_MAP, "default", "c", {"data": {"given": "2"}})
    await registry.delete(CONFIG_MAP, "default", "c", DeleteOptions(), caller)

    requests = [request for _, request in webhooks.asked]
    assert [request["operation"] for request in requests] == ["CREATE", "UPDATE", "DELETE"]
    assert requests[0]["userInfo"] == {"username": "jane", "groups": ["devs"]}
    assert requests[0]["resource"] == {"group": "", "version": "v1", "resource": "configmaps"}
    assert requests[0]["options"]["fieldManager"] == "kubectl"
    assert (requests[0]["oldObject"], requests[0]["object"]["data"]) == (None, {"given": "1"})
    assert requests[1]["oldObject"]["metadata"]["uid"] == made["metadata"]["uid"]
    assert (requests[2]["object"], requests[2]["oldObject"]["data"]) == (None, {"given": "2"})
    assert caller.warnings == ["mind the gap"] * 2


@pytest.mark.parametrize(
    ("policy", "error"),
    [
        pytest.param("Ignore", None, id="ignored"),
        pytest.param(
            "Fail",
            'Internal error occurred: failed calling webhook "a.example.com": failed to call webhook: x',
            id="fatal",
        ),
    ],
)
async def test_a_webhook_that_cannot_be_asked_counts_as_its_policy_says(registry, webhooks, policy, error):
    await configure(registry, VALIDATING_WEBHOOK_CONFIGURATION, hook(failurePolicy=policy))
    webhooks.answers["/a"] = lambda request: CallError("failed to call webhook: x")

    said = None
    try:
        await registry.create(CONFIG_MAP, config_map())
    except ApiError as err:
        said = err.message

    assert said == error


@pytest.mark.parametrize(
    ("more", "is_asked"),
    [
        pytest.param({}, True, id="plain"),
        pytest.param({"namespaceSelector": {"matchLabels": {"team": "a"}}}, True, id="namespace"),
        pytest.param({"namespaceSelector": {"matchLabels": {"team": "b"}}}, False, id="other-namespace"),
        pytest.param({"objectSelector": {"matchLabels": {"app": "x"}}}, True, id="object"),
        pytest.param(
            {"objectSelector": {"matchExpressions": [{"key": "app", "operator": "DoesNotExist"}]}},
            False,
            id="other-object",
        ),
        pytest.param(
            {"matchConditions": [{"name": "a", "expression": "object.metadata.name == 'c'"}]},
            True,
            id="condition",
        ),
        pytest.param(
            {"matchConditions": [{"name": "a", "expression": "request.userInfo.username == 'jane'"}]},
            False,
            id="other-condition",
        ),
        pytest.param({"rules": [{**CONFIG_MAPS, "operations": ["DELETE"]}]}, False, id="operation"),
        pytest.param({"rules": [{**CONFIG_MAPS, "scope": "Cluster"}]}, False, id="scope"),
        pytest.param({"rules": [{**CONFIG_MAPS, "resources": ["*/status"]}]}, False, id="subresource"),
        pytest.param({"rules": [{**CONFIG_MAPS, "resources": ["*/*"], "apiGroups": ["*"]}]}, True, id="all"),
    ],
)
async def test_a_webhook_is_asked_about_what_it_wants(registry, webhooks, more, is_asked):
    await registry.patch(NAMESPACE, "", "default", {"metadata": {"labels": {"team": "a"}}})
    await configure(registry, VALIDATING_WEBHOOK_CONFIGURATION, {**hook(), **more})
    webhooks.answers["/a"] = lambda request: {}
    obj = config_map()

    await registry.create(CONFIG_MAP, {**obj, "metadata": {**obj["metadata"], "labels": {"app": "x"}}})

    assert bool(webhooks.asked) == is_asked


async def test_nobody_is_asked_about_those_who_are_asked(registry, webhooks):
    everything = {"apiGroups": ["*"], "apiVersions": ["*"], "resources": ["*/*"], "operations": ["*"]}
    await configure(registry, VALIDATING_WEBHOOK_CONFIGURATION, hook(rules=(everything,)))
    await registry.delete(VALIDATING_WEBHOOK_CONFIGURATION, "", "hooks")

    assert webhooks.asked == []
    assert registry.gate.is_open_to(CONFIG_MAP)


async def test_what_a_cluster_notes_about_itself_needs_no_webhook(registry, webhooks):
    everything = {"apiGroups": ["*"], "apiVersions": ["*"], "resources": ["*/*"], "operations": ["*"]}
    await configure(registry, VALIDATING_WEBHOOK_CONFIGURATION, hook(rules=(everything,)))
    webhooks.answers["/a"] = lambda request: {}

    await registry.create(LEASE, {"metadata": {"name": "node-1"}}, namespace="default")
    await registry.patch(NAMESPACE, "", "default", {"status": {"phase": "Active"}}, subresource="status")
    options = WriteOptions(caller=Caller(User(name="jane")))
    await registry.patch(LEASE, "default", "node-1", {"metadata": {"labels": {"a": "b"}}}, options=options)

    assert [request["resource"]["resource"] for _, request in webhooks.asked] == ["leases"]


async def test_a_connection_into_a_pod_can_be_refused(registry, webhooks):
    attaching = {**CONFIG_MAPS, "resources": ["pods/attach"], "operations": ["CONNECT"]}
    await configure(registry, VALIDATING_WEBHOOK_CONFIGURATION, hook(rules=(attaching,)))
    webhooks.answers["/a"] = lambda request: {"allowed": False}
    attempt = connection_of(POD, "default", "p", "attach", {"container": "c"}, User(name="jane"))

    with pytest.raises(DecidedElsewhereError):
        await registry.gate.check(attempt)

    request = webhooks.asked[0][1]
    assert request["kind"]["kind"] == "PodAttachOptions"
    assert (request["subResource"], request["object"]["container"]) == ("attach", "c")


async def test_an_eviction_can_be_refused_and_a_scale_is_shown_as_one(registry, webhooks, http, deployment):
    rules = (
        {**CONFIG_MAPS, "resources": ["pods/eviction"], "operations": ["CREATE"]},
        {**CONFIG_MAPS, "apiGroups": ["apps"], "resources": ["deployments/scale"]},
    )
    await registry.create(
        POD,
        {"metadata": {"name": "p"}, "spec": {"containers": [{"name": "c", "image": "i"}]}},
        namespace="default",
    )
    await registry.create(DEPLOYMENT, deployment(1))
    await configure(registry, VALIDATING_WEBHOOK_CONFIGURATION, hook(rules=rules))
    webhooks.answers["/a"] = lambda request: {"allowed": False}
    headers = {"Content-Type": "application/json"}
    pod, web = "/api/v1/namespaces/default/pods/p", "/apis/apps/v1/namespaces/default/deployments/web"

    evicted = await http.request(
        "POST", f"{pod}/eviction", body=b'{"metadata":{"name":"p"}}', headers=headers
    )
    merge = {"Content-Type": "application/merge-patch+json"}
    scaled = await http.request("PATCH", f"{web}/scale", body=b'{"spec":{"replicas":2}}', headers=merge)

    assert (evicted.status, scaled.status) == (400, 400)
    kinds = [request["kind"] for _, request in webhooks.asked]
    assert kinds == [
        {"group": "policy", "version": "v1", "kind": "Eviction"},
        {"group": "autoscaling", "version": "v1", "kind": "Scale"},
    ]
    assert webhooks.asked[1][1]["object"]["spec"]["replicas"] == 2


TOYS = {
    "metadata": {"name": "toys.example.com"},
    "spec": {
        "group": "example.com",
        "scope": "Namespaced",
        "names": {"kind": "Toy", "listKind": "ToyList", "plural": "toys", "singular": "toy"},
        "versions": [
            {
                "name": name,
                "served": True,
                "storage": name == "v1",
                "schema": {"openAPIV3Schema": {"type": "object"}},
            }
            for name in ("v1", "v2")
        ],
    },
}


@pytest.mark.parametrize(("policy", "versions"), [("Equivalent", ["example.com/v2"]), ("Exact", [])])
async def test_an_object_is_shown_in_the_version_that_a_webhook_knows(registry, webhooks, policy, versions):
    await registry.create(CUSTOM_RESOURCE_DEFINITION, TOYS)
    rule = {**CONFIG_MAPS, "apiGroups": ["example.com"], "apiVersions": ["v2"], "resources": ["toys"]}
    await configure(registry, VALIDATING_WEBHOOK_CONFIGURATION, hook(rules=(rule,), matchPolicy=policy))
    webhooks.answers["/a"] = lambda request: {}
    toys = registry.kinds.find("example.com", "v1", "toys")

    await registry.create(toys, {"metadata": {"name": "x"}}, namespace="default")

    assert [request["object"]["apiVersion"] for _, request in webhooks.asked] == versions


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        pytest.param({"warnings": 5}, None, id="no-answer"),
        pytest.param({"patchType": "JSONPatch", "patch": "e30="}, None, id="no-patch"),
        pytest.param(
            patch({"op": "replace", "path": "/data", "value": 5}),
            "Internal error occurred: json: cannot unmarshal number into Go struct field ConfigMap.data of"
            " type map[string]string",
            id="no-object",
        ),
    ],
)
async def test_what_is_no_answer_may_be_ignored_but_not_what_makes_nonsense(
    registry, webhooks, answer, error
):
    webhooks.answers["/a"] = lambda request: answer
    await configure(registry, MUTATING_WEBHOOK_CONFIGURATION, hook(failurePolicy="Ignore"))

    said = None
    try:
        await registry.create(CONFIG_MAP, config_map())
    except ApiError as err:
        said = err.message

    assert webhooks.asked
    assert said == error


async def test_a_patch_that_is_none_is_a_failed_call(registry, webhooks):
    webhooks.answers["/a"] = lambda request: {"patchType": "JSONPatch", "patch": "e30="}
    await configure(registry, MUTATING_WEBHOOK_CONFIGURATION, hook())

    with pytest.raises(ApiError) as caught:
        await registry.create(CONFIG_MAP, config_map())

    assert caught.value.http_status == 500
    assert caught.value.message == (
        'Internal error occurred: failed calling webhook "a.example.com": received undecodable patch in'
        " webhook response: json: cannot unmarshal object into Go value of type jsonpatch.Patch"
    )


async def test_a_refusal_has_a_code_that_http_knows(registry, webhooks):
    webhooks.answers["/a"] = lambda request: {"allowed": False, "status": {"code": 99999}}
    await configure(registry, VALIDATING_WEBHOOK_CONFIGURATION, hook())

    with pytest.raises(ApiError) as caught:
        await registry.create(CONFIG_MAP, config_map())

    assert caught.value.http_status == 599
