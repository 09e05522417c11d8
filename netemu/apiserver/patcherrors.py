"""How Kubernetes refuses a patch with fields that nobody knows, or that come twice. Pure.

Source: apiserver ``pkg/endpoints/handlers/patch.go``.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec

from netemu.api.errors import BadRequestError, Cause, InvalidError
from netemu.api.kinds import Kind

JSON_PATCH = "application/json-patch+json"
STRATEGIC_PATCH = "application/strategic-merge-patch+json"


def strict_patch_error(
    patch_type: str, patch: Any, patched: Any, unknown: Iterable[Cause], duplicates: Iterable[Cause]
) -> InvalidError:
    """Say which fields of a patch are unknown or doubled; ``patched`` is what it makes of its object."""
    prefix = "json patch " if patch_type == JSON_PATCH else ""
    said = [prefix + cause.message for cause in duplicates] + [cause.message for cause in unknown]
    return patch_error(patch_type, patch, patched, f"strict decoding error: {', '.join(said)}")


def undeclared(kind: Kind, wish: Any, unknown: Iterable[Cause]) -> BadRequestError:
    """Say which fields of an apply nobody knows (structured-merge-diff has words of its own)."""
    meta = wish["metadata"]
    of = f"{meta.get('namespace', '')}/{meta['name']}; {kind.api_version}, Kind={kind.kind}"
    said = [f".{cause.field}: field not declared in schema" for cause in unknown]
    listed = said[0] if len(said) == 1 else "errors:\n" + "\n".join(f"  {each}" for each in said)
    return BadRequestError(f"failed to create typed patch object ({of}): {listed}")


def patch_error(patch_type: str, patch: Any, patched: Any, why: str) -> InvalidError:
    """Say that what a patch makes of its object cannot be read as one of its kind."""
    shown = render_go(patch) if patch_type == STRATEGIC_PATCH else msgspec.json.encode(patched).decode()
    message = f"Invalid value: {_quoted(shown)}: {why}"
    return InvalidError(f' "" is invalid: patch: {message}', causes=(Cause(field="patch", message=message),))


def render_go(value: Any) -> str:
    """Write a value as Go's ``%+v`` does."""
    match value:
        case dict():
            inner = " ".join(f"{key}:{render_go(item)}" for key, item in sorted(value.items()))
            return f"map[{inner}]"
        case list():
            return f"[{' '.join(render_go(item) for item in value)}]"
        case None:
            return "<nil>"
        case bool():
            return "true" if value else "false"
        case _:
            return str(value)


def _quoted(text: str) -> str:
    return msgspec.json.encode(text).decode()
