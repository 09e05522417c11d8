"""Which local port leads to which port of a pod. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from netemu.cli.resources import UsageError

HINT = "netemu port-forward POD 8080:80"


class Forward(NamedTuple):
    """``LOCAL:REMOTE``; ``local`` 0 is any free port. ``remote`` may be a port's name."""

    local: int
    remote: str


def parse_forwards(words: Sequence[str]) -> tuple[Forward, ...]:
    """Read the ports of a command line.

    Raises:
        UsageError: one cannot be.

    """
    return tuple(_parse_forward(word) for word in words)


def pod_port(forward: Forward, pod: Mapping[str, Any], service: Mapping[str, Any] | None) -> int:
    """Give the pod's port that a forward means; of a Service, it is the one that its port leads to.

    Raises:
        UsageError: there is none of that name.

    """
    wanted: str | int = forward.remote
    if service is not None:
        wanted = _target_port(service, forward.remote)
    if isinstance(wanted, int) or wanted.isdigit():
        return int(wanted)
    ports = [port for each in pod["spec"]["containers"] for port in each.get("ports") or ()]
    named = [int(port["containerPort"]) for port in ports if port.get("name") == wanted]
    if not named:
        raise UsageError(f"Pod {pod['metadata']['name']!r} does not have a named port {wanted!r}")
    return named[0]


def _target_port(service: Mapping[str, Any], remote: str) -> str | int:
    for port in service["spec"].get("ports") or ():
        if remote in (str(port["port"]), port.get("name")):
            is_headless = service["spec"].get("clusterIP") == "None"
            target: str | int = port["port"] if is_headless else port.get("targetPort") or port["port"]
            return target
    raise UsageError(f"Service {service['metadata']['name']} does not have a service port {remote}")


def _parse_forward(word: str) -> Forward:
    local, colon, remote = word.rpartition(":")
    if not colon:
        local = remote if remote.isdigit() else ""
    if not remote or (remote.isdigit() and not 0 < int(remote) < 1 << 16):
        raise UsageError(f"remote port must be a number from 1 to 65535, or a name: {word!r}", hint=HINT)
    if local and not (local.isdigit() and int(local) < 1 << 16):
        raise UsageError(f"error parsing local port {local!r}", hint=HINT)
    return Forward(int(local or 0), remote)
