"""[IO] ``debug``: a container more in a pod that runs, and this terminal in it."""

from __future__ import annotations

import random
import string
import sys
from dataclasses import dataclass

from netemu.api.client import Object
from netemu.api.kinds import POD
from netemu.cli.resources import Query, Selection
from netemu.cli.session import Session
from netemu.cli.verbs.joining import Statuses, join
from netemu.cli.verbs.pods import NoPodError, pod_for

SUFFIX = 5


@dataclass(frozen=True, kw_only=True)
class DebugRequest:
    """What to run beside what; an empty ``name`` is made up."""

    selection: Selection
    namespace: str
    image: str
    name: str = ""
    target: str = ""
    argv: tuple[str, ...] = ()
    env: tuple[tuple[str, str], ...] = ()
    stdin: bool = False
    tty: bool = False
    attach: bool = False


def ephemeral_container(request: DebugRequest, name: str) -> Object:
    """Make the container, with what the profile "general" of kubectl gives it."""
    made: Object = {
        "name": name,
        "image": request.image,
        "terminationMessagePolicy": "File",
        "securityContext": {"capabilities": {"add": ["SYS_PTRACE"]}},
    }
    said = {"stdin": request.stdin, "tty": request.tty, "targetContainerName": request.target}
    made |= {key: value for key, value in said.items() if value}
    if request.argv:
        made["command"] = list(request.argv)
    if request.env:
        made["env"] = [{"name": key, "value": value} for key, value in request.env]
    return made


async def debug(session: Session, request: DebugRequest) -> int:
    """Add the container, and join it if that is wanted; gives its exit status.

    Raises:
        NoPodError: the pod has no container like the one to look at.
        NetemuError: the new container cannot run.

    """
    pod = await pod_for(session, request.selection, request.namespace)
    names = {one["name"] for one in pod["spec"]["containers"]}
    if request.target and request.target not in names:
        raise NoPodError(f"container {request.target} is not valid for pod {pod['metadata']['name']}")
    if request.target:
        print(f'Targeting container "{request.target}".', file=sys.stderr)
    name = request.name or _made_up()
    if not request.name:
        print(f"Defaulting debug container name to {name}.", file=sys.stderr)
    query = Query(kind=POD, namespace=request.namespace, name=pod["metadata"]["name"])
    change = {"spec": {"ephemeralContainers": [ephemeral_container(request, name)]}}
    await session.patch(
        query,
        change,
        patch_type="application/strategic-merge-patch+json",
        subresource="ephemeralcontainers",
    )
    if not request.attach:
        return 0
    statuses: Statuses = "ephemeralContainerStatuses"
    return await join(session, query, name, statuses, stdin=request.stdin, tty=request.tty)


def _made_up() -> str:
    letters = random.choices(string.ascii_lowercase + string.digits, k=SUFFIX)
    return f"debugger-{''.join(letters)}"
