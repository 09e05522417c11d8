"""The rules of every kind, in Kubernetes' own words and with its field paths.

Source: kubernetes ``pkg/apis/*/validation`` (rules and wording).
"""

from __future__ import annotations

from collections.abc import Iterable

from netemu.api.client import Object
from netemu.api.errors import Cause, InvalidError
from netemu.api.kinds import Kind
from netemu.api.validation.meta import check_metadata


def validate(kind: Kind, new: Object, old: Object | None = None) -> tuple[Cause, ...]:
    """Give every rule that an object breaks; with ``old``, also what may not change.

    ``new`` must have passed ``netemu.api.schema.check`` and ``netemu.api.defaulting.default``.
    """
    return tuple(check_metadata(kind, new, old))


def invalid(kind: Kind, name: str, causes: Iterable[Cause]) -> InvalidError:
    """Make the error of an object that breaks rules, with Kubernetes' message for it."""
    causes = tuple(causes)
    said = list(dict.fromkeys(f"{cause.field}: {cause.message}" for cause in causes))
    what = said[0] if len(said) == 1 else f"[{', '.join(said)}]"
    qualified = f"{kind.kind}.{kind.group}" if kind.group else kind.kind
    return InvalidError(
        f'{qualified} "{name}" is invalid: {what}', group=kind.group, kind=kind.kind, name=name, causes=causes
    )
