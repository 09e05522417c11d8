"""Nobody grants what they do not have: roles and bindings, compared with the writer's own rules. Pure.

Source: https://kubernetes.io/docs/reference/access-authn-authz/rbac/#privilege-escalation-prevention-and-bootstrapping
and kubernetes ``pkg/registry/rbac/validation``.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator

from netemu.apiserver.auth.attributes import Attributes
from netemu.apiserver.auth.authorizer import Rule

Allows = Callable[[Rule, Attributes], bool]

_FIELDS = ("apiGroups", "resources", "resourceNames", "nonResourceURLs", "verbs")
_WORDS = {"apiGroups": "APIGroups", "nonResourceURLs": "NonResourceURLs"}


def not_held(granted: Iterable[Rule], held: list[Rule], allows: Allows, namespace: str) -> list[Rule]:
    """Give the rules of ``granted`` that go beyond those of ``held``."""
    return [
        rule
        for rule in granted
        if not all(any(allows(mine, asked) for mine in held) for asked in _requests(rule, namespace))
    ]


def described(rules: Iterable[Rule]) -> str:
    """Write rules as the API server prints them."""
    return "\n".join(
        "{" + ", ".join(_field(rule, name) for name in _FIELDS if rule.get(name)) + "}" for rule in rules
    )


def _requests(rule: Rule, namespace: str) -> Iterator[Attributes]:
    """Give every request that a rule allows; ``*`` is asked for as the word that it is."""
    for verb in rule.get("verbs") or ():
        for path in rule.get("nonResourceURLs") or ():
            yield Attributes(verb=verb, path=path)
        for group in rule.get("apiGroups") or ():
            for resource in rule.get("resources") or ():
                main, _, part = resource.partition("/")
                for name in rule.get("resourceNames") or ("",):
                    yield Attributes(
                        verb=verb,
                        group=group,
                        resource=main,
                        subresource=part,
                        namespace=namespace,
                        name=name,
                    )


def _field(rule: Rule, name: str) -> str:
    return f"{_WORDS.get(name, name[0].upper() + name[1:])}:{json.dumps(rule[name])}"
