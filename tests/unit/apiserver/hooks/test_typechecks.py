"""What policies are told of their expressions."""

from __future__ import annotations

import asyncio

import pytest

from netemu.api.cel.published import schema_of
from netemu.api.kinds import CUSTOM_RESOURCE_DEFINITION, DEPLOYMENT, VALIDATING_ADMISSION_POLICY
from netemu.api.served import BUILT_IN
from netemu.apiserver.hooks.typechecks import check_policies, warnings_of

RULE = {"apiGroups": ["apps"], "apiVersions": ["v1"], "operations": ["*"], "resources": ["deployments"]}


def policy(*expressions, rule=RULE):
    spec = {
        "matchConstraints": {"resourceRules": [rule]},
        "validations": [{"expression": e} for e in expressions],
    }
    return {"metadata": {"name": "p"}, "spec": spec}


@pytest.mark.parametrize(
    ("expression", "warning"),
    [
        ("object.spec.replicas <= 5 && object.metadata.labels['a'] == 'b'", None),
        ("object.spec.template.spec.containers.all(c, c.image.startsWith('x') || has(c.resources))", None),
        ("object.spec.strategy.rollingUpdate.maxSurge == 1", None),
        ("oldObject == null || request.operation == 'CREATE' || params.x > 1 || variables.y > '1'", None),
        (
            "object.spec.replicas > '1'",
            "1:22: found no matching overload for '_>_' applied to '(int, string)'",
        ),
        ("object.spec.maxRetries < 10", "1:12: undefined field 'maxRetries'"),
    ],
)
def test_an_expression_is_checked_against_the_kinds_that_it_is_about(expression, warning):
    found = warnings_of(policy(expression), BUILT_IN)
    lines = [(each["fieldRef"], each["warning"].split("\n")[0]) for each in found]
    head = "apps/v1, Kind=Deployment: ERROR: <input>:"

    assert lines == ([("spec.validations[0].expression", head + warning)] if warning else [])


def test_kinds_that_contain_themselves_are_looked_into_as_far_as_needed():
    schema = schema_of(CUSTOM_RESOURCE_DEFINITION)["properties"]["spec"]["properties"]["versions"]["items"]

    assert len(schema) == len(list(schema)) == 6
    assert (
        schema["properties"]["schema"]["properties"]["openAPIV3Schema"]["properties"]["not"]["type"]
        == "object"
    )
    with pytest.raises(KeyError):
        schema_of(DEPLOYMENT)["none"]


async def test_the_status_says_what_was_found_and_of_which_generation(registry):
    await registry.create(VALIDATING_ADMISSION_POLICY, policy("object.spec.replicas > '1'"))
    watch = registry.watch(VALIDATING_ADMISSION_POLICY, revision=registry.revision)
    async with asyncio.TaskGroup() as group, asyncio.timeout(30):
        checking = group.create_task(check_policies(registry))
        (first,) = await watch.take()
        await registry.patch(
            VALIDATING_ADMISSION_POLICY, "", "p", {"spec": {"validations": [{"expression": "true"}]}}
        )
        second = first
        while "status" not in second.value or second.value["status"]["observedGeneration"] != 2:
            second = (await watch.take())[-1]
        checking.cancel()

    assert len(first.value["status"]["typeChecking"]["expressionWarnings"]) == 1
    assert second.value["status"] == {"observedGeneration": 2, "typeChecking": {}}
