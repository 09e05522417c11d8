"""Defaults of CustomResourceDefinition."""

from __future__ import annotations

from netemu.api.client import Object


def fill_definition(obj: Object) -> None:
    """Complete its names, and say that versions differ by their name only."""
    spec = obj.setdefault("spec", {})
    names = spec.setdefault("names", {})
    if names.get("kind"):
        names.setdefault("singular", names["kind"].lower())
        names.setdefault("listKind", f"{names['kind']}List")
    spec.setdefault("conversion", {}).setdefault("strategy", "None")
    for version in spec.get("versions", ()):
        version.setdefault("served", False)
        version.setdefault("storage", False)
    if spec["conversion"].get("webhook", {}).get("clientConfig", {}).get("service"):
        spec["conversion"]["webhook"]["clientConfig"]["service"].setdefault("port", 443)
    if spec.get("preserveUnknownFields") is False:
        del spec["preserveUnknownFields"]
