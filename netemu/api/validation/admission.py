"""The rules of admission policies and their bindings, in the words of Kubernetes.

Source: kubernetes ``pkg/apis/admissionregistration/validation``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from netemu.api import syntax
from netemu.api.causes import bad_value, bad_values, duplicate, forbidden, not_supported, one_of, required
from netemu.api.cel import VARIABLES, CompileError, mutation, optional_variables
from netemu.api.cel.values import KEYWORDS
from netemu.api.client import Object
from netemu.api.errors import Cause
from netemu.api.validation.expressions import check_conditions, check_expression
from netemu.api.validation.hooks import check_rule
from netemu.api.validation.selectors import check_label_selector

ACTIONS = ("Audit", "Deny", "Warn")
REASONS = ("Forbidden", "Invalid", "RequestEntityTooLarge", "Unauthorized")
MUTABLE = ("*", "CONNECT", "CREATE", "UPDATE")
MAX_ANNOTATIONS = 20
_IDENTIFIER = re.compile("[_a-zA-Z][_a-zA-Z0-9]*")

Json = Mapping[str, Any]


def check_validating(new: Object, old: Object | None) -> Iterator[Cause]:  # noqa: ARG001 - one of the checks
    """Check a ValidatingAdmissionPolicy."""
    spec = new.get("spec") or {}
    yield from _check_head(spec)
    if not spec.get("validations") and not spec.get("auditAnnotations"):
        why = "validations or auditAnnotations must contain at least one item"
        yield required("spec.validations", why)
        yield required("spec.auditAnnotations", why)
    for index, rule in enumerate(spec.get("validations") or ()):
        yield from _check_validation(rule, f"spec.validations[{index}]", spec)
    yield from _check_annotations(new, spec)


def check_mutating(new: Object, old: Object | None) -> Iterator[Cause]:  # noqa: ARG001 - one of the checks
    """Check a MutatingAdmissionPolicy."""
    spec = new.get("spec") or {}
    yield from _check_head(spec)
    yield from _check_mutable(spec.get("matchConstraints") or {}, "spec.matchConstraints")
    if not spec.get("mutations"):
        yield required("spec.mutations", "mutations must contain at least one item")
    for index, each in enumerate(spec.get("mutations") or ()):
        yield from _check_mutation(each, f"spec.mutations[{index}]", spec)
    if not spec.get("reinvocationPolicy"):
        yield required("spec.reinvocationPolicy")
    else:
        yield from one_of("spec.reinvocationPolicy", spec["reinvocationPolicy"], ("IfNeeded", "Never"))


def check_validating_binding(new: Object, old: Object | None) -> Iterator[Cause]:  # noqa: ARG001 - one of the checks
    """Check a ValidatingAdmissionPolicyBinding."""
    spec = new.get("spec") or {}
    yield from _check_binding(spec)
    actions = spec.get("validationActions") or []
    for index, action in enumerate(actions):
        yield from one_of(f"spec.validationActions[{index}]", action, ACTIONS)
        if action in actions[:index]:
            yield duplicate(f"spec.validationActions[{index}]", action)
    if {"Deny", "Warn"} <= set(actions):
        why = "must not contain both Deny and Warn (repeating the same validation failure information in the"
        yield bad_value(
            "spec.validationActions", actions, f"{why} API response and headers serves no purpose)"
        )
    if not actions:
        yield required("spec.validationActions", "at least one validation action is required")


def check_mutating_binding(new: Object, old: Object | None) -> Iterator[Cause]:  # noqa: ARG001 - one of the checks
    """Check a MutatingAdmissionPolicyBinding."""
    spec = new.get("spec") or {}
    yield from _check_binding(spec)
    yield from _check_mutable(spec.get("matchResources") or {}, "spec.matchResources")


def _check_head(spec: Json) -> Iterator[Cause]:
    """Check what policies of both kinds have."""
    yield from one_of("spec.failurePolicy", spec.get("failurePolicy", "Fail"), ("Fail", "Ignore"))
    if spec.get("paramKind"):
        yield from _check_param_kind(spec["paramKind"], "spec.paramKind")
    matched = spec.get("matchConstraints")
    if matched is None:
        yield required("spec.matchConstraints")
    else:
        yield from _check_resources(matched, "spec.matchConstraints")
        if not matched.get("resourceRules"):
            yield required("spec.matchConstraints.resourceRules")
    yield from check_conditions(spec, "spec.matchConditions", _variables(spec))
    for index, variable in enumerate(spec.get("variables") or ()):
        yield from _check_variable(variable, f"spec.variables[{index}]", spec)


def _variables(spec: Json) -> tuple[str, ...]:
    """Give what expressions of a policy may speak of."""
    return tuple(name for name in VARIABLES if name != "params" or spec.get("paramKind"))


def _check_resources(matched: Json, path: str) -> Iterator[Cause]:
    policy = matched.get("matchPolicy", "Equivalent")
    yield from one_of(f"{path}.matchPolicy", policy, ("Equivalent", "Exact"))
    for key in ("namespaceSelector", "objectSelector"):
        yield from check_label_selector(matched.get(key) or {}, f"{path}.{key}")
    for key in ("resourceRules", "excludeResourceRules"):
        for index, rule in enumerate(matched.get(key) or ()):
            names = rule.get("resourceNames") or ()
            for number, name in enumerate(names):
                at = f"{path}.{key}[{index}].resourceNames[{number}]"
                yield from bad_values(at, name, syntax.path_segment(name))
                if name in names[:number]:
                    yield duplicate(at, name)
            yield from check_rule(rule, f"{path}.{key}[{index}]")


def _check_mutable(matched: Json, path: str) -> Iterator[Cause]:
    """Refuse what cannot be changed: what is deleted."""
    for rule in matched.get("resourceRules") or ():
        for operation in rule.get("operations") or ():
            yield from one_of(f"{path}.resourceRules.operations", operation, MUTABLE)


def _check_param_kind(kind: Json, path: str) -> Iterator[Cause]:
    said, name = kind.get("apiVersion") or "", kind.get("kind") or ""
    group, slash, version = said.rpartition("/")
    if not said:
        yield required(f"{path}.apiVersion")
    elif "/" in group:
        yield bad_value(f"{path}.apiVersion", said, f"unexpected GroupVersion string: {said}")
    else:
        if slash and group:
            yield from bad_values(f"{path}.apiVersion", group, syntax.subdomain(group))
        if not version:
            yield bad_value(f"{path}.apiVersion", said, "version must be specified")
        else:
            yield from bad_values(f"{path}.apiVersion", version, syntax.label_1035(version))
    if not name:
        yield required(f"{path}.kind")
    elif broken := syntax.label_1035(name.lower()):
        why = f"may have mixed case, but should otherwise match: {','.join(broken)}"
        yield bad_value(f"{path}.kind", name, why)


def _check_variable(variable: Json, path: str, spec: Json) -> Iterator[Cause]:
    name, text = variable.get("name") or "", variable.get("expression") or ""
    if not name.strip():
        yield required(f"{path}.name", "name is not specified")
    elif not _IDENTIFIER.fullmatch(name) or name in KEYWORDS:
        yield bad_value(f"{path}.name", name, "name is not a valid CEL identifier")
    missing = "expression is not specified"
    optionals = optional_variables(spec)
    yield from check_expression(
        text, f"{path}.expression", _variables(spec), missing=missing, optionals=optionals
    )


def _check_validation(rule: Json, path: str, spec: Json) -> Iterator[Cause]:
    text, told, message = (rule.get(key) or "" for key in ("expression", "messageExpression", "message"))
    names, missing = _variables(spec), "expression is not specified"
    optionals = optional_variables(spec)
    yield from check_expression(
        text, f"{path}.expression", names, "BOOL", missing=missing, optionals=optionals
    )
    if told and not told.strip():
        yield bad_value(f"{path}.messageExpression", told, "must be non-empty if specified")
    elif told:
        names = tuple(name for name in names if name != "authorizer")
        at = f"{path}.messageExpression"
        yield from check_expression(told, at, names, "STRING", optionals=optionals)
    if message and not message.strip():
        yield bad_value(f"{path}.message", message, "message must be non-empty if specified")
    elif re.search(r"[\n\r]", message.strip()):
        yield bad_value(f"{path}.message", message, "message must not contain line breaks")
    if rule.get("reason"):
        yield from one_of(f"{path}.reason", rule["reason"], REASONS)


def _check_annotations(policy: Json, spec: Json) -> Iterator[Cause]:
    annotations, seen = spec.get("auditAnnotations") or (), set[str]()
    if len(annotations) > MAX_ANNOTATIONS:
        why = f"must not have more than {MAX_ANNOTATIONS} auditAnnotations"
        yield bad_value("spec.auditAnnotations", annotations, why)
        return
    for index, each in enumerate(annotations):
        path, key = f"spec.auditAnnotations[{index}]", each.get("key") or ""
        whole = f"{policy['metadata'].get('name', '')}/{key}"
        yield from bad_values(f"{path}.key", whole, syntax.qualified_name(whole))
        yield from check_expression(
            each.get("valueExpression") or "",
            f"{path}.valueExpression",
            _variables(spec),
            "STRING",
            "NULL",
            missing="valueExpression is not specified",
            optionals=optional_variables(spec),
        )
        if key in seen:
            yield duplicate(f"{path}.key", key)
        seen.add(key)


def _check_mutation(given: Json, path: str, spec: Json) -> Iterator[Cause]:
    type_ = given.get("patchType") or ""
    if not type_:
        yield required(f"{path}.patchType")
        return
    if type_ not in mutation.FIELDS:
        yield not_supported(f"{path}.patchType", type_, mutation.FIELDS)
        return
    for other, key in mutation.FIELDS.items():
        if other == type_:
            yield from _check_patch(given.get(key), f"{path}.{key}", type_, spec)
        elif given.get(key) is not None:
            why = f"must not be specified when patchType is {type_}"
            yield bad_value(f"{path}.{key}", f"{{{key}}}", why)


def _check_patch(patch: Json | None, path: str, type_: str, spec: Json) -> Iterator[Cause]:
    if patch is None:
        yield required(path, f"must be specified when patchType is {type_}")
        return
    text = patch.get("expression") or ""
    if not text.strip():
        yield required(f"{path}.expression")
        return
    try:
        mutation.compile_patch(text, type_, _variables(spec), optional_variables(spec))
    except CompileError as err:
        yield bad_value(f"{path}.expression", text, err.message)


def _check_binding(spec: Json) -> Iterator[Cause]:
    """Check what bindings of both kinds have."""
    name = spec.get("policyName") or ""
    if not name:
        yield required("spec.policyName")
    else:
        yield from bad_values("spec.policyName", name, syntax.subdomain(name))
    if spec.get("paramRef") is not None:
        yield from _check_param_ref(spec["paramRef"], "spec.paramRef")
    if spec.get("matchResources") is not None:
        yield from _check_resources(spec["matchResources"], "spec.matchResources")


def _check_param_ref(ref: Json, path: str) -> Iterator[Cause]:
    name, selector = ref.get("name") or "", ref.get("selector")
    if name:
        yield from bad_values(f"{path}.name", name, syntax.path_segment(name))
        if selector is not None:
            for key in ("name", "selector"):
                yield forbidden(f"{path}.{key}", "name and selector are mutually exclusive")
    if selector is not None:
        yield from check_label_selector(selector, f"{path}.selector")
    elif not name:
        yield required(path, "one of name or selector must be specified")
    action = ref.get("parameterNotFoundAction")
    if not action:
        yield required(f"{path}.parameterNotFoundAction")
    else:
        yield from one_of(f"{path}.parameterNotFoundAction", action, ("Allow", "Deny"))
