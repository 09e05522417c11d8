"""Delegation to an IPAM plugin: as a program found in CNI_PATH, or in this process."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from cni_plugins import ipam, protocol
from cni_plugins.protocol import CniError, Json, Request
from netemu.linux import process

_TIMEOUT_S = 30.0


class Ipam(NamedTuple):
    """What a plugin that delegates needs of an IPAM plugin."""

    add: Callable[[Request], Json]
    delete: Callable[[Request], object]
    check: Callable[[Request], object]


def executable() -> Ipam:
    """Give the IPAM plugin that the configuration names, run as the specification says."""
    return Ipam(add=_run_add, delete=pass_on, check=pass_on)


def in_process(root: Path) -> Ipam:
    """Give netemu-ipam without a process; ``root`` is the directory that is the node's ``/``."""
    return Ipam(
        add=lambda request: ipam.add(request, root),
        delete=lambda request: ipam.delete(request, root),
        check=lambda request: ipam.check(request, root),
    )


def pass_on(request: Request) -> None:
    """Run the IPAM plugin with the request's own command and configuration."""
    _run(request)


def _run_add(request: Request) -> Json:
    answer = _run(request)
    if not isinstance(answer, dict):
        raise CniError(protocol.UNDECODABLE, f"{request.config['ipam']['type']} answered ADD with nothing")
    return answer


def _run(request: Request) -> object:
    program = _find(str(request.config.get("ipam", {}).get("type", "")), request.path)
    environ = {**os.environ, "CNI_COMMAND": request.command}
    done = process.run(
        [str(program)], env=environ, timeout_s=_TIMEOUT_S, stdin=json.dumps(request.config).encode()
    )
    answer = _decode(program.name, done.stdout)
    if done.exit_code == 0:
        return answer
    if isinstance(answer, dict) and "code" in answer:
        raise CniError(
            int(answer["code"]), f"{program.name}: {answer.get('msg', '')}", details=answer.get("details", "")
        )
    said = done.stderr.decode(errors="replace").strip()
    raise CniError(protocol.PLUGIN_FAILED, f"{program.name} ended with {done.exit_code}", details=said)


def _find(name: str, path: tuple[Path, ...]) -> Path:
    if not name or "/" in name:
        raise CniError(protocol.INVALID_CONFIG, f"ipam.type: {name!r} is not a plugin's name")
    for directory in path:
        if os.access(directory / name, os.X_OK):
            return directory / name
    searched = ":".join(map(str, path)) or "empty"
    raise CniError(protocol.INVALID_CONFIG, f"ipam.type: no plugin {name} in CNI_PATH ({searched})")


def _decode(name: str, output: bytes) -> object:
    try:
        return json.loads(output) if output.strip() else None
    except ValueError as err:
        raise CniError(protocol.UNDECODABLE, f"{name} answered with what is not JSON: {err}") from err
