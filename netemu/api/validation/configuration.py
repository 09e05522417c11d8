"""The rules of ConfigMap, Secret, Node and Event."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from netemu.api import syntax
from netemu.api.causes import bad_value, bad_values, forbidden, immutable, required, too_long
from netemu.api.client import Object
from netemu.api.errors import Cause
from netemu.api.validation.tolerations import check_taints

_MAX_DATA_BYTES = 1024 * 1024
# What some types of Secret must hold.
_SECRET_KEYS = {
    "kubernetes.io/tls": ("tls.crt", "tls.key"),
    "kubernetes.io/dockerconfigjson": (".dockerconfigjson",),
    "kubernetes.io/ssh-auth": ("ssh-privatekey",),
}


def check_config_map(new: Object, old: Object | None) -> Iterator[Cause]:
    """Check a ConfigMap."""
    data, binary = new.get("data", {}), new.get("binaryData", {})
    yield from _check_keys(data, "data")
    for key in binary:
        yield from bad_values(f"binaryData[{key}]", key, syntax.config_key(key))
        if key in data:
            yield bad_value(f"data[{key}]", key, "duplicate of key present in binaryData")
    yield from _check_size("", {**data, **binary})
    if old is not None:
        yield from _check_frozen(new, old, ("data", "binaryData"))


def check_secret(new: Object, old: Object | None) -> Iterator[Cause]:
    """Check a Secret, after ``stringData`` has been moved into ``data``."""
    data = new.get("data", {})
    yield from _check_keys(data, "data")
    yield from _check_size("data", data)
    for key in _SECRET_KEYS.get(new.get("type", ""), ()):
        if key not in data:
            yield required(f"data[{key}]")
    if old is not None:
        if new.get("type") != old.get("type"):
            yield immutable("type", new.get("type"))
        yield from _check_frozen(new, old, ("data",))


def check_node(new: Object, old: Object | None) -> Iterator[Cause]:
    """Check a Node: its taints, and that its pod ranges stay once they are set."""
    spec = new.get("spec", {})
    yield from check_taints(spec.get("taints", ()), "spec.taints")
    for index, cidr in enumerate(spec.get("podCIDRs", ())):
        yield from bad_values(f"spec.podCIDRs[{index}]", cidr, syntax.cidr(cidr))
    had = (old or {}).get("spec", {})
    for key in ("podCIDR", "podCIDRs", "providerID"):
        if had.get(key) and spec.get(key) != had[key]:
            yield forbidden(f"spec.{key}", f'node updates may not change {key} except from "" to valid')


def check_event(new: Object, old: Object | None) -> Iterator[Cause]:  # noqa: ARG001 - one of the checks
    """Check an Event: it lives where its object lives."""
    about = new.get("involvedObject", {}).get("namespace", "")
    if about and about != new["metadata"].get("namespace"):
        yield bad_value("involvedObject.namespace", about, "does not match event.namespace")


def _check_keys(data: Mapping[str, Any], path: str) -> Iterator[Cause]:
    for key in data:
        yield from bad_values(f"{path}[{key}]", key, syntax.config_key(key))


def _check_size(path: str, data: Mapping[str, str]) -> Iterator[Cause]:
    if sum(len(value) for value in data.values()) > _MAX_DATA_BYTES:
        yield too_long(path or "data", _MAX_DATA_BYTES)


def _check_frozen(new: Object, old: Object, fields: tuple[str, ...]) -> Iterator[Cause]:
    """Check that what is marked ``immutable`` stays, and stays marked."""
    if not old.get("immutable"):
        return
    if not new.get("immutable"):
        yield forbidden("immutable", "field is immutable when `immutable` is set")
    for field in fields:
        if new.get(field, {}) != old.get(field, {}):
            yield forbidden(field, "field is immutable when `immutable` is set")
