"""Defaults of containers, their ports, environment and probes."""

from __future__ import annotations

from typing import Any

from netemu.api.defaulting.zero import fill_zero

_PROBES = ("livenessProbe", "readinessProbe", "startupProbe")


def fill(container: dict[str, Any]) -> None:
    """Fill in one container of a pod's spec."""
    container.setdefault("resources", {})
    fill_zero(container, "terminationMessagePath", "/dev/termination-log")
    fill_zero(container, "terminationMessagePolicy", "File")
    fill_zero(container, "imagePullPolicy", pull_policy(container.get("image", "")))
    for port in container.get("ports", ()):
        fill_zero(port, "protocol", "TCP")
    for variable in container.get("env", ()):
        if "fieldRef" in variable.get("valueFrom", {}):
            fill_zero(variable["valueFrom"]["fieldRef"], "apiVersion", "v1")
    for name in _PROBES:
        if name in container:
            _fill_probe(container[name])
    for hook in container.get("lifecycle", {}).values():
        if isinstance(hook, dict):
            _fill_http(hook)


def pull_policy(image: str) -> str:
    """``Always`` when the tag is ``latest``, also by omission; a digest pins what a tag cannot."""
    name, _, digest = image.partition("@")
    _, _, tag = name.rpartition("/")[2].partition(":")
    return "Always" if tag == "latest" or not (tag or digest) else "IfNotPresent"


def _fill_probe(probe: dict[str, Any]) -> None:
    fill_zero(probe, "timeoutSeconds", 1)
    fill_zero(probe, "periodSeconds", 10)
    fill_zero(probe, "successThreshold", 1)
    fill_zero(probe, "failureThreshold", 3)
    _fill_http(probe)
    if "grpc" in probe:
        probe["grpc"].setdefault("service", "")


def _fill_http(action: dict[str, Any]) -> None:
    if "httpGet" in action:
        fill_zero(action["httpGet"], "path", "/")
        fill_zero(action["httpGet"], "scheme", "HTTP")
