"""The rules of Ingress and IngressClass.

Source: kubernetes ``pkg/apis/networking/validation``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from netemu.api import syntax
from netemu.api.causes import (
    bad_value,
    bad_values,
    immutable,
    one_of,
    required,
)
from netemu.api.client import Object
from netemu.api.errors import Cause

_PATH_TYPES = ("Exact", "ImplementationSpecific", "Prefix")
_FORBIDDEN_PARTS = ("//", "/./", "/../", "%2f", "%2F")
_FORBIDDEN_ENDS = ("/..", "/.")

Json = Mapping[str, Any]


def check_ingress(new: Object, old: Object | None) -> Iterator[Cause]:  # noqa: ARG001 - one of the checks
    """Check an Ingress."""
    spec = new.get("spec", {})
    rules = spec.get("rules", ())
    if not rules and not spec.get("defaultBackend"):
        yield bad_value("spec", rules or [], "either `defaultBackend` or `rules` must be specified")
    if spec.get("defaultBackend"):
        yield from _check_backend(spec["defaultBackend"], "spec.defaultBackend")
    if "ingressClassName" in spec:
        name = spec["ingressClassName"]
        yield from bad_values("spec.ingressClassName", name, syntax.subdomain(name))
    for index, rule in enumerate(rules):
        yield from _check_host(rule.get("host", ""), f"spec.rules[{index}].host")
        if "http" in rule:
            yield from _check_paths(rule["http"].get("paths", ()), f"spec.rules[{index}].http.paths")
    for index, tls in enumerate(spec.get("tls", ())):
        for place, host in enumerate(tls.get("hosts", ())):
            yield from _check_host(host, f"spec.tls[{index}].hosts[{place}]")


def check_ingress_class(new: Object, old: Object | None) -> Iterator[Cause]:
    """Check an IngressClass."""
    controller = new.get("spec", {}).get("controller", "")
    if not controller:
        yield required("spec.controller")
    elif "/" not in controller:
        yield bad_value(
            "spec.controller", controller, 'must be a domain-prefixed path (such as "acme.io/foo")'
        )
    if old is not None and controller != old.get("spec", {}).get("controller", ""):
        yield immutable("spec.controller", controller)


def _check_host(host: str, field: str) -> Iterator[Cause]:
    if not host:
        return
    if syntax.find_address(host) is not None:
        yield bad_value(field, host, "must be a DNS name, not an IP address")
    elif "*" in host:
        yield from bad_values(field, host, syntax.wildcard_subdomain(host))
    else:
        yield from bad_values(field, host, syntax.subdomain(host))


def _check_paths(paths: list[dict[str, Any]], field: str) -> Iterator[Cause]:
    if not paths:
        yield required(field)
    for index, path in enumerate(paths):
        yield from _check_path(path, f"{field}[{index}]")
        yield from _check_backend(path.get("backend", {}), f"{field}[{index}].backend")


def _check_path(path: Json, field: str) -> Iterator[Cause]:
    kind, text = path.get("pathType"), path.get("path", "")
    if kind is None:
        yield required(f"{field}.pathType", "pathType must be specified")
        return
    yield from one_of(f"{field}.pathType", kind, _PATH_TYPES)
    if kind == "ImplementationSpecific" and not text:
        return
    if not text.startswith("/"):
        yield bad_value(f"{field}.path", text, "must be an absolute path")
    if kind == "ImplementationSpecific":
        return
    for part in _FORBIDDEN_PARTS:
        if part in text:
            yield bad_value(f"{field}.path", text, f"must not contain '{part}'")
    for end in _FORBIDDEN_ENDS:
        if text.endswith(end):
            yield bad_value(f"{field}.path", text, f"cannot end with '{end}'")


def _check_backend(backend: Json, field: str) -> Iterator[Cause]:
    service, resource = backend.get("service"), backend.get("resource")
    if service is not None and resource is not None:
        yield bad_value(field, "", "cannot set both resource and service backends")
    elif resource is None:
        yield from _check_service(service or {}, f"{field}.service")


def _check_service(service: Json, field: str) -> Iterator[Cause]:
    name, port = service.get("name", ""), service.get("port", {})
    if not name:
        yield required(f"{field}.name")
    else:
        yield from bad_values(f"{field}.name", name, syntax.label(name))
    if port.get("name") and port.get("number"):
        yield bad_value(field, "", "cannot set both port name & port number")
    elif port.get("name"):
        yield from bad_values(f"{field}.port.name", port["name"], syntax.port_name(port["name"]))
    elif port.get("number"):
        yield from bad_values(f"{field}.port.number", port["number"], syntax.port_number(port["number"]))
    else:
        yield required(field, "port name or number is required")
