"""The columns of RBAC, Leases, webhooks, definitions and APIServices. Pure."""

from __future__ import annotations

from netemu.api.client import Object
from netemu.apiserver.columns.column import AGE, NAME, UNKNOWN, UNSET, Column, column, count, field
from netemu.apiserver.columns.policy import CREATED


def _role(binding: Object) -> str:
    role = binding.get("roleRef") or {}
    return f"{role.get('kind', '')}/{role.get('name', '')}"


def _subjects(binding: Object, kind: str) -> str:
    subjects = [subject for subject in binding.get("subjects") or () if subject.get("kind") == kind]
    if kind == "ServiceAccount":
        return ", ".join(f"{s.get('namespace', '')}/{s['name']}" for s in subjects)
    return ", ".join(s["name"] for s in subjects)


ROLES: tuple[Column, ...] = (NAME, CREATED)
ROLE_BINDINGS: tuple[Column, ...] = (
    NAME,
    column("Role", _role),
    AGE,
    column("Users", lambda obj: _subjects(obj, "User"), wide=True),
    column("Groups", lambda obj: _subjects(obj, "Group"), wide=True),
    column("ServiceAccounts", lambda obj: _subjects(obj, "ServiceAccount"), wide=True),
)
LEASES: tuple[Column, ...] = (
    NAME,
    column("Holder", lambda obj: field(obj, "spec", "holderIdentity") or ""),
    AGE,
)
WEBHOOKS: tuple[Column, ...] = (NAME, count("Webhooks", lambda obj: len(obj.get("webhooks") or ())), AGE)
DEFINITIONS: tuple[Column, ...] = (NAME, CREATED)


def _api_service(obj: Object) -> str:
    service = field(obj, "spec", "service")
    return f"{service.get('namespace')}/{service.get('name')}" if service else "Local"


def _available(obj: Object) -> str:
    conditions = field(obj, "status", "conditions") or ()
    found = next((c for c in conditions if c["type"] == "Available"), None)
    if found is None:
        return UNKNOWN
    return "True" if found["status"] == "True" else f"{found['status']} ({found.get('reason', '')})"


API_SERVICES: tuple[Column, ...] = (
    NAME,
    column("Service", _api_service),
    column("Available", _available),
    AGE,
)


def _parameters_kind(policy: Object) -> str:
    kind = field(policy, "spec", "paramKind")
    return f"{kind.get('apiVersion', '')}/{kind.get('kind', '')}" if kind else UNSET


def _parameters(binding: Object) -> str:
    ref = field(binding, "spec", "paramRef")
    if not ref:
        return UNSET
    name = ref.get("name") or "*"
    return f"{ref['namespace']}/{name}" if ref.get("namespace") else f"*/{name}"


POLICIES: tuple[Column, ...] = (
    NAME,
    count("Validations", lambda obj: len(field(obj, "spec", "validations") or ())),
    column("ParamKind", _parameters_kind),
    AGE,
)
MUTATING_POLICIES: tuple[Column, ...] = (
    NAME,
    count("Mutations", lambda obj: len(field(obj, "spec", "mutations") or ())),
    column("ParamKind", _parameters_kind),
    AGE,
)
POLICY_BINDINGS: tuple[Column, ...] = (
    NAME,
    column("PolicyName", lambda obj: field(obj, "spec", "policyName") or ""),
    column("ParamRef", _parameters),
    AGE,
)
