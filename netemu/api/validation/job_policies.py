"""The rules of a Job's policies: what failures mean, when enough has succeeded, limits by index.

Source: kubernetes ``pkg/apis/batch/validation``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from netemu.api.causes import bad_value, not_negative, not_supported, one_of, required, too_many
from netemu.api.errors import Cause

MAX_RULES = 20
MAX_VALUES = 255
INDEXED_ONLY = "requires indexed completion mode"

Json = Mapping[str, Any]


def check_job_policies(spec: Json, path: str) -> Iterator[Cause]:
    """Check what a Job says about the failures and successes of its pods."""
    indexed = spec.get("completionMode") == "Indexed"
    yield from _check_limits(spec, path, indexed=indexed)
    if spec.get("podFailurePolicy") is not None:
        yield from _check_failure_policy(spec, path)
    if spec.get("successPolicy") is not None:
        if not indexed:
            yield bad_value(f"{path}.successPolicy", spec["successPolicy"], INDEXED_ONLY)
        yield from _check_success_policy(spec, f"{path}.successPolicy.rules")
    policies = ("Failed",) if spec.get("podFailurePolicy") is not None else ("Failed", "TerminatingOrFailed")
    if spec.get("podReplacementPolicy") is not None:
        yield from one_of(f"{path}.podReplacementPolicy", spec["podReplacementPolicy"], policies)


def _check_limits(spec: Json, path: str, *, indexed: bool) -> Iterator[Cause]:
    per_index, most = spec.get("backoffLimitPerIndex"), spec.get("maxFailedIndexes")
    for key in ("backoffLimitPerIndex", "maxFailedIndexes"):
        yield from not_negative(f"{path}.{key}", spec.get(key))
        if spec.get(key) is not None and not indexed:
            yield bad_value(f"{path}.{key}", spec[key], INDEXED_ONLY)
    if most is None:
        return
    if per_index is None:
        yield required(f"{path}.backoffLimitPerIndex", "when maxFailedIndexes is specified")
    if spec.get("completions") is not None and most > spec["completions"]:
        yield bad_value(f"{path}.maxFailedIndexes", most, "must be less than or equal to completions")


def _check_failure_policy(spec: Json, path: str) -> Iterator[Cause]:
    rules = spec["podFailurePolicy"].get("rules") or []
    field = f"{path}.podFailurePolicy.rules"
    pod = (spec.get("template") or {}).get("spec") or {}
    if pod.get("restartPolicy") != "Never":
        why = 'only "Never" is supported when podFailurePolicy is specified'
        yield bad_value(f"{path}.template.spec.restartPolicy", pod.get("restartPolicy"), why)
    if len(rules) > MAX_RULES:
        yield too_many(field, len(rules), MAX_RULES)
    containers = [*(pod.get("containers") or ()), *(pod.get("initContainers") or ())]
    names = {container.get("name") for container in containers}
    for index, rule in enumerate(rules):
        yield from _check_rule(rule, f"{field}[{index}]", spec, names)


def _check_rule(rule: Json, path: str, spec: Json, names: set[Any]) -> Iterator[Cause]:
    yield from one_of(f"{path}.action", rule.get("action"), ("Count", "FailIndex", "FailJob", "Ignore"))
    if rule.get("action") == "FailIndex" and spec.get("backoffLimitPerIndex") is None:
        yield bad_value(f"{path}.action", "FailIndex", "requires the backoffLimitPerIndex to be set")
    codes, conditions = rule.get("onExitCodes"), rule.get("onPodConditions") or []
    if codes is not None and conditions:
        why = "specifying both OnExitCodes and OnPodConditions is not supported"
        yield Cause(field=path, message=f"Invalid value: {why}")
    if codes is None and not conditions:
        why = "specifying one of OnExitCodes and OnPodConditions is required"
        yield Cause(field=path, message=f"Invalid value: {why}")
    if codes is not None:
        yield from _check_exit_codes(codes, f"{path}.onExitCodes", names)
    for index, pattern in enumerate(conditions):
        states = ("False", "True", "Unknown")
        status = pattern.get("status", "True")
        yield from one_of(f"{path}.onPodConditions[{index}].status", status, states)


def _check_exit_codes(codes: Json, path: str, names: set[Any]) -> Iterator[Cause]:
    operator, values = codes.get("operator"), codes.get("values") or []
    if operator not in ("In", "NotIn"):
        yield not_supported(f"{path}.operator", operator, ("In", "NotIn"))
    if codes.get("containerName") is not None and codes["containerName"] not in names:
        why = "must be one of the container or initContainer names in the pod template"
        yield bad_value(f"{path}.containerName", codes["containerName"], why)
    if not values:
        yield bad_value(f"{path}.values", values, "at least one value is required")
    elif len(values) > MAX_VALUES:
        yield too_many(f"{path}.values", len(values), MAX_VALUES)
    if values != sorted(set(values)):
        yield bad_value(f"{path}.values", values, "must be ordered and without duplicates")
    if operator == "In" and 0 in values:
        place = values.index(0)
        yield bad_value(f"{path}.values[{place}]", 0, "must not be 0 for the In operator")


def _check_success_policy(spec: Json, path: str) -> Iterator[Cause]:
    rules = spec["successPolicy"].get("rules") or []
    if not rules:
        yield required(path, "at least one rules must be specified when the successPolicy is specified")
    if len(rules) > MAX_RULES:
        yield too_many(path, len(rules), MAX_RULES)
    completions = spec.get("completions")
    for index, rule in enumerate(rules):
        field, count = f"{path}[{index}]", rule.get("succeededCount")
        if count is None and rule.get("succeededIndexes") is None:
            why = "at least one of succeededCount or succeededIndexes must be specified"
            yield required(field, why)
        yield from _check_indexes(rule.get("succeededIndexes"), f"{field}.succeededIndexes", completions)
        yield from not_negative(f"{field}.succeededCount", count)
        if count is not None and completions is not None and count > completions:
            why = f"must be less than or equal to {completions} (the number of specified completions)"
            yield bad_value(f"{field}.succeededCount", count, why)


def _check_indexes(text: str | None, field: str, completions: int | None) -> Iterator[Cause]:
    """Check ``0,2-4``: numbers below the completions, in order."""
    if text is None:
        return
    last = -1
    for part in text.split(","):
        for number in part.split("-", 1):
            if not (number.isascii() and number.isdigit()):
                why = (
                    f'error parsing succeededIndexes: cannot convert string to integer for index: "{number}"'
                )
                yield bad_value(field, text, why)
                return
            if int(number) <= last:
                why = f"non-increasing order, previous: {last}, current: {number}"
                yield bad_value(field, text, f"error parsing succeededIndexes: {why}")
                return
            last = int(number)
    if completions is not None and last >= completions:
        yield bad_value(field, text, f"error parsing succeededIndexes: too large index: {last}")
