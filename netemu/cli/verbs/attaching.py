"""[IO] ``attach``: this terminal, or these streams, joined to a container that runs."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass

from netemu.apiclient.exec import attach_to_pod
from netemu.cli.resources import Selection
from netemu.cli.session import Session
from netemu.cli.verbs.execute import STDIN_FD, converse
from netemu.cli.verbs.pods import Object, container_of, pod_for


@dataclass(frozen=True, kw_only=True)
class AttachRequest:
    """Which container, and which of its streams."""

    selection: Selection
    namespace: str
    container: str = ""
    stdin: bool = False
    tty: bool = False


async def attach_to(session: Session, request: AttachRequest) -> int:
    """Show what the container says until it ends or its input does."""
    pod = await pod_for(session, request.selection, request.namespace)
    container = container_of(pod, request.container)
    has_terminal = request.tty and os.isatty(STDIN_FD) and _allocated_terminal(pod, container)
    if request.tty and not has_terminal:
        print(f"Unable to use a TTY - container {container} did not allocate one", file=sys.stderr)
    if has_terminal:
        print("If you don't see a command prompt, try pressing enter.", file=sys.stderr)
    async with attach_to_pod(
        session.socket,
        request.namespace,
        pod["metadata"]["name"],
        container=container,
        stdin=request.stdin,
        tty=has_terminal,
    ) as command:
        return await converse(command, stdin=request.stdin, has_terminal=has_terminal)


def _allocated_terminal(pod: Object, container: str) -> bool:
    spec = pod["spec"]
    containers = (*spec["containers"], *(spec.get("ephemeralContainers") or ()))
    return any(each.get("tty") for each in containers if each["name"] == container)
