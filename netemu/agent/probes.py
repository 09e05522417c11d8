"""[IO] Ask containers whether they are well, from the node's network namespace.

Source: https://kubernetes.io/docs/concepts/configuration/liveness-readiness-startup-probes/
"""

from __future__ import annotations

import asyncio
import os
import socket
import ssl
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from netemu.api.views.core import Container, HttpGetAction, Probe
from netemu.errors import NetemuError
from netemu.linux import netns
from netemu.logs import Log

log = Log(__name__)

FIRST_PAUSE_S = 0.04

Exec = Callable[[str, str, tuple[str, ...]], Awaitable[int]]
"""Runs a command in a container (pod UID, name) and gives its exit code."""

Target = tuple[str, str, str]
"""Pod UID, container, and which probe: "readiness", "liveness" or "startup"."""


@dataclass(slots=True)
class _Watched:
    """One probe of one attempt of a container."""

    task: asyncio.Task[None]
    holds: bool


class Prober:
    """Runs the probes of one node's containers, one task each, for as long as they run.

    ``changed`` is called with the pod's UID when a verdict changes, ``unhealthy`` with UID
    and a message for each failure, ``failed`` when a container must be restarted.
    """

    def __init__(
        self,
        *,
        node_netns: str,
        exec_in: Exec,
        changed: Callable[[str], None],
        unhealthy: Callable[[str, str], None],
        failed: Callable[[str, str, str], Awaitable[None]],
    ) -> None:
        self._netns = node_netns
        self._exec = exec_in
        self._changed = changed
        self._unhealthy = unhealthy
        self._failed = failed
        self._watched: dict[Target, _Watched] = {}
        self._group: asyncio.TaskGroup | None = None

    async def run(self) -> None:
        """Own the probes' tasks until cancelled."""
        async with asyncio.TaskGroup() as group:
            self._group = group
            await asyncio.get_running_loop().create_future()

    def is_ready(self, uid: str, container: Container, address: str, *, initially: bool) -> bool:
        """Tell whether a running container is ready, starting its probes at the first call.

        Until a probe has decided otherwise the answer is ``initially``: what a previous daemon
        found, or false for a container that was just started.
        """
        name = container.name
        if not self._holds((uid, name, "startup"), container, container.startup_probe, address, initially):
            return False
        self._holds((uid, name, "liveness"), container, container.liveness_probe, address, True)
        return self._holds((uid, name, "readiness"), container, container.readiness_probe, address, initially)

    def forget(self, uid: str, container: str) -> None:
        """Stop the probes of a container's previous attempt."""
        for kind in ("startup", "liveness", "readiness"):
            watched = self._watched.pop((uid, container, kind), None)
            if watched is not None:
                watched.task.cancel()

    def forget_pod(self, uid: str) -> None:
        """Stop all probes of a pod."""
        for target in [target for target in self._watched if target[0] == uid]:
            self.forget(uid, target[1])

    def _holds(
        self, target: Target, container: Container, probe: Probe | None, address: str, begin: bool
    ) -> bool:
        if probe is None:
            return True
        watched = self._watched.get(target)
        if watched is None:
            assert self._group is not None, "the prober runs before the first pod"
            task = self._group.create_task(self._watch(target, container, probe, address))
            watched = self._watched[target] = _Watched(task, holds=begin)
        return watched.holds

    async def _watch(self, target: Target, container: Container, probe: Probe, address: str) -> None:
        uid, name, kind = target
        await asyncio.sleep(probe.initial_delay_seconds)
        successes = failures = 0
        pause_s = float(probe.period_seconds) if kind == "liveness" else FIRST_PAUSE_S
        while True:
            problem = await self._ask(target, container, probe, address)
            # A container that just started is asked again soon, and not blamed for the time it takes.
            if problem and pause_s < probe.period_seconds and not self._has_held(target):
                await asyncio.sleep(pause_s)
                pause_s *= 2
                continue
            successes, failures = (0, failures + 1) if problem else (successes + 1, 0)
            if problem:
                self._unhealthy(uid, f"{kind.capitalize()} probe failed: {problem}")
            if successes >= probe.success_threshold:
                self._set(target, holds=True)
                if kind == "startup":
                    return
            elif failures >= probe.failure_threshold:
                self._set(target, holds=False)
                if kind != "readiness":
                    await self._failed(uid, name, kind)
                    return
            await asyncio.sleep(probe.period_seconds)

    def _has_held(self, target: Target) -> bool:
        watched = self._watched.get(target)
        return watched is not None and watched.holds

    def _set(self, target: Target, *, holds: bool) -> None:
        watched = self._watched.get(target)
        if watched is not None and watched.holds is not holds:
            watched.holds = holds
            self._changed(target[0])

    async def _ask(self, target: Target, container: Container, probe: Probe, address: str) -> str:
        """Probe once; an empty string is success, anything else says what is wrong."""
        try:
            async with asyncio.timeout(probe.timeout_seconds):
                if probe.exec is not None:
                    code = await self._exec(target[0], target[1], probe.exec.command)
                    return f"command exited with {code}" if code else ""
                if probe.http_get is not None:
                    port = _port(container, probe.http_get.port)
                    return await self._http(probe.http_get, probe.http_get.host or address, port)
                if probe.tcp_socket is not None:
                    port = _port(container, probe.tcp_socket.port)
                    _reader, writer = await self._connect(probe.tcp_socket.host or address, port)
                    writer.close()
        except TimeoutError:
            return f"timed out after {probe.timeout_seconds}s"
        except (OSError, NetemuError, ValueError) as err:
            return str(err)
        return ""

    async def _connect(
        self, host: str, port: int, tls: ssl.SSLContext | None = None
    ) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        ns_fd = netns.open_ns(self._netns)
        try:
            sock = netns.open_socket(ns_fd, socket.AF_INET, socket.SOCK_STREAM)
        finally:
            os.close(ns_fd)
        try:
            sock.setblocking(False)
            await asyncio.get_running_loop().sock_connect(sock, (host, port))
            return await asyncio.open_connection(sock=sock, ssl=tls, server_hostname=host if tls else None)
        except BaseException:
            sock.close()
            raise

    async def _http(self, action: HttpGetAction, host: str, port: int) -> str:
        tls = None
        if action.scheme == "HTTPS":
            tls = ssl.create_default_context()
            tls.check_hostname, tls.verify_mode = False, ssl.CERT_NONE
        reader, writer = await self._connect(host, port, tls)
        try:
            headers = {"Host": f"{host}:{port}", "User-Agent": "kube-probe/1.37", "Accept": "*/*"}
            headers.update({header["name"]: header["value"] for header in action.http_headers})
            lines = [f"GET {action.path or '/'} HTTP/1.1", *(f"{k}: {v}" for k, v in headers.items())]
            writer.write("\r\n".join([*lines, "Connection: close", "", ""]).encode())
            words = (await reader.readline()).split()
            if len(words) < 2:
                return "no HTTP answer"
            code = int(words[1])
            return "" if 200 <= code < 400 else f"HTTP probe failed with statuscode: {code}"
        finally:
            writer.close()


def _port(container: Container, port: int | str) -> int:
    if isinstance(port, int):
        return port
    for declared in container.ports:
        if declared.name == port:
            return declared.container_port
    raise ValueError(f"container {container.name} has no port named {port!r}")
