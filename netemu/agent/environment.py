"""A container's environment, and ``$(NAME)`` in its command and arguments. Pure.

Source: core/v1 EnvVar, EnvVarSource, Container.command and Container.args; the downward API's
fields are listed at https://kubernetes.io/docs/concepts/workloads/pods/downward-api/.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from netemu.agent.amounts import container_resource
from netemu.api.views.core import Container, Pod
from netemu.errors import NetemuError

Lookup = Callable[[str, str], Mapping[str, Any] | None]
"""Finds the ConfigMap or Secret (``kind``, ``name``) in the pod's namespace."""

_REFERENCE = re.compile(r"\$\$|\$\(([^)]*)\)")
_SUBSCRIPT = re.compile(r"^metadata\.(labels|annotations)\['(.*)'\]$")


class ConfigError(NetemuError):
    """A container's environment cannot be made; ``reason`` is what its status says."""

    code = "AGENT_CONTAINER_CONFIG"
    reason = "CreateContainerConfigError"


def expand(text: str, variables: Mapping[str, str]) -> str:
    """Replace ``$(NAME)`` by its value; unknown names stay, ``$$`` stands for ``$``."""

    def replace(match: re.Match[str]) -> str:
        if match[0] == "$$":
            return "$"
        return variables.get(match[1], match[0])

    return _REFERENCE.sub(replace, text)


def expand_all(text: str, variables: Mapping[str, str]) -> str:
    """Expand a text that makes no sense without the values of all of its variables.

    Raises:
        ConfigError: some are not set, or empty.

    """
    named = {match[1] for match in _REFERENCE.finditer(text) if match[0] != "$$"}
    missing = sorted(name for name in named if not variables.get(name))
    if missing:
        raise ConfigError(f"missing value for {', '.join(missing)}")
    return expand(text, variables)


def _no_file(_reference: Mapping[str, Any]) -> str | None:
    return None


def container_environment(
    pod: Pod,
    container: Container,
    raw: Mapping[str, Any],
    *,
    node_ips: Sequence[str],
    pod_ips: tuple[str, ...],
    services: Mapping[str, str],
    lookup: Lookup,
    hostname: str = "",
    from_file: Callable[[Mapping[str, Any]], str | None] = _no_file,
) -> dict[str, str]:
    """Put together a container's variables, in Kubernetes' order of precedence.

    ``raw`` is the container's JSON (for envFrom), ``services`` the variables of
    enableServiceLinks; ``from_file`` gives the value that a fileKeyRef means.

    Raises:
        ConfigError: a ConfigMap, Secret or key that is not optional does not exist.

    """
    variables = {"HOSTNAME": hostname or pod.spec.hostname or pod.metadata.name, **services}
    for each in raw.get("envFrom") or ():
        variables.update(_from_source(each, lookup))
    fields = _fields(pod, node_ips, pod_ips)
    for variable in container.env:
        if variable.value_from is None:
            variables[variable.name] = expand(variable.value, variables)
        else:
            source: Mapping[str, Any] = variable.value_from
            in_file = source.get("fileKeyRef")
            value = (
                _value_from(variable.name, source, fields, pod, raw, lookup)
                if in_file is None
                else from_file(in_file)
            )
            if value is not None:
                variables[variable.name] = value
    return variables


def _fields(pod: Pod, node_ips: Sequence[str], pod_ips: tuple[str, ...]) -> dict[str, str]:
    return {
        "metadata.name": pod.metadata.name,
        "metadata.namespace": pod.metadata.namespace,
        "metadata.uid": pod.metadata.uid,
        "spec.nodeName": pod.spec.node_name,
        "spec.serviceAccountName": pod.spec.service_account_name,
        "status.hostIP": node_ips[0],
        "status.hostIPs": ",".join(node_ips),
        "status.podIP": pod_ips[0] if pod_ips else "",
        "status.podIPs": ",".join(pod_ips),
    }


def _value_from(
    name: str,
    source: Mapping[str, Any],
    fields: Mapping[str, str],
    pod: Pod,
    raw: Mapping[str, Any],
    lookup: Lookup,
) -> str | None:
    match source:
        case {"fieldRef": {"fieldPath": path}}:
            subscript = _SUBSCRIPT.match(path)
            if subscript:
                values = getattr(pod.metadata, subscript[1])
                return str(values.get(subscript[2], ""))
            if path in fields:
                return fields[path]
            raise ConfigError(f"env {name}: unsupported fieldPath: {path}")
        case {"configMapKeyRef": reference}:
            return _from_key("ConfigMap", reference, pod.metadata.namespace, lookup)
        case {"secretKeyRef": reference}:
            return _from_key("Secret", reference, pod.metadata.namespace, lookup)
        case {"resourceFieldRef": reference}:
            return container_resource(raw, reference)
    raise ConfigError(f"env {name}: unsupported source {', '.join(source)}")


def _from_key(kind: str, reference: Mapping[str, Any], namespace: str, lookup: Lookup) -> str | None:
    name, key, optional = reference.get("name", ""), reference["key"], reference.get("optional", False)
    data = _data(kind, name, optional, lookup)
    if key in data:
        return data[key]
    if optional:
        return None
    raise ConfigError(f"couldn't find key {key} in {kind} {namespace}/{name}")


def _from_source(source: Mapping[str, Any], lookup: Lookup) -> dict[str, str]:
    prefix = source.get("prefix", "")
    kind, reference = (
        ("ConfigMap", source["configMapRef"]) if "configMapRef" in source else ("Secret", source["secretRef"])
    )
    data = _data(kind, reference.get("name", ""), reference.get("optional", False), lookup)
    return {prefix + key: value for key, value in data.items()}


def _data(kind: str, name: str, optional: bool, lookup: Lookup) -> dict[str, str]:
    obj = lookup(kind, name)
    if obj is None:
        if optional:
            return {}
        raise ConfigError(f'{kind.lower()} "{name}" not found')
    data = obj.get("data") or {}
    if kind == "Secret":
        return {key: base64.b64decode(value).decode(errors="replace") for key, value in data.items()}
    return dict(data)


def service_variables(services: list[tuple[str, str, list[tuple[str, str, int]]]]) -> dict[str, str]:
    """Give the Docker-style variables of Services: (name, ClusterIP, [(port name, protocol, port)]).

    Source: https://kubernetes.io/docs/tutorials/services/connect-applications-service/
    """
    variables: dict[str, str] = {}
    for name, address, ports in services:
        prefix = name.upper().replace("-", "_")
        variables[f"{prefix}_SERVICE_HOST"] = address
        variables[f"{prefix}_SERVICE_PORT"] = str(ports[0][2])
        variables[f"{prefix}_PORT"] = f"{ports[0][1].lower()}://{address}:{ports[0][2]}"
        for port_name, protocol, port in ports:
            if port_name:
                variables[f"{prefix}_SERVICE_PORT_{port_name.upper().replace('-', '_')}"] = str(port)
            base = f"{prefix}_PORT_{port}_{protocol}"
            variables[base] = f"{protocol.lower()}://{address}:{port}"
            variables[f"{base}_PROTO"] = protocol.lower()
            variables[f"{base}_PORT"] = str(port)
            variables[f"{base}_ADDR"] = address
    return variables
