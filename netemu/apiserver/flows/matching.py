"""Which FlowSchema a request is of. Pure.

Source: apiserver ``pkg/util/flowcontrol/rule.go``.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from netemu.api.client import Object
from netemu.api.kinds import FLOW_SCHEMA, PRIORITY_LEVEL_CONFIGURATION, Kind
from netemu.apiserver.auth.attributes import Attributes
from netemu.apiserver.auth.user import User

REMEMBERED = 512
_ACCOUNT = "system:serviceaccount:"

Json = Mapping[str, Any]


class Flow(NamedTuple):
    """The UIDs of a request's FlowSchema and of its priority level, empty if there is none."""

    schema: str = ""
    level: str = ""


class Flows:
    """The schemas of one cluster, kept as they come and go; the first that matches counts."""

    def __init__(self) -> None:
        self._schemas: dict[str, Object] = {}
        self._levels: dict[str, str] = {}
        self._ordered: list[Object] = []
        self._known: dict[tuple[str, ...], Flow] = {}

    def note(self, kind: Kind, new: Object | None, old: Object | None) -> None:
        """Follow a write."""
        if kind is FLOW_SCHEMA:
            _keep(self._schemas, new, old, new)
            self._ordered = sorted(self._schemas.values(), key=_rank)
        elif kind is PRIORITY_LEVEL_CONFIGURATION:
            _keep(self._levels, new, old, new["metadata"]["uid"] if new is not None else "")
        else:
            return
        self._known.clear()

    def find(self, user: User, asked: Attributes) -> Flow:
        """Find the flow of a request; what is asked often is remembered."""
        place = (asked.path,) if not asked.resource else (asked.namespace, asked.group, asked.full_resource)
        key = (user.name, *user.groups, asked.verb, *place)
        found = self._known.get(key)
        if found is None:
            if len(self._known) >= REMEMBERED:
                self._known.clear()
            found = self._known[key] = self._matched(user, asked)
        return found

    def _matched(self, user: User, asked: Attributes) -> Flow:
        for schema in self._ordered:
            if any(_matches(rule, user, asked) for rule in schema["spec"].get("rules") or ()):
                level = schema["spec"]["priorityLevelConfiguration"]["name"]
                return Flow(schema["metadata"]["uid"], self._levels.get(level, ""))
        return Flow()


def _keep(held: dict[str, Any], new: Object | None, old: Object | None, value: Any) -> None:
    if new is not None:
        held[new["metadata"]["name"]] = value
    elif old is not None:
        held.pop(old["metadata"]["name"], None)


def _rank(schema: Object) -> tuple[int, str]:
    return int(schema["spec"].get("matchingPrecedence", 1000)), schema["metadata"]["name"]


def _matches(rule: Json, user: User, asked: Attributes) -> bool:
    if not any(_is_subject(subject, user) for subject in rule.get("subjects") or ()):
        return False
    if asked.resource:
        return any(_is_resource(each, asked) for each in rule.get("resourceRules") or ())
    return any(_is_path(each, asked) for each in rule.get("nonResourceRules") or ())


def _is_subject(subject: Json, user: User) -> bool:
    match subject.get("kind"):
        case "User":
            return subject["user"]["name"] in ("*", user.name)
        case "Group":
            return subject["group"]["name"] == "*" or subject["group"]["name"] in user.groups
        case "ServiceAccount":
            account = subject["serviceAccount"]
            place = f"{_ACCOUNT}{account['namespace']}:"
            return user.name == place + account["name"] or (
                account["name"] == "*" and user.name.startswith(place)
            )
        case _:
            return False


def _is_resource(rule: Json, asked: Attributes) -> bool:
    if not (
        _has(rule.get("verbs"), asked.verb)
        and _has(rule.get("apiGroups"), asked.group)
        and _has(rule.get("resources"), asked.full_resource)
    ):
        return False
    if not asked.namespace:
        return bool(rule.get("clusterScope"))
    return _has(rule.get("namespaces"), asked.namespace)


def _is_path(rule: Json, asked: Attributes) -> bool:
    paths = rule.get("nonResourceURLs") or ()
    return _has(rule.get("verbs"), asked.verb) and any(_covers(path, asked.path) for path in paths)


def _covers(path: str, asked: str) -> bool:
    return path in ("*", asked) or (path.endswith("/*") and asked.startswith(path[:-1]))


def _has(wanted: Iterable[str] | None, value: str) -> bool:
    return any(each in ("*", value) for each in wanted or ())
