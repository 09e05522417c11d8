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
from netemu.cli.verbs.attaching import AttachRequest, attach_to
from netemu.cli.verbs.pods import NoPodError, pod_for
from netemu.cli.verbs.watching import State, wait_until
from netemu.errors import NetemuError

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
    return await _join(session, query, request, name) if request.attach else 0


async def _join(session: Session, pod: Query, request: DebugRequest, name: str) -> int:
    """Speak to the container; who only listens gets its log, which lacks nothing."""
    state = await _wait(session, pod, name, ("running", "terminated"))
    if request.stdin and "running" in state:
        one = Selection(kind=POD, names=(pod.name,))
        joined = AttachRequest(
            selection=one, namespace=pod.namespace, container=name, stdin=True, tty=request.tty
        )
        return await attach_to(session, joined)
    if (state.get("terminated") or {}).get("reason") == "StartError":
        raise NetemuError(f"container {name} could not be started: {state['terminated'].get('message', '')}")
    async for chunk in session.log(pod, {"container": name, "follow": "true"}):
        sys.stdout.buffer.write(chunk)
        sys.stdout.flush()
    ended = await _wait(session, pod, name, ("terminated",))
    return int(ended["terminated"].get("exitCode", 0))


async def _wait(session: Session, pod: Query, name: str, words: tuple[str, ...]) -> Object:
    """Return a container's state when it is one of these."""
    seen: Object = {}

    def is_so(state: State) -> bool:
        seen.clear()
        seen.update(_state_of(state, name))
        return any(word in seen for word in words)

    await wait_until(session, pod, is_so)
    return seen


def _state_of(pod: State, name: str) -> Object:
    if pod is None:
        raise NoPodError("the pod was deleted")
    statuses = (pod.get("status") or {}).get("ephemeralContainerStatuses") or ()
    return next((dict(one.get("state") or {}) for one in statuses if one["name"] == name), {})


def _made_up() -> str:
    letters = random.choices(string.ascii_lowercase + string.digits, k=SUFFIX)
    return f"debugger-{''.join(letters)}"
