"""Webhook configurations."""

from __future__ import annotations

import pytest

from netemu.api.kinds import VALIDATING_WEBHOOK_CONFIGURATION
from netemu.api.validation import validate

RULE = {"apiGroups": [""], "apiVersions": ["v1"], "resources": ["pods"], "operations": ["CREATE"]}
SERVICE = {"name": "s", "namespace": "n"}
HOOK = {
    "name": "a.example.com",
    "clientConfig": {"service": SERVICE},
    "rules": [RULE],
    "sideEffects": "None",
    "admissionReviewVersions": ["v1"],
}


def said(kind, **body):
    return [
        f"{cause.field}: {cause.message}" for cause in validate(kind, {"metadata": {"name": "x"}, **body})
    ]


def begins(found, expected):
    return [line[: len(start)] for line, start in zip(found, expected, strict=True)] == expected


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({}, []),
        ({"name": ""}, ["webhooks[0].name: Required value"]),
        (
            {"namespaceSelector": {"matchExpressions": [{"key": "a"}]}},
            ["webhooks[0].namespaceSelector.matchExpressions[0].operator: Invalid value"],
        ),
        (
            {"name": "a.com"},
            ['webhooks[0].name: Invalid value: "a.com": should be a domain with at least three segments'],
        ),
        ({"clientConfig": {}}, ["webhooks[0].clientConfig: Required value: exactly one of url or service"]),
        (
            {"clientConfig": {"url": "http://x"}},
            ["webhooks[0].clientConfig.url: Invalid value: \"http\": 'https' is the only allowed URL scheme"],
        ),
        (
            {"clientConfig": {"service": {**SERVICE, "port": 0}}},
            ["webhooks[0].clientConfig.service.port: Invalid value: 0: port is not valid: must be between 1"],
        ),
        (
            {"clientConfig": {"service": {"name": "s"}}},
            ["webhooks[0].clientConfig.service.namespace: Required"],
        ),
        ({"sideEffects": "Some"}, ['webhooks[0].sideEffects: Unsupported value: "Some": supported values:']),
        ({"sideEffects": None}, ["webhooks[0].sideEffects: Required value: must specify one of None"]),
        ({"failurePolicy": "x"}, ['webhooks[0].failurePolicy: Unsupported value: "x"']),
        ({"matchPolicy": "x"}, ['webhooks[0].matchPolicy: Unsupported value: "x"']),
        (
            {"timeoutSeconds": 31},
            ["webhooks[0].timeoutSeconds: Invalid value: 31: the timeout value must be between 1 and 30"],
        ),
        (
            {"admissionReviewVersions": []},
            ["webhooks[0].admissionReviewVersions: Required value: must specify"],
        ),
        (
            {"admissionReviewVersions": ["v0"]},
            ['webhooks[0].admissionReviewVersions: Invalid value: ["v0"]: must include at least one'],
        ),
        ({"rules": [{**RULE, "operations": []}]}, ["webhooks[0].rules[0].operations: Required value"]),
        (
            {"rules": [{**RULE, "operations": ["GET"]}]},
            ["webhooks[0].rules[0].operations[0]: Unsupported value"],
        ),
        (
            {"rules": [{**RULE, "apiGroups": ["*", "apps"]}]},
            ['webhooks[0].rules[0].apiGroups: Invalid value: ["*","apps"]: if \'*\' is present, must not'],
        ),
        (
            {"matchConditions": [{"name": "a", "expression": "object.("}, {"name": "a", "expression": "1"}]},
            [
                'webhooks[0].matchConditions[0].expression: Invalid value: "object.(": compilation failed',
                'webhooks[0].matchConditions[1].expression: Invalid value: "1": must evaluate to bool',
                'webhooks[0].matchConditions[1].name: Duplicate value: "a"',
            ],
        ),
        (
            {"matchConditions": [{"expression": ""}]},
            [
                "webhooks[0].matchConditions[0].expression: Required value",
                "webhooks[0].matchConditions[0].name: Required value",
            ],
        ),
    ],
)
def test_a_webhook_is_checked(change, expected):
    assert begins(said(VALIDATING_WEBHOOK_CONFIGURATION, webhooks=[{**HOOK, **change}]), expected)


def test_webhooks_of_one_configuration_have_names_of_their_own():
    found = said(VALIDATING_WEBHOOK_CONFIGURATION, webhooks=[HOOK, HOOK])

    assert found == ['webhooks[1].name: Duplicate value: "a.example.com"']
