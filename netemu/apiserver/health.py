"""Whether the API is alive and ready: ``/healthz``, ``/livez``, ``/readyz`` and their checks. Pure.

Source: https://kubernetes.io/docs/reference/using-api/health-checks/.
"""

from __future__ import annotations

from typing import NamedTuple

from netemu.api.errors import NotFoundError

PROBES = ("healthz", "livez", "readyz")

_PING, _CLUSTER = "ping", "cluster"


class Health(NamedTuple):
    """What a probe answers."""

    text: str
    is_ok: bool = True


def probe(name: str, check: str, missing: str, *, verbose: bool, excluded: frozenset[str]) -> Health:
    """Answer a probe, or (``check``) one of its checks; ``missing`` is what a cluster still waits for.

    Raises:
        NotFoundError: it has no such check.

    """
    checks = {_PING: ""} if name != "readyz" else {_PING: "", _CLUSTER: missing}
    if check:
        if check not in checks:
            raise NotFoundError("the server could not find the requested resource")
        return Health(checks[check] or "ok", not checks[check])
    failed = [what for key, what in checks.items() if what and key not in excluded]
    if verbose:
        return Health(_render(name, checks, excluded, bool(failed)), not failed)
    return Health(failed[0] if failed else "ok", not failed)


def _render(name: str, checks: dict[str, str], excluded: frozenset[str], failed: bool) -> str:
    lines = [_line(key, what, key in excluded) for key, what in checks.items()]
    return "\n".join([*lines, f"{name} check {'failed' if failed else 'passed'}", ""])


def _line(key: str, what: str, is_excluded: bool) -> str:
    if is_excluded:
        return f"[+]{key} excluded: ok"
    return f"[-]{key} failed: waits for {what}" if what else f"[+]{key} ok"
