"""ServiceAccounts, roles and their bindings."""

from __future__ import annotations

from collections.abc import Sequence

from netemu.cli.describe.head import Object, write_labels, write_name
from netemu.cli.describe.sheet import Sheet

_COLUMNS = ("Resources", "Non-Resource URLs", "Resource Names", "Verbs")


def write_service_account(sheet: Sheet, account: Object) -> None:
    """Write everything about a ServiceAccount but its events."""
    write_name(sheet, account)
    write_labels(sheet, account)
    secrets = [secret["name"] for secret in account.get("imagePullSecrets") or ()] or ["<none>"]
    for title, name in zip(["Image pull secrets:", *[""] * len(secrets)], secrets, strict=False):
        sheet.write(0, title, name)


def write_role(sheet: Sheet, role: Object) -> None:
    """Write what a role allows, resource by resource."""
    sheet.write(0, "Name:", role["metadata"]["name"])
    write_labels(sheet, role)
    sheet.write(0, "PolicyRule:")
    rows = [row for rule in role.get("rules") or () for row in _rows(rule)]
    sheet.table(1, _COLUMNS, rows)


def write_binding(sheet: Sheet, binding: Object) -> None:
    """Write who gets a role."""
    sheet.write(0, "Name:", binding["metadata"]["name"])
    write_labels(sheet, binding)
    sheet.write(0, "Role:")
    sheet.write(1, "Kind:", binding["roleRef"]["kind"])
    sheet.write(1, "Name:", binding["roleRef"]["name"])
    sheet.write(0, "Subjects:")
    subjects = binding.get("subjects") or ()
    sheet.table(
        1, ("Kind", "Name", "Namespace"), [(s["kind"], s["name"], s.get("namespace", "")) for s in subjects]
    )


def _rows(rule: Object) -> list[tuple[str, ...]]:
    names, verbs = _list(rule.get("resourceNames")), _list(rule.get("verbs"))
    urls = [("", _list([url]), names, verbs) for url in rule.get("nonResourceURLs") or ()]
    return urls + [
        (f"{resource}.{group}" if group else resource, "[]", names, verbs)
        for group in rule.get("apiGroups") or ()
        for resource in rule.get("resources") or ()
    ]


def _list(values: Sequence[str] | None) -> str:
    return f"[{' '.join(values or ())}]"
