"""The rules of webhook configurations, in the words of Kubernetes.

Source: kubernetes ``pkg/apis/admissionregistration/validation``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import urlsplit

from netemu.api import syntax
from netemu.api.causes import bad_value, bad_values, duplicate, not_supported, one_of, required
from netemu.api.client import Object
from netemu.api.errors import Cause
from netemu.api.validation.expressions import check_conditions
from netemu.api.validation.selectors import check_label_selector

REVIEW_VERSIONS = ("v1", "v1beta1")
OPERATIONS = ("*", "CONNECT", "CREATE", "DELETE", "UPDATE")
WEBHOOK_VARIABLES = ("authorizer", "object", "oldObject", "request")

Json = Mapping[str, Any]


def check_webhooks(new: Object, old: Object | None) -> Iterator[Cause]:  # noqa: ARG001 - one of the checks
    """Check a MutatingWebhookConfiguration or ValidatingWebhookConfiguration."""
    seen: set[str] = set()
    for index, webhook in enumerate(new.get("webhooks") or ()):
        path, name = f"webhooks[{index}]", webhook.get("name", "")
        yield from _check_name(name, f"{path}.name", seen)
        yield from _check_client(webhook.get("clientConfig") or {}, f"{path}.clientConfig")
        for number, rule in enumerate(webhook.get("rules") or ()):
            yield from check_rule(rule, f"{path}.rules[{number}]")
        for key in ("namespaceSelector", "objectSelector"):
            yield from check_label_selector(webhook.get(key) or {}, f"{path}.{key}")
        yield from one_of(f"{path}.failurePolicy", webhook.get("failurePolicy", "Fail"), ("Fail", "Ignore"))
        yield from one_of(f"{path}.matchPolicy", webhook.get("matchPolicy", "Exact"), ("Equivalent", "Exact"))
        yield from _check_effects(webhook.get("sideEffects"), f"{path}.sideEffects")
        timeout_s = webhook.get("timeoutSeconds")
        if timeout_s is not None and not 1 <= timeout_s <= 30:
            why = "the timeout value must be between 1 and 30 seconds"
            yield bad_value(f"{path}.timeoutSeconds", timeout_s, why)
        yield from _check_versions(webhook.get("admissionReviewVersions"), f"{path}.admissionReviewVersions")
        yield from check_conditions(webhook, f"{path}.matchConditions", WEBHOOK_VARIABLES)


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


def check_rule(rule: Json, path: str) -> Iterator[Cause]:
    """Check a rule that says about which writes someone is asked."""
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
