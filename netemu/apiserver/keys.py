"""Where objects are in the store. Pure."""

from __future__ import annotations

from netemu.api.kinds import Kind


def key_of(kind: Kind, namespace: str, name: str) -> str:
    """Give the key of an object."""
    return f"{kind.key}/{namespace}/{name}" if kind.namespaced else f"{kind.key}/{name}"


def prefix_of(kind: Kind, namespace: str) -> str:
    """Give what the keys of all objects of a kind begin with, or of those of one namespace."""
    return f"{kind.key}/{namespace}/" if kind.namespaced and namespace else f"{kind.key}/"
