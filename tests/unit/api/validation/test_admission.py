"""Admission policies and their bindings."""

from __future__ import annotations

import pytest

from netemu.api.defaulting import default
from netemu.api.kinds import (
    MUTATING_ADMISSION_POLICY,
    MUTATING_ADMISSION_POLICY_BINDING,
    VALIDATING_ADMISSION_POLICY,
    VALIDATING_ADMISSION_POLICY_BINDING,
)
from netemu.api.validation import validate

RULE = {"apiGroups": [""], "apiVersions": ["v1"], "resources": ["pods"], "operations": ["CREATE"]}
MATCHED = {"matchConstraints": {"resourceRules": [RULE]}}
POLICY = {**MATCHED, "validations": [{"expression": "true"}]}
BINDING = {"policyName": "p", "validationActions": ["Deny"]}
APPLY = {"patchType": "ApplyConfiguration", "applyConfiguration": {"expression": "Object{}"}}
PATCH = {"patchType": "JSONPatch", "jsonPatch": {"expression": "[JSONPatch{op: 'remove', path: '/x'}]"}}
MUTATING = {**MATCHED, "mutations": [APPLY, PATCH], "reinvocationPolicy": "Never"}
AT = "spec.mutations[0]"
UNDECLARED = 'spec.validations[0].expression: Invalid value: "params.x == 1": compilation failed: ERROR:'


def said(kind, spec):
    obj = default(kind, {"metadata": {"name": "x"}, "spec": spec})
    return [f"{cause.field}: {cause.message}" for cause in validate(kind, obj)]


