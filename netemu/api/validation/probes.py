"""The rules of probes and of lifecycle hooks."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from netemu.api import syntax
from netemu.api.causes import bad_value, bad_values, forbidden, not_negative, one_of, required
from netemu.api.errors import Cause

_PROBES = ("livenessProbe", "readinessProbe", "startupProbe")
_HANDLERS = ("exec", "httpGet", "tcpSocket", "grpc")
_HOOKS = ("exec", "httpGet", "tcpSocket", "sleep")
_TIMES = ("initialDelaySeconds", "timeoutSeconds", "periodSeconds", "successThreshold", "failureThreshold")

Json = Mapping[str, Any]


def check_probes(container: Json, field: str) -> Iterator[Cause]:
    """Check the probes of a container."""
    for name in _PROBES:
        if name not in container:
            continue
        probe, where = container[name], f"{field}.{name}"
        yield from _check_handler(probe, where, _HANDLERS)
        for time in _TIMES:
            yield from not_negative(f"{where}.{time}", probe.get(time))
        if name != "readinessProbe" and probe.get("successThreshold") != 1:
            yield bad_value(f"{where}.successThreshold", probe.get("successThreshold"), "must be 1")


def check_lifecycle(lifecycle: Json, field: str) -> Iterator[Cause]:
    """Check the hooks of a container."""
    for name in ("postStart", "preStop"):
        if name in lifecycle:
            yield from _check_handler(lifecycle[name], f"{field}.{name}", _HOOKS)


def check_port(port: int | str, field: str) -> Iterator[Cause]:
    """Check a port that is a number or the name of one."""
    broken = syntax.port_number(port) if isinstance(port, int) else syntax.port_name(port)
    yield from bad_values(field, port, broken)


def _check_handler(handler: Json, field: str, known: tuple[str, ...]) -> Iterator[Cause]:
    given = [name for name in known if name in handler]
    if not given:
        yield required(field, "must specify a handler type")
    for name in given[1:]:
        yield forbidden(f"{field}.{name}", "may not specify more than 1 handler type")
    for name in given[:1]:
        yield from _check_action(name, handler[name], f"{field}.{name}")


def _check_action(name: str, action: Json, field: str) -> Iterator[Cause]:
    if name == "exec" and not action.get("command"):
        yield required(f"{field}.command")
    if name == "httpGet":
        yield from _check_http(action, field)
    if name in ("httpGet", "tcpSocket", "grpc"):
        yield from check_port(action.get("port", 0), f"{field}.port")


def _check_http(action: Json, field: str) -> Iterator[Cause]:
    if not action.get("path"):
        yield required(f"{field}.path")
    yield from one_of(f"{field}.scheme", action.get("scheme"), ("HTTP", "HTTPS"))
