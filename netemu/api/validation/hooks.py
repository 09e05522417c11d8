"""The rules of webhook configurations and of policies, in the words of Kubernetes.

Source: kubernetes ``pkg/apis/admissionregistration/validation``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import urlsplit

from netemu.api import cel, syntax
from netemu.api.causes import bad_value, bad_values, duplicate, not_supported, one_of, required
from netemu.api.client import Object
from netemu.api.errors import Cause

REVIEW_VERSIONS = ("v1", "v1beta1")
OPERATIONS = ("*", "CONNECT", "CREATE", "DELETE", "UPDATE")
WEBHOOK_VARIABLES = ("authorizer", "object", "oldObject", "request")
POLICY_VARIABLES = ("authorizer", "namespaceObject", "object", "oldObject", "params", "request", "variables")
ACTIONS = ("Audit", "Deny", "Warn")

Json = Mapping[str, Any]


def check_webhooks(new: Object, old: Object | None) -> Iterator[Cause]:  # noqa: ARG001 - one of the checks
    """Check a MutatingWebhookConfiguration or ValidatingWebhookConfiguration."""
    seen: set[str] = set()
    for index, webhook in enumerate(new.get("webhooks") or ()):
        path, name = f"webhooks[{index}]", webhook.get("name", "")
        yield from _check_name(name, f"{path}.name", seen)
        yield from _check_client(webhook.get("clientConfig") or {}, f"{path}.clientConfig")
        for number, rule in enumerate(webhook.get("rules") or ()):
            yield from _check_rule(rule, f"{path}.rules[{number}]")
        yield from one_of(f"{path}.failurePolicy", webhook.get("failurePolicy", "Fail"), ("Fail", "Ignore"))
        yield from one_of(f"{path}.matchPolicy", webhook.get("matchPolicy", "Exact"), ("Equivalent", "Exact"))
        yield from _check_effects(webhook.get("sideEffects"), f"{path}.sideEffects")
        timeout_s = webhook.get("timeoutSeconds")
        if timeout_s is not None and not 1 <= timeout_s <= 30:
            why = "the timeout value must be between 1 and 30 seconds"
            yield bad_value(f"{path}.timeoutSeconds", timeout_s, why)
        yield from _check_versions(webhook.get("admissionReviewVersions"), f"{path}.admissionReviewVersions")
        yield from _check_conditions(webhook, f"{path}.matchConditions", WEBHOOK_VARIABLES)


def check_policy(new: Object, old: Object | None) -> Iterator[Cause]:  # noqa: ARG001 - one of the checks
    """Check a ValidatingAdmissionPolicy."""
    spec = new.get("spec") or {}
    yield from one_of("spec.failurePolicy", spec.get("failurePolicy", "Fail"), ("Fail", "Ignore"))
    if not spec.get("matchConstraints"):
        yield required("spec.matchConstraints")
    elif not spec["matchConstraints"].get("resourceRules"):
        yield required("spec.matchConstraints.resourceRules")
    for index, rule in enumerate((spec.get("matchConstraints") or {}).get("resourceRules") or ()):
        yield from _check_rule(rule, f"spec.matchConstraints.resourceRules[{index}]")
    yield from _check_conditions(spec, "spec.matchConditions", POLICY_VARIABLES)
    for index, variable in enumerate(spec.get("variables") or ()):
        path = f"spec.variables[{index}].expression"
        yield from _check_expression(variable.get("expression", ""), path, POLICY_VARIABLES, "")
    if not spec.get("validations") and not spec.get("auditAnnotations"):
        why = "validations or auditAnnotations must contain at least one item"
        yield required("spec.validations", why)
    for index, rule in enumerate(spec.get("validations") or ()):
        path = f"spec.validations[{index}]"
        yield from _check_expression(
            rule.get("expression", ""), f"{path}.expression", POLICY_VARIABLES, "BOOL"
        )
        if rule.get("messageExpression"):
            told = rule["messageExpression"]
            yield from _check_expression(told, f"{path}.messageExpression", POLICY_VARIABLES, "STRING")


def check_policy_binding(new: Object, old: Object | None) -> Iterator[Cause]:  # noqa: ARG001 - one of the checks
    """Check a ValidatingAdmissionPolicyBinding."""
    spec = new.get("spec") or {}
    if not spec.get("policyName"):
        yield required("spec.policyName")
    actions = spec.get("validationActions") or []
    if not actions:
        yield required("spec.validationActions", "at least one validation action is required")
    for index, action in enumerate(actions):
        yield from one_of(f"spec.validationActions[{index}]", action, ACTIONS)
    if {"Deny", "Warn"} <= set(actions):
        why = "must not contain both Deny and Warn (repeating the same validation failure information in the"
        yield bad_value(
            "spec.validationActions", actions, f"{why} API response and headers serves no purpose)"
        )
    ref = spec.get("paramRef")
    if ref is not None and bool(ref.get("name")) is (ref.get("selector") is not None):
        yield required("spec.paramRef", "one of name or selector must be specified, and not both")


def _check_name(name: str, path: str, seen: set[str]) -> Iterator[Cause]:
    if not name:
        yield required(path)
        return
    broken = syntax.subdomain(name)
    yield from bad_values(path, name, broken)
    if not broken and name.count(".") < 2:
        yield bad_value(path, name, "should be a domain with at least three segments separated by dots")
    if name in seen:
        yield duplicate(path, name)
    seen.add(name)


def _check_client(client: Json, path: str) -> Iterator[Cause]:
    url, service = client.get("url"), client.get("service")
    if (url is None) == (service is None):
        yield required(path, "exactly one of url or service is required")
    elif url is not None:
        parts = urlsplit(url)
        wanted = "desired format: https://host[/path]"
        if parts.scheme != "https":
            why = f"'https' is the only allowed URL scheme; {wanted}"
            yield bad_value(f"{path}.url", parts.scheme, why)
        if not parts.netloc:
            yield bad_value(f"{path}.url", parts.netloc, f"host must be specified; {wanted}")
    else:
        for key in ("name", "namespace"):
            if not (service or {}).get(key):
                yield required(f"{path}.service.{key}", f"service {key} is required")
        port = (service or {}).get("port", 443)
        if not 0 < port < 1 << 16:
            why = f"port is not valid: {'; '.join(syntax.port_number(port))}"
            yield bad_value(f"{path}.service.port", port, why)


def _check_rule(rule: Json, path: str) -> Iterator[Cause]:
    for key in ("operations", "apiGroups", "apiVersions", "resources"):
        values = rule.get(key) or []
        if not values:
            yield required(f"{path}.{key}")
        elif "*" in values and len(values) > 1 and key != "resources":
            what = {"operations": "operations", "apiGroups": "API groups", "apiVersions": "API versions"}[key]
            why = f"if '*' is present, must not specify other {what}"
            yield bad_value(f"{path}.{key}", values, why)
    for index, operation in enumerate(rule.get("operations") or ()):
        yield from one_of(f"{path}.operations[{index}]", operation, OPERATIONS)
    yield from one_of(f"{path}.scope", rule.get("scope", "*"), ("*", "Cluster", "Namespaced"))


def _check_effects(effects: str | None, path: str) -> Iterator[Cause]:
    if effects is None:
        yield required(path, "must specify one of None, NoneOnDryRun")
    elif effects not in ("None", "NoneOnDryRun"):
        yield not_supported(path, effects, ("None", "NoneOnDryRun"))


def _check_versions(versions: list[str] | None, path: str) -> Iterator[Cause]:
    known = ", ".join(REVIEW_VERSIONS)
    if not versions:
        yield required(path, f"must specify one of {known}")
    elif not set(versions) & set(REVIEW_VERSIONS):
        yield bad_value(path, versions, f"must include at least one of {known}")


def _check_conditions(of: Json, path: str, variables: tuple[str, ...]) -> Iterator[Cause]:
    seen: set[str] = set()
    for index, condition in enumerate(of.get("matchConditions") or ()):
        name = condition.get("name", "")
        if not name:
            yield required(f"{path}[{index}].name")
        elif name in seen:
            yield duplicate(f"{path}[{index}].name", name)
        seen.add(name)
        yield from _check_expression(
            condition.get("expression", ""), f"{path}[{index}].expression", variables, "BOOL"
        )


def _check_expression(text: str, path: str, variables: tuple[str, ...], wanted: str) -> Iterator[Cause]:
    if not text.strip():
        yield required(path)
        return
    try:
        program = cel.compile_expression(text, variables)
    except cel.CompileError as err:
        yield bad_value(path, text, f"compilation failed: {err.message}")
        return
    if wanted and program.type not in (wanted, "DYN"):
        yield bad_value(path, text, f"must evaluate to {wanted.lower()}")
