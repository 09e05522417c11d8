"""Writes that policies in CEL complete."""

from __future__ import annotations

from base64 import b64encode

import msgspec
import pytest

from netemu.api.errors import ApiError, DecidedElsewhereError
from netemu.api.kinds import (
    CONFIG_MAP,
    CUSTOM_RESOURCE_DEFINITION,
    DEPLOYMENT,
    MUTATING_ADMISSION_POLICY,
    MUTATING_ADMISSION_POLICY_BINDING,
    MUTATING_WEBHOOK_CONFIGURATION,
    NAMESPACE,
)
from netemu.apiserver.options import DeleteOptions

DEPLOYMENTS = {"apiGroups": ["apps"], "apiVersions": ["v1"], "resources": ["deployments"]}
NO_SUCH = "Object{spec: Object.spec{replicas: object.spec.none}}"
MISPLACED = 'unexpected type name "Object.metadata", expected "Object.spec"'
UNTYPED = "failed to convert patch object to typed object"
ATOMIC = "invalid ApplyConfiguration: may not mutate atomic arrays, maps or structs"
DENIED = "policy 'p' with binding 'p' denied request: "


def applied(expression):
    return {"patchType": "ApplyConfiguration", "applyConfiguration": {"expression": expression}}


def patched(expression):
    return {"patchType": "JSONPatch", "jsonPatch": {"expression": expression}}


@pytest.fixture
def bind(registry, webhooks):
    """Put a policy in force, with a binding of the same name."""

    async def bound(*mutations, name="p", rule=DEPLOYMENTS, binding=None, **more):
        rules = [{"operations": ["CREATE", "UPDATE"], **rule}]
        spec = {
            "matchConstraints": {"resourceRules": rules},
            "mutations": list(mutations),
            "reinvocationPolicy": "Never",
            **more,
        }
        await registry.create(MUTATING_ADMISSION_POLICY, {"metadata": {"name": name}, "spec": spec})
        spec = {"policyName": name, **(binding or {})}
        await registry.create(MUTATING_ADMISSION_POLICY_BINDING, {"metadata": {"name": name}, "spec": spec})

    return bound


async def made(registry, deployment, replicas=2):
    return await registry.create(DEPLOYMENT, deployment(replicas))


@pytest.mark.parametrize(
    ("mutation", "expected"),
    [
        (applied("Object{spec: Object.spec{replicas: object.spec.replicas + 1}}"), {"replicas": 3}),
        (
            applied("object.spec.replicas > 5 ? Object{} : Object{spec: Object.spec{replicas: 5}}"),
            {"replicas": 5},
        ),
        (
            applied("Object{spec: Object.spec{?paused: object.spec.?none, minReadySeconds: 7}}"),
            {"minReadySeconds": 7},
        ),
        (patched("[JSONPatch{op: 'replace', path: '/spec/replicas', value: 9}]"), {"replicas": 9}),
        (
            patched(
                "[JSONPatch{op: 'test', path: '/spec/replicas', value: 1},"
                " JSONPatch{op: 'replace', path: '/spec/replicas', value: 9}]"
            ),
            {"replicas": 2},
        ),
        (
            patched("[1, 2].map(n, JSONPatch{op: 'add', path: '/spec/minReadySeconds', value: n})"),
            {"minReadySeconds": 2},
        ),
        (patched("object.spec.replicas == 2 ? [] : [JSONPatch{}]"), {"replicas": 2}),
    ],
    ids=lambda each: "" if "patchType" not in each else next(iter(each[key] for key in each if "e" in key)),
)
async def test_a_policy_completes_a_write(registry, deployment, bind, mutation, expected):
    await bind(mutation)

    found = await made(registry, deployment)

    assert {key: found["spec"][key] for key in expected} == expected


async def test_items_of_lists_are_merged_by_their_keys(registry, deployment, bind):
    await bind(
        applied(
            "Object{spec: Object.spec{template: Object.spec.template{spec: Object.spec.template.spec{"
            "containers: [Object.spec.template.spec.containers{name: 'side', image: 'side'}],"
            "initContainers: [Object.spec.template.spec.initContainers{"
            "name: 'mesh', image: 'mesh', restartPolicy: 'Always'}]}}}}"
        )
    )

    spec = (await made(registry, deployment))["spec"]["template"]["spec"]

    assert [each["name"] for each in spec["containers"]] == ["c", "side"]
    assert spec["initContainers"][0]["terminationMessagePath"] == "/dev/termination-log"


