"""The containers of a pod, or of a pod template."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from netemu.agent.amounts import container_resource
from netemu.cli.describe.sheet import Sheet, render_time

Object = Mapping[str, Any]

_OF_NODES = ("cpu", "memory")


def write_containers(
    sheet: Sheet, title: str, containers: Sequence[Object], statuses: Sequence[Object], indent: int
) -> None:
    """Write each container's spec and, where there is one, its status."""
    if not containers:
        return
    by_name = {status["name"]: status for status in statuses}
    sheet.write(indent, title)
    for container in containers:
        status = by_name.get(container["name"])
        sheet.write(indent + 1, f"{container['name']}:")
        _write_identity(sheet, container, status, indent + 2)
        _write_command(sheet, container, indent + 2)
        if status is not None:
            _write_status(sheet, status, indent + 2)
        _write_resources(sheet, container, indent + 2)
        _write_probes(sheet, container, indent + 2)
        _write_environment(sheet, container, indent + 2)
        _write_mounts(sheet, container, indent + 2)


def _write_identity(sheet: Sheet, container: Object, status: Object | None, indent: int) -> None:
    if status is not None:
        sheet.write(indent, "Container ID:", status.get("containerID", ""))
    sheet.write(indent, "Image:", container.get("image", ""))
    if status is not None:
        sheet.write(indent, "Image ID:", status.get("imageID", ""))
    ports = container.get("ports") or ()
    numbers = [f"{port['containerPort']}/{port.get('protocol', 'TCP')}" for port in ports]
    host_numbers = [f"{port.get('hostPort', 0)}/{port.get('protocol', 'TCP')}" for port in ports]
    plural = "s" if len(ports) > 1 else ""
    sheet.write(indent, f"Port{plural}:", ", ".join(numbers) or "<none>")
    sheet.write(indent, f"Host Port{plural}:", ", ".join(host_numbers) or "<none>")


def _write_command(sheet: Sheet, container: Object, indent: int) -> None:
    for title, key in (("Command:", "command"), ("Args:", "args")):
        if container.get(key):
            sheet.write(indent, title)
            for word in container[key]:
                for line in word.split("\n"):
                    sheet.write(indent + 1, line.replace("\t", " "))


def _write_status(sheet: Sheet, status: Object, indent: int) -> None:
    _write_state(sheet, "State:", status.get("state") or {}, indent)
    if status.get("lastState"):
        _write_state(sheet, "Last State:", status["lastState"], indent)
    sheet.write(indent, "Ready:", bool(status.get("ready")))
    sheet.write(indent, "Restart Count:", status.get("restartCount", 0))


def _write_state(sheet: Sheet, title: str, state: Object, indent: int) -> None:
    name = next(iter(state), "waiting")
    details: Object = state.get(name) or {}
    sheet.write(indent, title, name.capitalize())
    lines = {
        "Reason:": details.get("reason"),
        "Message:": details.get("message"),
        "Exit Code:": details.get("exitCode"),
        "Started:": render_time(details["startedAt"]) if details.get("startedAt") else None,
        "Finished:": render_time(details["finishedAt"]) if details.get("finishedAt") else None,
    }
    for line, value in lines.items():
        if value not in {None, ""}:
            sheet.write(indent + 1, line, value)


def _write_resources(sheet: Sheet, container: Object, indent: int) -> None:
    resources = container.get("resources") or {}
    for group in ("limits", "requests"):
        if resources.get(group):
            sheet.write(indent, f"{group.capitalize()}:")
            for name, amount in sorted(resources[group].items()):
                sheet.write(indent + 1, f"{name}:", amount)


def _write_probes(sheet: Sheet, container: Object, indent: int) -> None:
    for title, key in (
        ("Liveness:", "livenessProbe"),
        ("Readiness:", "readinessProbe"),
        ("Startup:", "startupProbe"),
    ):
        if container.get(key):
            sheet.write(indent, title, _render_probe(container[key]))


def _render_probe(probe: Object) -> str:
    timing = (
        f"delay={probe.get('initialDelaySeconds', 0)}s timeout={probe.get('timeoutSeconds', 1)}s"
        f" period={probe.get('periodSeconds', 10)}s successThreshold={probe.get('successThreshold', 1)}"
        f" failureThreshold={probe.get('failureThreshold', 3)}"
    )
    if http := probe.get("httpGet"):
        scheme = http.get("scheme", "HTTP").lower()
        return f"http-get {scheme}://{http.get('host', '')}:{http['port']}{http.get('path', '/')} {timing}"
    if tcp := probe.get("tcpSocket"):
        return f"tcp-socket {tcp.get('host', '')}:{tcp['port']} {timing}"
    if grpc := probe.get("grpc"):
        return f"grpc <pod>:{grpc['port']} {grpc.get('service') or ''} {timing}"
    command = " ".join((probe.get("exec") or {}).get("command") or ())
    return f"exec [{command}] {timing}"


def _write_environment(sheet: Sheet, container: Object, indent: int) -> None:
    if container.get("envFrom"):
        sheet.write(indent, "Environment Variables from:")
        for source in container["envFrom"]:
            kind, key = ("ConfigMap", "configMapRef") if "configMapRef" in source else ("Secret", "secretRef")
            prefix = f" with prefix '{source['prefix']}'" if source.get("prefix") else ""
            found = source.get(key) or {}
            sheet.write(indent + 1, found.get("name", ""), f"{kind}{prefix}", _optional(found))
    if not container.get("env"):
        sheet.write(indent, "Environment:", "<none>")
        return
    sheet.write(indent, "Environment:")
    for variable in container["env"]:
        sheet.write(indent + 1, f"{variable['name']}:", *_render_variable(variable, container))


def _render_variable(variable: Object, container: Object) -> tuple[str, ...]:
    source = variable.get("valueFrom") or {}
    if field := source.get("fieldRef"):
        return (f" ({field.get('apiVersion', 'v1')}:{field['fieldPath']})",)
    if resource := source.get("resourceFieldRef"):
        return (_render_resource(resource, container),)
    for key, word in (("configMapKeyRef", "of config map"), ("secretKeyRef", "in secret")):
        if key in source:
            found = source[key]
            where = f"<set to the key '{found['key']}' {word} '{found.get('name', '')}'>"
            return where, _optional(found)
    return (str(variable.get("value", "")),)


def _render_resource(reference: Object, container: Object) -> str:
    """Write a request or limit that a variable has; what has no limit may use what its node has."""
    name = reference.get("resource", "")
    group, _, resource = name.partition(".")
    is_set = resource in ((container.get("resources") or {}).get(group) or {})
    is_nodes = group == "limits" and resource in _OF_NODES and not is_set
    value = "node allocatable" if is_nodes else container_resource(container, reference)
    return f"{value} ({name})"


def _optional(reference: Object) -> str:
    return f"Optional: {str(bool(reference.get('optional'))).lower()}"


def _write_mounts(sheet: Sheet, container: Object, indent: int) -> None:
    mounts = container.get("volumeMounts") or ()
    if not mounts:
        sheet.write(indent, "Mounts:", "<none>")
        return
    sheet.write(indent, "Mounts:")
    for mount in sorted(mounts, key=lambda m: str(m["mountPath"])):
        access = "ro" if mount.get("readOnly") else "rw"
        sheet.write(indent + 1, f"{mount['mountPath']} from {mount['name']} ({access})")
