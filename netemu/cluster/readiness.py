"""[IO] Whether a cluster is ready: DNS answers through its ClusterIP or, without a proxy, is there."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Awaitable, Callable

from netemu.api.kinds import DEPLOYMENT
from netemu.dns.query import AnswerError, ask
from netemu.informer.cache import Cache, Key
from netemu.linux import netns
from netemu.settings import Settings

TRY_EVERY_S = 0.02
ANSWER_WITHIN_S = 0.3
DNS_DEPLOYMENT = Key("kube-system", "coredns")


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


Question = Callable[[], Awaitable[bool]]


async def wait_dns(
    readiness: Readiness, waits_for: str, is_there: Question, within_s: float | None = None
) -> None:
    """Set ``readiness`` when DNS is there, or after ``within_s``: its pods may be on nodes that are off."""
    readiness.set(waits_for)
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(within_s):
            await _wait(is_there)
    readiness.set("")


def answers_dns(settings: Settings, ns_fd: int) -> Question:
    """Ask whether a node gets DNS answers through the ClusterIP, as pods will."""
    name = f"kubernetes.default.svc.{settings.cluster_domain}"

    async def is_there() -> bool:
        return await _answers(ns_fd, str(settings.dns_ip), name)

    return is_there


def runs_dns(cache: Cache) -> Question:
    """Ask whether all DNS pods are ready: without a proxy, nobody can say more."""

    async def is_there() -> bool:
        deployment = cache.get(DEPLOYMENT, DNS_DEPLOYMENT)
        if deployment is None:
            return False
        return bool(
            (deployment.get("status") or {}).get("readyReplicas", 0) >= deployment["spec"]["replicas"]
        )

    return is_there


async def _wait(is_there: Question) -> None:
    while True:
        if await is_there():
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