async def test_a_key_of_a_label_is_escaped_for_its_path(registry, deployment, bind):
    path = "'/metadata/labels/' + jsonpatch.escapeKey('example.com/ab')"
    await bind(
        patched(
            "[JSONPatch{op: 'add', path: '/metadata/labels', value: {'was': 'none'}},"
            f" JSONPatch{{op: 'add', path: {path}, value: 'yes'}}]"
        )
    )

    assert (await made(registry, deployment))["metadata"]["labels"] == {
        "was": "none",
        "example.com/ab": "yes",
    }


async def test_policies_see_what_those_before_them_made(registry, deployment, bind):
    one = applied("Object{spec: Object.spec{replicas: object.spec.replicas * 3}}")
    two = applied("Object{spec: Object.spec{replicas: object.spec.replicas + variables.more}}")
    await bind(one, two, variables=[{"name": "more", "expression": "object.spec.replicas"}])
    await bind(two, name="q", variables=[{"name": "more", "expression": "object.spec.replicas"}])

    assert (await made(registry, deployment))["spec"]["replicas"] == 16


@pytest.mark.parametrize(("policy", "replicas"), [("Never", 4), ("IfNeeded", 6)])
async def test_a_policy_is_asked_again_when_others_changed_something(
    registry, deployment, bind, webhooks, policy, replicas
):
    add = applied("Object{spec: Object.spec{replicas: object.spec.replicas + 2}}")
    await bind(add, reinvocationPolicy=policy)
    operation = {"op": "add", "path": "/spec/minReadySeconds", "value": 5}
    patch = b64encode(msgspec.json.encode([operation])).decode()
    webhooks.answers["/a"] = lambda request: {"patchType": "JSONPatch", "patch": patch}
    hook = {
        "name": "a.example.com",
        "clientConfig": {"service": {"namespace": "default", "name": "hooks", "path": "/a"}},
        "rules": [{**DEPLOYMENTS, "operations": ["*"]}],
        "admissionReviewVersions": ["v1"],
        "sideEffects": "None",
    }
    await registry.create(MUTATING_WEBHOOK_CONFIGURATION, {"metadata": {"name": "h"}, "webhooks": [hook]})

    found = await made(registry, deployment)

    assert (found["spec"]["replicas"], found["spec"]["minReadySeconds"]) == (replicas, 5)
    assert webhooks.asked[0][1]["object"]["spec"]["replicas"] == 4


@pytest.mark.parametrize(
    ("more", "binding"),
    [
        ({"matchConditions": [{"name": "x", "expression": "object.metadata.name != 'web'"}]}, {}),
        ({}, {"matchResources": {"namespaceSelector": {"matchLabels": {"no": "such"}}}}),
        ({}, {"policyName": "other"}),
        ({"failurePolicy": "Ignore", "matchConditions": [{"name": "x", "expression": "object.no == 1"}]}, {}),
    ],
)
async def test_a_policy_that_does_not_match_changes_nothing(registry, deployment, bind, more, binding):
    await bind(applied("Object{spec: Object.spec{replicas: 9}}"), binding=binding, **more)

    assert (await made(registry, deployment))["spec"]["replicas"] == 2


async def test_parameters_come_from_objects_each_once(registry, deployment, bind):
    for name in ("one", "two"):
        meta = {"name": name, "labels": {"use": "more"}}
        await registry.create(CONFIG_MAP, {"metadata": meta, "data": {"more": "2"}}, namespace="default")
    ref = {"selector": {"matchLabels": {"use": "more"}}, "parameterNotFoundAction": "Deny"}
    await bind(
        applied("Object{spec: Object.spec{replicas: object.spec.replicas + int(params.data.more)}}"),
        paramKind={"apiVersion": "v1", "kind": "ConfigMap"},
        binding={"paramRef": ref},
    )

    assert (await made(registry, deployment))["spec"]["replicas"] == 6


@pytest.mark.parametrize(
    ("mutation", "said"),
    [
        (
            applied(NO_SUCH),
            f"expression '{NO_SUCH}' resulted in error: no such key: none",
        ),
        (
            applied("Object{spec: Object.metadata{name: 'x'}}"),
            f"type mismatch: {MISPLACED}, which matches field name path from root Object type",
        ),
        (
            applied("Object{spec: Object.spec{colour: 'red'}}"),
            f"error applying patch: {UNTYPED}: .spec.colour: field not declared in schema",
        ),
        (
            applied(
                "Object{spec: Object.spec{template: Object.spec.template{spec: Object.spec.template.spec{"
                "nodeSelector: {'a': 'b'}}}}}"
            ),
            f"error applying patch: {ATOMIC}: .spec.template.spec.nodeSelector",
        ),
        (
            patched("[JSONPatch{op: 'remove', path: '/spec/none'}]"),
            'JSONPath: remove operation does not apply: doc is missing path: "/spec/none": missing value',
        ),
        (
            patched("variables.x"),
            "type mismatch: JSONPatchType.expression should evaluate to array of JSONPatch",
        ),
    ],
)
async def test_what_cannot_be_done_refuses_the_write(registry, deployment, bind, mutation, said):
    await bind(mutation, variables=[{"name": "x", "expression": "[1]"}])

    with pytest.raises(DecidedElsewhereError) as caught:
        await made(registry, deployment)

    assert caught.value.message == DENIED + said
    assert (caught.value.http_status, caught.value.reason) == (403, "Invalid")


