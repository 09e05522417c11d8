"""[IO] The hooks of containers, after their start and before their end.

Source: https://kubernetes.io/docs/concepts/containers/container-lifecycle-hooks/
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Literal

from netemu.agent import httpget
from netemu.agent.asking import Exec, resolve_port
from netemu.agent.tasks import Tasks
from netemu.api.views.core import Container, Hook, Pod
from netemu.errors import NetemuError

HookKind = Literal["postStart", "preStop"]

Done = Callable[[str], None]
"""Called with what went wrong; empty when nothing did."""


class Hooks:
    """Runs hooks, each at most once for an attempt of a container.

    What was begun is noted in ``notes``, a directory: a daemon that died during a hook does not
    run it again.
    """

    def __init__(self, *, node_netns: str, exec_in: Exec, tasks: Tasks, notes: Path) -> None:
        self._netns = node_netns
        self._exec = exec_in
        self._tasks = tasks
        self._notes = notes

    def was_begun(self, container_id: str, kind: HookKind) -> bool:
        """Tell whether a hook of an attempt was begun, by this daemon or one before."""
        return self._note(container_id, kind).exists()

    def begin(
        self, pod: Pod, container: Container, container_id: str, kind: HookKind, address: str, done: Done
    ) -> None:
        """Run a hook; ``done`` is called at its end, but not if it is abandoned."""
        assert container.lifecycle is not None, "only containers with hooks get here"
        hook = container.lifecycle.post_start if kind == "postStart" else container.lifecycle.pre_stop
        assert hook is not None, "only containers with this hook get here"
        self._notes.mkdir(parents=True, exist_ok=True)
        self._note(container_id, kind).touch()
        self._tasks.start((container_id, kind), self._run(pod, container, hook, address, done))

    def abandon(self, container_id: str) -> None:
        """Stop hooks of an attempt that is over; idempotent."""
        for kind in ("postStart", "preStop"):
            self._tasks.cancel((container_id, kind))

    def forget_pod(self, uid: str) -> None:
        """Remove the notes about a pod that is gone."""
        if self._notes.is_dir():
            for note in self._notes.glob(f"{uid}_*"):
                note.unlink(missing_ok=True)

    def _note(self, container_id: str, kind: HookKind) -> Path:
        return self._notes / f"{container_id}.{kind}"

    async def _run(self, pod: Pod, container: Container, hook: Hook, address: str, done: Done) -> None:
        meta = pod.metadata
        identity = (
            f'for Container "{container.name}" in Pod "{meta.name}_{meta.namespace}({meta.uid})" failed'
        )
        try:
            if hook.exec is not None:
                output = await self._exec(meta.uid, container.name, hook.exec.command)
                words = " ".join(hook.exec.command)
                if output.exit_code:
                    done(
                        f"Exec lifecycle hook ([{words}]) {identity} - error: command '{words}' exited with "
                        f'{output.exit_code}: {output.text}, message: "{output.text}"'
                    )
                    return
            elif hook.http_get is not None:
                port = resolve_port(container, hook.http_get.port)
                await httpget.get(self._netns, hook.http_get, hook.http_get.host or address, port)
            elif hook.sleep is not None:
                await asyncio.sleep(hook.sleep.seconds)
            else:
                done("Cannot run handler: invalid handler: tcpSocket is not supported in hooks")
                return
        except (NetemuError, OSError, ValueError) as err:
            word = "HTTP" if hook.http_get is not None else "Exec"
            done(f"{word} lifecycle hook {identity} - error: {err}")
            return
        done("")
