"""[IO] Wait for a container that was just asked for, and join it."""

from __future__ import annotations

import sys
from typing import Literal

from netemu.api.client import Object
from netemu.api.kinds import POD
from netemu.cli.resources import Query, Selection
from netemu.cli.session import Session
from netemu.cli.verbs.attaching import AttachRequest, attach_to
from netemu.cli.verbs.pods import NoPodError
from netemu.cli.verbs.watching import State, wait_until
from netemu.errors import NetemuError

Statuses = Literal["containerStatuses", "ephemeralContainerStatuses"]
Words = tuple[Literal["running", "terminated"], ...]


async def join(
    session: Session, pod: Query, container: str, statuses: Statuses, *, stdin: bool, tty: bool
) -> int:
    """Speak to a container; who only listens gets its log, which lacks nothing. Gives its exit status.

    Raises:
        NoPodError: the pod was deleted.
        NetemuError: the container could not be started.

    """
    state = await _wait(session, pod, container, statuses, ("running", "terminated"))
    if stdin and "running" in state:
        one = Selection(kind=POD, names=(pod.name,))
        joined = AttachRequest(
            selection=one, namespace=pod.namespace, container=container, stdin=True, tty=tty
        )
        return await attach_to(session, joined)
    ended = state.get("terminated") or {}
    if ended.get("reason") == "StartError":
        raise NetemuError(f"container {container} could not be started: {ended.get('message', '')}")
    async for chunk in session.log(pod, {"container": container, "follow": "true"}):
        sys.stdout.buffer.write(chunk)
        sys.stdout.flush()
    state = await _wait(session, pod, container, statuses, ("terminated",))
    return int(state["terminated"].get("exitCode", 0))


async def _wait(session: Session, pod: Query, container: str, statuses: Statuses, words: Words) -> Object:
    """Return a container's state when it is one of these."""
    seen: Object = {}

    def is_so(state: State) -> bool:
        seen.clear()
        seen.update(_state_of(state, container, statuses))
        return any(word in seen for word in words)

    await wait_until(session, pod, is_so)
    return seen


def _state_of(pod: State, container: str, statuses: Statuses) -> Object:
    if pod is None:
        raise NoPodError("the pod was deleted")
    found = (pod.get("status") or {}).get(statuses) or ()
    status: Object = next((one for one in found if one["name"] == container), {})
    # A container that is started again has an end that is its last state's.
    states = [status.get("state") or {}, status.get("lastState") or {}]
    return {word: state[word] for state in reversed(states) for word in state}
