"""The rules of containers: names, ports, environment, mounts, resources.

Source: kubernetes ``pkg/apis/core/validation`` (``validateContainers`` and below).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from netemu.api import quantity, syntax
from netemu.api.causes import (
    bad_value,
    bad_values,
    duplicate,
    forbidden,
    not_found,
    one_of,
    required,
)
from netemu.api.errors import Cause
from netemu.api.validation.probes import check_lifecycle, check_probes

PROTOCOLS = ("SCTP", "TCP", "UDP")
_PULL_POLICIES = ("Always", "IfNotPresent", "Never")
_SOURCES = ("fieldRef", "resourceFieldRef", "configMapKeyRef", "secretKeyRef", "fileKeyRef")
_FIELD_PATHS = (
    "metadata.name",
    "metadata.namespace",
    "metadata.uid",
    "spec.nodeName",
    "spec.serviceAccountName",
    "status.hostIP",
    "status.hostIPs",
    "status.podIP",
    "status.podIPs",
)

Json = Mapping[str, Any]


def check_containers(spec: Json, path: str) -> Iterator[Cause]:
    """Check the containers and init containers of a pod's spec."""
    volumes = {volume.get("name") for volume in spec.get("volumes", ())}
    seen: set[str] = set()
    if not spec.get("containers"):
        yield required(f"{path}.containers")
    for group in ("initContainers", "containers"):
        for index, container in enumerate(spec.get(group, ())):
            field = f"{path}.{group}[{index}]"
            yield from _check_name(container.get("name", ""), f"{field}.name", seen)
            yield from _check_container(container, field, volumes)
            yield from _check_hooks(container, field, is_init=group == "initContainers")


def check_host_ports(spec: Json, path: str, *, is_pod: bool) -> Iterator[Cause]:
    """Check that no two ports of a pod ask for the same port of the node."""
    taken: set[str] = set()
    for index, container in enumerate(spec.get("containers", ())):
        for number, port in enumerate(container.get("ports", ())):
            field = f"{path}.containers[{index}].ports[{number}]"
            host_port, own = port.get("hostPort", 0), port.get("containerPort", 0)
            if spec.get("hostNetwork") and (is_pod or host_port) and host_port != own:
                yield bad_value(
                    f"{field}.containerPort", own, "must match `hostPort` when `hostNetwork` is true"
                )
            key = f"{port.get('protocol', '')}/{port.get('hostIP', '')}/{host_port}"
            if host_port and key in taken:
                yield duplicate(f"{field}.hostPort", key)
            taken.add(key)


def _check_name(name: str, field: str, seen: set[str]) -> Iterator[Cause]:
    if not name:
        yield required(field)
        return
    yield from bad_values(field, name, syntax.label(name))
    if name in seen:
        yield duplicate(field, name)
    seen.add(name)


def _check_container(container: Json, field: str, volumes: set[Any]) -> Iterator[Cause]:
    image = container.get("image", "")
    if not image:
        yield required(f"{field}.image")
    elif image != image.strip():
        yield bad_value(f"{field}.image", image, "must not have leading or trailing whitespace")
    yield from one_of(f"{field}.imagePullPolicy", container.get("imagePullPolicy"), _PULL_POLICIES)
    yield from _check_ports(container.get("ports", ()), f"{field}.ports")
    for index, variable in enumerate(container.get("env", ())):
        yield from _check_variable(variable, f"{field}.env[{index}]")
    yield from _check_mounts(container.get("volumeMounts", ()), f"{field}.volumeMounts", volumes)
    yield from _check_resources(container.get("resources", {}), f"{field}.resources")


def _check_hooks(container: Json, field: str, *, is_init: bool) -> Iterator[Cause]:
    if is_init and container.get("restartPolicy") != "Always":
        for name in ("lifecycle", "livenessProbe", "readinessProbe", "startupProbe"):
            if name in container:
                yield forbidden(
                    f"{field}.{name}", "may not be set for init containers without restartPolicy=Always"
                )
        return
    yield from check_probes(container, field)
    yield from check_lifecycle(container.get("lifecycle", {}), f"{field}.lifecycle")


