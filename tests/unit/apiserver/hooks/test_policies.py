"""Writes that policies in CEL refuse, warn of or let pass."""

from __future__ import annotations

import pytest

from netemu.api.errors import DecidedElsewhereError
from netemu.api.kinds import (
    CONFIG_MAP,
    DEPLOYMENT,
    VALIDATING_ADMISSION_POLICY,
    VALIDATING_ADMISSION_POLICY_BINDING,
)
from netemu.apiserver.auth.attributes import Attributes
from netemu.apiserver.hooks.attempt import Caller
from netemu.apiserver.options import WriteOptions


async def allow_nothing(target, body, timeout_s):
    raise AssertionError("no webhook is configured")


def policy(*validations, **more):
    rule = {"apiGroups": ["apps"], "apiVersions": ["v1"], "resources": ["deployments"], "operations": ["*"]}
    spec = {"matchConstraints": {"resourceRules": [rule]}, "validations": list(validations), **more}
    return {"metadata": {"name": "limits"}, "spec": spec}


def binding(*actions, **more):
    spec = {"policyName": "limits", "validationActions": list(actions or ("Deny",)), **more}
    return {"metadata": {"name": "everywhere"}, "spec": spec}


@pytest.fixture
def refused(registry, deployment):
    """Give what a policy says to who creates a Deployment: a refusal, or warnings."""
    registry.gate.call = allow_nothing

    async def tried(policy_, binding_, replicas=6):
        await registry.create(VALIDATING_ADMISSION_POLICY, policy_)
        await registry.create(VALIDATING_ADMISSION_POLICY_BINDING, binding_)
        caller = Caller()
        try:
            await registry.create(DEPLOYMENT, deployment(replicas), options=WriteOptions(caller=caller))
        except DecidedElsewhereError as err:
            return err
        return caller.warnings

    return tried


AT_MOST_5 = {"expression": "object.spec.replicas <= 5"}
DENIED = (
    "deployments.apps \"web\" is forbidden: ValidatingAdmissionPolicy 'limits' with binding 'everywhere'"
    " denied request: "
)


async def test_a_policy_refuses_in_the_words_of_kubernetes(refused):
    error = await refused(policy(AT_MOST_5), binding())

    assert error.message == f"{DENIED}failed expression: object.spec.replicas <= 5"
    assert (error.http_status, error.reason) == (422, "Invalid")


@pytest.mark.parametrize(
    ("validation", "said"),
    [
        ({**AT_MOST_5, "message": "too many", "reason": "Forbidden"}, ("too many", 403)),
        ({**AT_MOST_5, "messageExpression": "'not ' + string(object.spec.replicas)"}, ("not 6", 422)),
        (
            {"expression": "object.spec.missing > 1"},
            ("expression 'object.spec.missing > 1' resulted in error: no such key: missing", 422),
        ),
        ({"expression": "oldObject != null", "message": "no past"}, ("no past", 422)),
        ({"expression": "namespaceObject.metadata.name != 'default'", "message": "here"}, ("here", 422)),
        ({"expression": "request.operation != 'CREATE'", "message": "new"}, ("new", 422)),
    ],
)
async def test_a_policy_says_why(refused, validation, said):
    error = await refused(policy(validation), binding())

    assert (error.message.removeprefix(DENIED), error.http_status) == said


@pytest.mark.parametrize(
    ("question", "asked"),
    [
        (
            "authorizer.group('a').resource('d').subresource('s').namespace('n').name('x').check('get').allowed()",
            Attributes(verb="get", group="a", resource="d", subresource="s", namespace="n", name="x"),
        ),
        (
            "authorizer.requestResource.check('own').allowed()",
            Attributes(verb="own", group="apps", resource="deployments", namespace="default", name="web"),
        ),
        ("authorizer.path('/healthz').check('get').allowed()", Attributes(verb="get", path="/healthz")),
        (
            "authorizer.serviceAccount('n', 'bot').group('').resource('pods').check('list').reason() != ''",
            Attributes(verb="list", resource="pods"),
        ),
    ],
)
async def test_a_policy_may_ask_what_someone_may_do(registry, refused, question, asked):
    seen = []

    def allows(user, attributes):
        seen.append((user.name, attributes))
        return False

    registry.gate.allows = allows
    error = await refused(policy({"expression": question, "message": "no"}), binding())
    who = "system:serviceaccount:n:bot" if "Account" in question else "system:kube-controller-manager"

    assert error.message == f"{DENIED}no"
    assert seen == [(who, asked)]


async def test_variables_are_made_of_each_other(refused):
    variables = [
        {"name": "wanted", "expression": "object.spec.replicas"},
        {"name": "twice", "expression": "variables.wanted * 2"},
        {"name": "broken", "expression": "object.spec.missing"},
    ]
    rule = {"expression": "variables.twice <= 10", "message": "too many"}
    error = await refused(policy(rule, variables=variables), binding())

    assert error.message == f"{DENIED}too many"


async def test_a_policy_that_only_warns_lets_pass(refused):
    (said,) = await refused(policy(AT_MOST_5), binding("Warn", "Audit"))

    assert said == (
        "Validation failed for ValidatingAdmissionPolicy 'limits' with binding 'everywhere':"
        " failed expression: object.spec.replicas <= 5"
    )


@pytest.mark.parametrize(
    ("more", "bound"),
    [
        ({"matchConditions": [{"name": "x", "expression": "object.metadata.name != 'web'"}]}, {}),
        ({}, {"matchResources": {"namespaceSelector": {"matchLabels": {"no": "such"}}}}),
        (
            {},
            {
                "matchResources": {
                    "excludeResourceRules": [
                        {
                            "apiGroups": ["apps"],
                            "apiVersions": ["v1"],
                            "resources": ["*"],
                            "operations": ["*"],
                        }
                    ]
                }
            },
        ),
        ({}, {"policyName": "other"}),
    ],
)
async def test_a_policy_that_does_not_match_lets_pass(refused, more, bound):
    assert await refused(policy(AT_MOST_5, **more), binding(**bound)) == []


NOT_FOUND = (
    "failed to configure binding: no params found for policy binding with `Deny` parameterNotFoundAction"
)
PARAMS = {"paramKind": {"apiVersion": "v1", "kind": "ConfigMap"}}
BY_PARAMS = {"expression": "object.spec.replicas <= int(params.data.most)", "message": "too many"}


@pytest.mark.parametrize(
    ("ref", "said"),
    [
        ({"name": "params", "namespace": "default"}, "too many"),
        ({"selector": {"matchLabels": {"kind": "params"}}}, "too many"),
        (
            {"name": "none"},
            NOT_FOUND,
        ),
    ],
)
async def test_parameters_come_from_objects(registry, refused, ref, said):
    made = {"metadata": {"name": "params", "labels": {"kind": "params"}}, "data": {"most": "3"}}
    await registry.create(CONFIG_MAP, made, namespace="default")
    bound = binding(paramRef={"parameterNotFoundAction": "Deny", **ref})
    error = await refused(policy(BY_PARAMS, **PARAMS), bound, replicas=4)

    assert error.message == f"{DENIED}{said}"


async def test_a_missing_parameter_may_be_allowed(refused):
    bound = binding(paramRef={"name": "none", "parameterNotFoundAction": "Allow"})

    assert await refused(policy(BY_PARAMS, **PARAMS), bound) == []
