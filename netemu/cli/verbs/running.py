"""[IO] ``run`` with somebody at the terminal."""

from __future__ import annotations

from dataclasses import dataclass

from netemu.api.client import Object
from netemu.api.kinds import POD
from netemu.cli.manifests import document_of
from netemu.cli.resources import Query, UsageError
from netemu.cli.session import Session
from netemu.cli.verbs.apply import Report, WriteOptions
from netemu.cli.verbs.joining import join


@dataclass(frozen=True, kw_only=True)
class Terminal:
    """Whether to join the pod, with which streams, and whether it goes afterwards."""

    stdin: bool = False
    tty: bool = False
    attach: bool = False
    remove: bool = False

    def __post_init__(self) -> None:
        """Refuse what nobody would wait for."""
        if self.remove and not self.attach:
            raise UsageError("--rm should only be used for attached containers", hint="with -i, or --attach")
        if self.tty and not self.stdin:
            raise UsageError("-i/--stdin is required for containers with -t/--tty=true")


def with_terminal(pod: Object, terminal: Terminal) -> Object:
    """Give the pod's container the streams that its user wants; its input ends with them."""
    (container,) = pod["spec"]["containers"]
    said = {"stdin": terminal.stdin, "stdinOnce": terminal.stdin and terminal.attach, "tty": terminal.tty}
    changed = {**container, **{key: True for key, value in said.items() if value}}
    return {**pod, "spec": {**pod["spec"], "containers": [changed]}}


async def run_attached(session: Session, pod: Object, terminal: Terminal, *, quiet: bool) -> int:
    """Create a pod, join it, and remove it afterwards if that is wanted; gives its exit status."""
    made = await session.create(POD, pod)
    meta = made["metadata"]
    query = Query(kind=POD, namespace=meta["namespace"], name=meta["name"])
    if not quiet and not terminal.remove:
        Report(WriteOptions()).done(document_of(POD, made), made, "created")
    try:
        name = made["spec"]["containers"][0]["name"]
        return await join(session, query, name, "containerStatuses", stdin=terminal.stdin, tty=terminal.tty)
    finally:
        if terminal.remove:
            await session.delete(query)
            if not quiet:
                print(f'pod "{query.name}" deleted from {query.namespace} namespace', flush=True)
