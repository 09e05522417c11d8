"""Refusals in Kubernetes' words.

Source: apimachinery ``pkg/api/errors``; tools match on these sentences.
"""

from __future__ import annotations

from collections.abc import Sequence

from netemu.api.errors import (
    AlreadyExistsError,
    Cause,
    ConflictError,
    ForbiddenError,
    InvalidError,
    NotFoundError,
)
from netemu.api.kinds import Kind


def not_found(kind: Kind, name: str) -> NotFoundError:
    """Say that an object does not exist."""
    return NotFoundError(f'{kind.key} "{name}" not found', group=kind.group, kind=kind.resource, name=name)


def already_exists(kind: Kind, name: str) -> AlreadyExistsError:
    """Say that the name is taken."""
    return AlreadyExistsError(
        f'{kind.key} "{name}" already exists', group=kind.group, kind=kind.resource, name=name
    )


def conflict(kind: Kind, name: str, why: str, *, subresource: str = "") -> ConflictError:
    """Say that the object is not what the request takes it for."""
    where = f"{kind.key}/{subresource}" if subresource else kind.key
    return ConflictError(
        f'Operation cannot be fulfilled on {where} "{name}": {why}',
        group=kind.group,
        kind=kind.resource,
        name=name,
    )


def modified(kind: Kind, name: str) -> ConflictError:
    """Say that the object changed since the caller read it."""
    why = "the object has been modified; please apply your changes to the latest version and try again"
    return conflict(kind, name, why)


def forbidden(kind: Kind, name: str, why: str, *, causes: tuple[Cause, ...] = ()) -> ForbiddenError:
    """Say that the request is understood and refused."""
    return ForbiddenError(
        f'{kind.key} "{name}" is forbidden: {why}',
        group=kind.group,
        kind=kind.resource,
        name=name,
        causes=causes,
    )


def namespace_terminating(kind: Kind, name: str, namespace: str) -> ForbiddenError:
    """Say that nothing new can be made in a namespace that is going away."""
    cause = Cause(
        field="metadata.namespace",
        message=f"namespace {namespace} is being terminated",
        reason="NamespaceTerminating",
    )
    why = f"unable to create new content in namespace {namespace} because it is being terminated"
    return forbidden(kind, name, why, causes=(cause,))


def invalid_options(kind: str, causes: Sequence[Cause]) -> InvalidError:
    """Say what is wrong with the options of a request."""
    said = [f"{cause.field}: {cause.message}" for cause in causes]
    listed = said[0] if len(said) == 1 else f"[{', '.join(said)}]"
    return InvalidError(
        f'{kind}.meta.k8s.io "" is invalid: {listed}',
        group="meta.k8s.io",
        kind=kind,
        causes=tuple(causes),
    )