def begins(found, expected):
    return [line[: len(start)] for line, start in zip(found, expected, strict=True)] == expected


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({}, []),
        (
            {"validations": []},
            [
                "spec.validations: Required value: validations or auditAnnotations must",
                "spec.auditAnnotations: Required value: validations or auditAnnotations must",
            ],
        ),
        ({"matchConstraints": {}}, ["spec.matchConstraints.resourceRules: Required value"]),
        ({"failurePolicy": "x"}, ['spec.failurePolicy: Unsupported value: "x"']),
        (
            {"validations": [{"expression": "1 +", "messageExpression": "1"}]},
            [
                'spec.validations[0].expression: Invalid value: "1 +": compilation failed: ERROR',
                'spec.validations[0].messageExpression: Invalid value: "1": must evaluate to string',
            ],
        ),
        (
            {"validations": [{"expression": "params.x == 1"}]},
            [f"{UNDECLARED} <input>:1:1: undeclared reference to 'params' (in"],
        ),
        (
            {"validations": [{"expression": "true", "message": "a\nb", "reason": "Sad"}]},
            [
                'spec.validations[0].message: Invalid value: "a\\nb": message must not contain line breaks',
                'spec.validations[0].reason: Unsupported value: "Sad": supported values: "Forbidden"',
            ],
        ),
        (
            {"variables": [{"name": "in", "expression": ""}]},
            [
                'spec.variables[0].name: Invalid value: "in": name is not a valid CEL identifier',
                "spec.variables[0].expression: Required value: expression is not specified",
            ],
        ),
        (
            {
                "variables": [{"name": "o", "expression": "object.?x"}],
                "validations": [{"expression": "variables.o.hasValue()"}],
            },
            [],
        ),
        (
            {"paramKind": {"apiVersion": "a/b/c", "kind": "No_kind"}},
            [
                'spec.paramKind.apiVersion: Invalid value: "a/b/c": unexpected GroupVersion string: a/b/c',
                'spec.paramKind.kind: Invalid value: "No_kind": may have mixed case, but should',
            ],
        ),
        ({"auditAnnotations": [{"key": "k", "valueExpression": "'a' + object.b"}]}, []),
        (
            {"auditAnnotations": [{"key": "k", "valueExpression": "1"}] * 2},
            [
                'spec.auditAnnotations[0].valueExpression: Invalid value: "1": must evaluate to one of',
                'spec.auditAnnotations[1].valueExpression: Invalid value: "1": must evaluate to one of',
                'spec.auditAnnotations[1].key: Duplicate value: "k"',
            ],
        ),
    ],
)
def test_a_validating_policy_is_checked(change, expected):
    assert begins(said(VALIDATING_ADMISSION_POLICY, {**POLICY, **change}), expected)


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({}, []),
        ({"mutations": []}, ["spec.mutations: Required value: mutations must contain at least one item"]),
        ({"reinvocationPolicy": ""}, ["spec.reinvocationPolicy: Required value"]),
        (
            {"reinvocationPolicy": "Often"},
            ['spec.reinvocationPolicy: Unsupported value: "Often": supported values: "IfNeeded", "Never"'],
        ),
        (
            {"matchConstraints": {"resourceRules": [{**RULE, "operations": ["DELETE"]}]}},
            ['spec.matchConstraints.resourceRules.operations: Unsupported value: "DELETE"'],
        ),
        ({"mutations": [{}]}, [f"{AT}.patchType: Required value"]),
        ({"mutations": [{"patchType": "Merge"}]}, [f'{AT}.patchType: Unsupported value: "Merge"']),
        (
            {"mutations": [{**APPLY, "patchType": "JSONPatch"}]},
            [
                f'{AT}.applyConfiguration: Invalid value: "{{applyConfiguration}}": must not be specified',
                f"{AT}.jsonPatch: Required value: must be specified when patchType is JSONPatch",
            ],
        ),
        (
            {"mutations": [{**APPLY, "applyConfiguration": {"expression": " "}}]},
            [f"{AT}.applyConfiguration.expression: Required value"],
        ),
        (
            {"mutations": [{**APPLY, "applyConfiguration": {"expression": "Object.spec{}"}}]},
            [f'{AT}.applyConfiguration.expression: Invalid value: "Object.spec{{}}": must evaluate to'],
        ),
        (
            {"mutations": [{**PATCH, "jsonPatch": {"expression": "JSONPatch{}"}}]},
            [f'{AT}.jsonPatch.expression: Invalid value: "JSONPatch{{}}": must evaluate to list(JSONPatch)'],
        ),
        (
            {"mutations": [{**PATCH, "jsonPatch": {"expression": "[JSONPatch{opp: 1}]"}}]},
            [f'{AT}.jsonPatch.expression: Invalid value: "[JSONPatch{{opp: 1}}]": compilation failed: ERROR'],
        ),
    ],
)
def test_a_mutating_policy_is_checked(change, expected):
    assert begins(said(MUTATING_ADMISSION_POLICY, {**MUTATING, **change}), expected)


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({}, []),
        ({"policyName": ""}, ["spec.policyName: Required value"]),
        ({"policyName": "No"}, ['spec.policyName: Invalid value: "No": a lowercase RFC 1123 subdomain']),
        ({"validationActions": []}, ["spec.validationActions: Required value"]),
        ({"validationActions": ["Deny", "Warn"]}, ["spec.validationActions: Invalid value:"]),
        ({"validationActions": ["Tell"]}, ['spec.validationActions[0]: Unsupported value: "Tell"']),
        ({"validationActions": ["Deny"] * 2}, ['spec.validationActions[1]: Duplicate value: "Deny"']),
        (
            {"paramRef": {}},
            [
                "spec.paramRef: Required value: one of name or selector must be specified",
                "spec.paramRef.parameterNotFoundAction: Required value",
            ],
        ),
        (
            {"paramRef": {"name": "a", "selector": {}, "parameterNotFoundAction": "Deny"}},
            [
                "spec.paramRef.name: Forbidden: name and selector are mutually exclusive",
                "spec.paramRef.selector: Forbidden: name and selector are mutually exclusive",
            ],
        ),
    ],
)
def test_a_binding_is_checked(change, expected):
    assert begins(said(VALIDATING_ADMISSION_POLICY_BINDING, {**BINDING, **change}), expected)


def test_a_binding_cannot_match_what_cannot_be_changed():
    spec = {"policyName": "p", "matchResources": {"resourceRules": [{**RULE, "operations": ["DELETE"]}]}}

    assert begins(
        said(MUTATING_ADMISSION_POLICY_BINDING, spec),
        ['spec.matchResources.resourceRules.operations: Unsupported value: "DELETE"'],
    )


@pytest.mark.parametrize("kind", [VALIDATING_ADMISSION_POLICY, MUTATING_ADMISSION_POLICY])
def test_a_policy_matches_all_that_it_does_not_exclude(kind):
    spec = default(kind, {"metadata": {"name": "x"}, "spec": MATCHED})["spec"]

    assert spec == {
        "failurePolicy": "Fail",
        "matchConstraints": {
            "matchPolicy": "Equivalent",
            "namespaceSelector": {},
            "objectSelector": {},
            "resourceRules": [{**RULE, "scope": "*"}],
        },
    }