async def test_what_cannot_be_done_may_be_ignored(registry, deployment, bind):
    wrong = applied("Object{spec: Object.spec{replicas: object.spec.none}}")
    right = applied("Object{spec: Object.spec{replicas: 9}}")
    await bind(wrong, right, failurePolicy="Ignore")

    assert (await made(registry, deployment))["spec"]["replicas"] == 9


async def test_a_missing_parameter_refuses_the_write(registry, deployment, bind):
    ref = {"name": "none", "parameterNotFoundAction": "Deny"}
    await bind(
        applied("Object{}"),
        paramKind={"apiVersion": "v1", "kind": "ConfigMap"},
        binding={"paramRef": ref},
    )

    with pytest.raises(DecidedElsewhereError) as caught:
        await made(registry, deployment)

    assert caught.value.message == (
        f"{DENIED}failed to configure binding: no params found for policy binding with `Deny`"
        " parameterNotFoundAction"
    )
    assert caught.value.reason == "Forbidden"


@pytest.mark.parametrize(
    ("operation", "said"),
    [
        ("{op: 'add', path: '/spec/colour', value: 1}", 'strict decoding error: unknown field "spec.colour"'),
        (
            "{op: 'replace', path: '/spec/replicas', value: 'x'}",
            "json: cannot unmarshal string into Go struct",
        ),
    ],
)
async def test_a_patch_that_makes_nonsense_is_an_error_within(registry, deployment, bind, operation, said):
    await bind(patched(f"[JSONPatch{operation}]"), failurePolicy="Ignore")

    with pytest.raises(ApiError) as caught:
        await made(registry, deployment)

    assert caught.value.http_status == 500
    assert caught.value.message.startswith(f"Internal error occurred: {said}")


async def test_objects_of_custom_kinds_are_completed_by_their_schema(registry, bind):
    shape = {
        "type": "object",
        "properties": {
            "spec": {
                "type": "object",
                "properties": {
                    "tags": {"type": "array", "x-kubernetes-list-type": "set", "items": {"type": "string"}},
                    "size": {"type": "integer"},
                },
            }
        },
    }
    names = {"kind": "Toy", "listKind": "ToyList", "plural": "toys", "singular": "toy"}
    version = {"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": shape}}
    spec = {"group": "example.com", "scope": "Namespaced", "names": names, "versions": [version]}
    await registry.create(
        CUSTOM_RESOURCE_DEFINITION, {"metadata": {"name": "toys.example.com"}, "spec": spec}
    )
    rule = {"apiGroups": ["example.com"], "apiVersions": ["v1"], "resources": ["toys"]}
    await bind(applied("Object{spec: Object.spec{tags: ['b', 'c'], size: 3}}"), rule=rule)
    toys = registry.kinds.find("example.com", "v1", "toys")

    found = await registry.create(
        toys, {"metadata": {"name": "x"}, "spec": {"tags": ["a", "b"]}}, namespace="default"
    )

    assert found["spec"] == {"tags": ["a", "b", "c"], "size": 3}


async def test_what_is_deleted_is_not_completed_and_updates_are(registry, deployment, bind):
    await made(registry, deployment)
    await bind(applied("Object{spec: Object.spec{replicas: object.spec.replicas + oldObject.spec.replicas}}"))

    found = await registry.patch(DEPLOYMENT, "default", "web", {"spec": {"replicas": 5}})
    await registry.delete(DEPLOYMENT, "default", "web", DeleteOptions())

    assert found["spec"]["replicas"] == 7


async def test_nobody_completes_those_who_are_asked(registry, bind):
    everything = {"apiGroups": ["*"], "apiVersions": ["*"], "resources": ["*"]}
    await bind(applied("Object{metadata: Object.metadata{labels: {'a': 'b'}}}"), rule=everything)
    await bind(applied("Object{}"), name="q")

    found = await registry.create(NAMESPACE, {"metadata": {"name": "n"}})
    policy = registry.get(MUTATING_ADMISSION_POLICY, "", "q")

    assert found["metadata"]["labels"]["a"] == "b"
    assert "labels" not in policy["metadata"]
