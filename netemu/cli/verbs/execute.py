"""[IO] ``exec``: run a command in a container, with this terminal if asked for."""

from __future__ import annotations

import sys
from dataclasses import dataclass

from netemu.cli.resources import Selection
from netemu.cli.session import Session
from netemu.cli.verbs.pods import container_of, pod_for


@dataclass(frozen=True, kw_only=True)
class ExecRequest:
    """What to run, and where."""

    selection: Selection
    namespace: str
    argv: tuple[str, ...]
    container: str = ""
    stdin: bool = False
    tty: bool = False


async def execute(session: Session, request: ExecRequest) -> int:
    """Run the command and give its exit status."""
    pod = await pod_for(session, request.selection, request.namespace)
    container = container_of(pod, request.container)
    tty = request.tty and request.stdin and sys.stdin.isatty()
    if request.tty and not tty:
        print("Unable to use a TTY - input is not a terminal or the right kind of file", file=sys.stderr)
