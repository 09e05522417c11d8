"""[IO] Whether a cluster is ready: DNS answers through its ClusterIP, or nodes are registered."""

from __future__ import annotations

import asyncio
import contextlib
import socket

from netemu.dns.query import AnswerError, ask
from netemu.linux import netns
from netemu.settings import Settings

TRY_EVERY_S = 0.02
ANSWER_WITHIN_S = 0.3


class Readiness:
    """What ``/readyz`` says: the name of what is still missing, empty when nothing is."""

    def __init__(self) -> None:
        self._waits_for = "nodes and pods to start"

    def waits_for(self) -> str:
        """Name what is still missing."""
        return self._waits_for

    def set(self, waits_for: str) -> None:
        """Note what is still missing."""
        self._waits_for = waits_for


async def wait_dns(
    readiness: Readiness, settings: Settings, ns_fd: int, *, expect_dns: bool, within_s: float | None = None
) -> None:
    """Set ``readiness`` when a node gets DNS answers through the ClusterIP, as pods will.

    Without ``expect_dns`` (no CNI, so no DNS pod can run) registered nodes are all there is. With
    ``within_s`` that is so after this time too: the DNS pods may be on nodes that are off.
    """
    if expect_dns:
        readiness.set(f"DNS to answer at {settings.dns_ip}")
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(within_s):
                await _wait_answer(settings, ns_fd)
    readiness.set("")


async def _wait_answer(settings: Settings, ns_fd: int) -> None:
    name = f"kubernetes.default.svc.{settings.cluster_domain}"
    while True:
        if await _answers(ns_fd, str(settings.dns_ip), name):
            return
        await asyncio.sleep(TRY_EVERY_S)


async def _answers(ns_fd: int, server: str, name: str) -> bool:
    family = socket.AF_INET6 if ":" in server else socket.AF_INET
    with netns.open_socket(ns_fd, family, socket.SOCK_DGRAM) as sock:
        sock.setblocking(False)
        try:
            return bool(
                await ask(
                    sock,
                    (server, 53),
                    name,
                    "AAAA" if family is socket.AF_INET6 else "A",
                    timeout_s=ANSWER_WITHIN_S,
                )
            )
        except (OSError, AnswerError):  # TimeoutError is an OSError
            return False
