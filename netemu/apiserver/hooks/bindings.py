"""Which policies are to be asked about a write, with which of their parameters. Pure.

Source: apiserver ``pkg/admission/plugin/policy/generic/policy_dispatcher.go`` (words).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from netemu.api.client import Object
from netemu.api.kinds import Kind
from netemu.api.selectors import matches
from netemu.api.views.meta import LabelSelector
from netemu.apiserver.hooks import matching
from netemu.apiserver.hooks.attempt import Attempt
from netemu.apiserver.hooks.matching import FindNamespace, Versions

Json = Mapping[str, Any]
FindParams = Callable[[Json, Json, str], list[Object] | None]
"""Finds the parameters of a policy's kind that a binding names: ``None`` where there is no such kind."""


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What policies are matched against, beside the write itself."""

    versions: Versions
    find_namespace: FindNamespace
    find_params: FindParams


@dataclass(frozen=True, slots=True)
class Invocation:
    """A policy that is to be asked, as one binding wants it, with one of its parameters.

    ``problem`` says why there is no parameter where there must be one.
    """

    policy: Object
    binding: Object
    params: Object | None = None
    problem: str = ""

    @property
    def names(self) -> tuple[str, str]:
        """The names of policy and binding."""
        return self.policy["metadata"]["name"], self.binding["metadata"]["name"]

    @property
    def key(self) -> tuple[str, ...]:
        """What tells it from others."""
        meta = self.params["metadata"] if self.params is not None else {}
        return (*self.names, meta.get("namespace", ""), meta.get("name", ""))

    @property
    def spec(self) -> Json:
        """What the policy says."""
        spec: Json = self.policy["spec"]
        return spec

    @property
    def is_ignorant(self) -> bool:
        """Whether what cannot be decided is let pass."""
        return self.spec.get("failurePolicy") == "Ignore"


def invocations(
    policies: Iterable[Object], bindings: Iterable[Object], attempt: Attempt, around: Surroundings
) -> Iterator[Invocation]:
    """Give all that are to be asked, in the order of policies and bindings."""
    bindings = tuple(bindings)
    for policy in policies:
        spec = policy["spec"]
        if not _matches(spec.get("matchConstraints") or {}, attempt, around):
            continue
        for binding in bindings:
            bound = binding["spec"]
            if bound["policyName"] != policy["metadata"]["name"] or not _is_bound(bound, attempt, around):
                continue
            for params in _all_params(spec, bound, attempt, around):
                if isinstance(params, str):
                    yield Invocation(policy, binding, problem=f"failed to configure binding: {params}")
                else:
                    yield Invocation(policy, binding, params)


def selected_params(found: Iterable[Object], ref: Json) -> list[Object]:
    """Give those of all possible parameters that a reference selects."""
    if ref.get("name"):
        return [obj for obj in found if obj["metadata"]["name"] == ref["name"]]
    wanted = msgspec.convert(ref.get("selector") or {}, LabelSelector)
    return [obj for obj in found if matches(wanted, obj["metadata"].get("labels") or {})]


def is_kind_of(kind: Kind, param_kind: Json) -> bool:
    """Tell whether a kind is the one that a policy takes its parameters from."""
    return (kind.api_version, kind.kind) == (param_kind.get("apiVersion"), param_kind.get("kind"))


def values_for(invocation: Invocation, attempt: Attempt, around: Surroundings) -> dict[str, Any]:
    """Give what the expressions of a policy may speak of, but for its variables."""
    has_namespace = attempt.namespace and attempt.kind.namespaced
    return {
        "object": attempt.object,
        "oldObject": attempt.old,
        "authorizer": attempt.authorizer(),
        "request": attempt.request(""),
        "params": invocation.params,
        "namespaceObject": around.find_namespace(attempt.namespace) if has_namespace else None,
        "variables": {},
    }


def _matches(matched: Json, attempt: Attempt, around: Surroundings) -> bool:
    is_exact = matched.get("matchPolicy") == "Exact"
    excluded = matched.get("excludeResourceRules") or ()
    if matching.wanted_kind(excluded, attempt, around.versions, is_exact=is_exact) is not None:
        return False
    rules = matched.get("resourceRules") or ()
    if matching.wanted_kind(rules, attempt, around.versions, is_exact=is_exact) is None:
        return False
    return matching.selects(matched, attempt, around.find_namespace)


def _is_bound(bound: Json, attempt: Attempt, around: Surroundings) -> bool:
    matched = bound.get("matchResources")
    if not matched:
        return True
    if matched.get("resourceRules"):
        return _matches(matched, attempt, around)
    excluded = matched.get("excludeResourceRules") or ()
    if matching.wanted_kind(excluded, attempt, around.versions) is not None:
        return False
    return matching.selects(matched, attempt, around.find_namespace)


def _all_params(
    spec: Json, bound: Json, attempt: Attempt, around: Surroundings
) -> Iterator[Object | str | None]:
    """Give each parameter that a binding names; a text says why there is none."""
    kind, ref = spec.get("paramKind"), bound.get("paramRef")
    if not kind or not ref:
        yield None
        return
    found = around.find_params(kind, ref, attempt.namespace)
    if found is None:
        yield (
            "failed to find resource referenced by paramKind:"
            f" '{kind.get('apiVersion')}, Kind={kind.get('kind')}'"
        )
    elif found:
        yield from found
    elif ref.get("parameterNotFoundAction", "Deny") == "Deny":
        yield "no params found for policy binding with `Deny` parameterNotFoundAction"
