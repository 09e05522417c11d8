"""Defaults of Namespace, Secret, Ingress and IngressClass."""

from __future__ import annotations

from base64 import b64encode

from netemu.api.client import Object
from netemu.api.defaulting.zero import fill_zero

NAMESPACE_LABEL = "kubernetes.io/metadata.name"


def fill_namespace(obj: Object) -> None:
    """Label it with its name and give it the finalizer that empties it."""
    metadata = obj.setdefault("metadata", {})
    if metadata.get("name"):
        metadata["labels"] = {**metadata.get("labels", {}), NAMESPACE_LABEL: metadata["name"]}
    if not metadata.get("deletionTimestamp"):
        obj.setdefault("spec", {}).setdefault("finalizers", ["kubernetes"])
    obj.setdefault("status", {}).setdefault("phase", "Active")


def fill_secret(obj: Object) -> None:
    """Move ``stringData``, which is write-only, into ``data``."""
    fill_zero(obj, "type", "Opaque")
    plain: dict[str, str] = obj.pop("stringData", {})
    if plain:
        encoded = {key: b64encode(value.encode()).decode() for key, value in plain.items()}
        obj["data"] = {**obj.get("data", {}), **encoded}


def fill_ingress(obj: Object) -> None:
    """Give it the status that it has until a controller serves it."""
    obj.setdefault("spec", {})
    obj.setdefault("status", {}).setdefault("loadBalancer", {})


def fill_ingress_class(obj: Object) -> None:
    """Give its parameters a scope."""
    parameters = obj.get("spec", {}).get("parameters")
    if parameters is not None:
        parameters.setdefault("scope", "Cluster")