def _check_ports(ports: list[dict[str, Any]], path: str) -> Iterator[Cause]:
    names: set[str] = set()
    for index, port in enumerate(ports):
        field, name = f"{path}[{index}]", port.get("name", "")
        if name:
            yield from bad_values(f"{field}.name", name, syntax.port_name(name))
            if name in names:
                yield duplicate(f"{field}.name", name)
            names.add(name)
        number = port.get("containerPort", 0)
        if number == 0:
            yield required(f"{field}.containerPort")
        else:
            yield from bad_values(f"{field}.containerPort", number, syntax.port_number(number))
        if port.get("hostPort"):
            yield from bad_values(f"{field}.hostPort", port["hostPort"], syntax.port_number(port["hostPort"]))
        if port.get("hostIP"):
            yield from bad_values(f"{field}.hostIP", port["hostIP"], syntax.address(port["hostIP"]))
        yield from one_of(f"{field}.protocol", port.get("protocol"), PROTOCOLS)


def _check_variable(variable: Json, field: str) -> Iterator[Cause]:
    name = variable.get("name", "")
    if not name:
        yield required(f"{field}.name")
    else:
        yield from bad_values(f"{field}.name", name, syntax.env_name(name))
    source = variable.get("valueFrom")
    if source is None:
        return
    given = [known for known in _SOURCES if known in source]
    if not given:
        known = "`fieldRef`, `resourceFieldRef`, `configMapKeyRef` or `secretKeyRef`"
        yield bad_value(f"{field}.valueFrom", source, f"must specify one of: {known}")
    elif len(given) > 1:
        yield bad_value(f"{field}.valueFrom", source, "may not have more than one field specified at a time")
    if given and variable.get("value"):
        yield bad_value(f"{field}.valueFrom", source, "may not be specified when `value` is not empty")
    yield from _check_source(source, f"{field}.valueFrom")


def _check_source(source: Json, field: str) -> Iterator[Cause]:
    for name in ("configMapKeyRef", "secretKeyRef"):
        if name in source:
            key = source[name].get("key", "")
            if not key:
                yield required(f"{field}.{name}.key")
            else:
                yield from bad_values(f"{field}.{name}.key", key, syntax.config_key(key))
    if "fieldRef" in source:
        path = source["fieldRef"].get("fieldPath", "")
        if not path:
            yield required(f"{field}.fieldRef.fieldPath")
        elif not path.startswith(("metadata.labels['", "metadata.annotations['")):
            yield from one_of(f"{field}.fieldRef.fieldPath", path, _FIELD_PATHS)


def _check_mounts(mounts: list[dict[str, Any]], path: str, volumes: set[Any]) -> Iterator[Cause]:
    paths: set[str] = set()
    for index, mount in enumerate(mounts):
        field, name, target = f"{path}[{index}]", mount.get("name", ""), mount.get("mountPath", "")
        if not name:
            yield required(f"{field}.name")
        elif name not in volumes:
            yield not_found(f"{field}.name", name)
        if not target:
            yield required(f"{field}.mountPath")
        elif target in paths:
            yield bad_value(f"{field}.mountPath", target, "must be unique")
        paths.add(target)


def _check_resources(resources: Json, field: str) -> Iterator[Cause]:
    limits = resources.get("limits", {})
    for kind in ("limits", "requests"):
        for name, amount in resources.get(kind, {}).items():
            where = f"{field}.{kind}[{name}]" if "." in name or "/" in name else f"{field}.{kind}.{name}"
            yield from bad_values(f"{field}.{kind}", name, syntax.qualified_name(name))
            if quantity.parse(amount) < 0:
                yield bad_value(where, str(amount), "must be greater than or equal to 0")
            elif (
                kind == "requests"
                and name in limits
                and quantity.parse(amount) > quantity.parse(limits[name])
            ):
                yield bad_value(
                    f"{field}.requests",
                    str(amount),
                    f"must be less than or equal to {name} limit of {limits[name]}",
                )
