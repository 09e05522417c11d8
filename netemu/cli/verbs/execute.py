"""[IO] ``exec``: run a command in a container, with this terminal if asked for."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import termios
import threading
import tty
from collections.abc import Iterator
from concurrent.futures import CancelledError
from contextlib import contextmanager
from dataclasses import dataclass

from netemu.apiclient.exec import RemoteCommand, exec_in_pod
from netemu.cli.resources import Selection
from netemu.cli.session import Session
from netemu.cli.verbs.pods import container_of, pod_for

READ_BYTES = 64 * 1024
STDIN_FD = 0


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
    """Run the command and give its exit status, telling of one that is not 0."""
    status = await _run(session, request)
    if status:
        print(f"command terminated with exit code {status}", file=sys.stderr)
    return status


async def _run(session: Session, request: ExecRequest) -> int:
    pod = await pod_for(session, request.selection, request.namespace)
    container = container_of(pod, request.container)
    has_terminal = request.tty and os.isatty(STDIN_FD)
    if request.tty and not has_terminal:
        print("Unable to use a TTY - input is not a terminal or the right kind of file", file=sys.stderr)
    async with exec_in_pod(
        session.socket,
        request.namespace,
        pod["metadata"]["name"],
        request.argv,
        container=container,
        stdin=request.stdin,
        tty=has_terminal,
    ) as command:
        return await converse(command, stdin=request.stdin, has_terminal=has_terminal)


async def converse(command: RemoteCommand, *, stdin: bool, has_terminal: bool) -> int:
    """Give a command this process's streams, or its terminal, and give its exit status."""
    if stdin:
        _send_input(command)
    if not has_terminal:
        return await _print_output(command)
    with _raw_terminal():
        return await _with_resizing(command)


async def _print_output(command: RemoteCommand) -> int:
    async for output in command.outputs():
        stream = sys.stderr.buffer if output.stream == "stderr" else sys.stdout.buffer
        stream.write(output.data)
        stream.flush()
    return command.exit_code


async def _with_resizing(command: RemoteCommand) -> int:
    """Print output while the terminal's size is passed on."""

    async def resize() -> None:
        size = os.get_terminal_size(STDIN_FD)
        await command.resize(size.columns, size.lines)

    loop = asyncio.get_running_loop()
    await resize()
    try:
        async with asyncio.TaskGroup() as group:
            loop.add_signal_handler(signal.SIGWINCH, lambda: group.create_task(resize()))
            try:
                return await _print_output(command)
            finally:
                loop.remove_signal_handler(signal.SIGWINCH)
    except BaseExceptionGroup as failed:
        raise failed.exceptions[0] from None  # whoever called knows what to say of that, not of a group


def _send_input(command: RemoteCommand) -> None:
    """Pass standard input on from a thread that ends with the process.

    Standard input may be a file, which no event loop watches, and a read from a terminal cannot
    be given up when the command ends first.
    """
    loop = asyncio.get_running_loop()

    def pump() -> None:
        try:
            while data := os.read(STDIN_FD, READ_BYTES):
                asyncio.run_coroutine_threadsafe(command.write(data), loop).result()
            asyncio.run_coroutine_threadsafe(command.end_input(), loop).result()
        except (CancelledError, RuntimeError):
            return  # the command has ended, and the event loop with it

    threading.Thread(target=pump, name="stdin", daemon=True).start()


@contextmanager
def _raw_terminal() -> Iterator[None]:
    """Give every key to the command, and the terminal back as it was."""
    before = termios.tcgetattr(STDIN_FD)
    tty.setraw(STDIN_FD, termios.TCSANOW)  # what was typed ahead stays
    try:
        yield
    finally:
        termios.tcsetattr(STDIN_FD, termios.TCSADRAIN, before)
