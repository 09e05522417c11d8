"""Who writes, and how an apply goes on: from the query of a request. Pure.

Source: apimachinery ``pkg/apis/meta/v1/validation`` (PatchOptions), apiserver
``pkg/endpoints/handlers/create.go`` (``managerOrUserAgent``).
"""

from __future__ import annotations

from collections.abc import Mapping

from netemu.api.errors import Cause
from netemu.apiserver import bodies
from netemu.apiserver.words import invalid_options

MAX_MANAGER_BYTES = 128

Query = Mapping[str, str]


def field_manager(query: Query, user_agent: str) -> str:
    """Name who writes: as it says, else as its program is called.

    Raises:
        InvalidError: the name cannot be one.

    """
    given = query.get("fieldManager", "")
    if given:
        _check(given)
        return given
    program = "".join(c for c in user_agent.partition("/")[0] if c.isprintable())
    return program[:MAX_MANAGER_BYTES] or "unknown"


def apply_options(query: Query) -> bool:
    """Read whether an apply takes fields from others.

    Raises:
        InvalidError: it does not say who applies.

    """
    if not query.get("fieldManager"):
        message = "Required value: is required for apply patch"
        cause = Cause(field="fieldManager", message=message, reason="FieldValueRequired")
        raise invalid_options("PatchOptions", [cause])
    return bodies.parse_bool(query, "force")


def refuse_force(query: Query) -> None:
    """Refuse ``force`` where nothing is applied.

    Raises:
        InvalidError: it is given.

    """
    if "force" in query:
        message = "Forbidden: may not be specified for non-apply patch"
        cause = Cause(field="force", message=message, reason="FieldValueForbidden")
        raise invalid_options("PatchOptions", [cause])


def _check(manager: str) -> None:
    if len(manager.encode()) > MAX_MANAGER_BYTES:
        message = f"Too long: may not be more than {MAX_MANAGER_BYTES} bytes"
        cause = Cause(field="fieldManager", message=message, reason="FieldValueTooLong")
        raise invalid_options("PatchOptions", [cause])
    if not manager.isprintable():
        message = f'Invalid value: "{manager}": should only contain printable characters'
        raise invalid_options("PatchOptions", [Cause(field="fieldManager", message=message)])
