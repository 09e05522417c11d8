"""[IO] Ask a container one question of a probe."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Awaitable, Callable
from typing import NamedTuple

from netemu.agent import dialing, grpchealth, httpget
from netemu.agent.dialing import DialError
from netemu.agent.httpget import HttpError
from netemu.agent.verdicts import Reply
from netemu.api.views.core import Container, HttpGetAction, Probe
from netemu.errors import NetemuError

SUCCESS = Reply("success")

_NOT_STARTED, _REFUSED = (126, 127), "OCI runtime exec failed: "
"""How an exec ends whose command is not there: a kubelet counts it for nothing."""


class Output(NamedTuple):
    """What a command in a container did."""

    exit_code: int
    text: str


Exec = Callable[[str, str, tuple[str, ...]], Awaitable[Output]]
"""Runs a command in a container (pod UID, name) and gives its exit code and what it said."""


class Asker:
    """Asks from one node's network namespace."""

    def __init__(self, node_netns: str, exec_in: Exec) -> None:
        self._netns = node_netns
        self._exec = exec_in

    async def ask(self, uid: str, container: Container, probe: Probe, address: str) -> Reply:
        """Ask once, for as long as the probe allows."""
        try:
            async with asyncio.timeout(probe.timeout_seconds):
                return await self._ask(uid, container, probe, address)
        except TimeoutError:
            return Reply("failure", _late(container, probe, address))
        except (DialError, HttpError) as err:
            return Reply("failure", err.message)
        except (OSError, NetemuError, ValueError) as err:
            return Reply("error", str(err))

    async def _ask(self, uid: str, container: Container, probe: Probe, address: str) -> Reply:
        if probe.exec is not None:
            output = await self._exec(uid, container.name, probe.exec.command)
            if output.exit_code in _NOT_STARTED and output.text.startswith(_REFUSED):
                return Reply("error", _not_executed(uid, container.name, output.text.strip()))
            return Reply("failure", output.text) if output.exit_code else SUCCESS
        if probe.http_get is not None:
            port = resolve_port(container, probe.http_get.port)
            return await self._http(probe.http_get, probe.http_get.host or address, port)
        if probe.tcp_socket is not None:
            port = resolve_port(container, probe.tcp_socket.port)
            (await dialing.dial(self._netns, probe.tcp_socket.host or address, port)).close()
            return SUCCESS
        if probe.grpc is not None:
            port, service = probe.grpc.port, probe.grpc.service
            problem = await grpchealth.check(self._netns, address, port, service, probe.timeout_seconds)
            return Reply("failure", problem) if problem else SUCCESS
        return Reply("error", f"missing probe handler for {container.name}")

    async def _http(self, action: HttpGetAction, host: str, port: int) -> Reply:
        answer = await httpget.get(self._netns, action, host, port)
        if 200 <= answer.code < 300:
            return SUCCESS
        if 300 <= answer.code < 400:
            return Reply("warning", f"Probe terminated redirects, Response body: {answer.body}")
        return Reply("failure", f"HTTP probe failed with statuscode: {answer.code}")


def resolve_port(container: Container, port: int | str) -> int:
    """Give a port's number.

    Raises:
        ValueError: the container names none like that.

    """
    if isinstance(port, int):
        return port
    for declared in container.ports:
        if declared.name == port:
            return declared.container_port
    if port.isdecimal():
        return int(port)
    raise ValueError(f'strconv.Atoi: parsing "{port}": invalid syntax')  # so a kubelet's last attempt ends


def _not_executed(uid: str, container: str, why: str) -> str:
    """Say that a command could not be started, as containerd does."""
    id = hashlib.sha256(f"{uid}/{container}".encode()).hexdigest()  # one, so that its events count as one
    return f'rpc error: code = Unknown desc = failed to exec in container: failed to start exec "{id}": {why}'


def _late(container: Container, probe: Probe, address: str) -> str:
    """Say that no answer came in time."""
    if probe.exec is not None:
        return f'command "{" ".join(probe.exec.command)}" timed out'
    if probe.grpc is not None:
        return f"timeout: health rpc did not complete within {probe.timeout_seconds}s"
    if probe.http_get is not None:
        host, port = probe.http_get.host or address, resolve_port(container, probe.http_get.port)
        path = (probe.http_get.path or "/").removeprefix("/")
        url = f"{probe.http_get.scheme.lower()}://{dialing.where(host, port)}/{path}"
        return f'Get "{url}": context deadline exceeded (Client.Timeout exceeded while awaiting headers)'
    assert probe.tcp_socket is not None
    port = resolve_port(container, probe.tcp_socket.port)
    return f"dial tcp {dialing.where(probe.tcp_socket.host or address, port)}: i/o timeout"
