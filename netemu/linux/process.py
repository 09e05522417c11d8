"""Programs: run to their end, or started to outlive this process and found again later."""

from __future__ import annotations

import errno
import gc
import os
import select
import signal
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NamedTuple

from netemu.errors import MissingProgramError, NetemuError

_OPEN_LOG = os.O_WRONLY | os.O_CREAT | os.O_APPEND
_DEBIAN_PACKAGES = {
    "bwrap": "bubblewrap",
    "ip": "iproute2",
    "bridge": "iproute2",
    "nft": "nftables",
    "nsenter": "util-linux",
    "unshare": "util-linux",
    "ping": "iputils-ping",
    "ps": "procps",
    "iptables-save": "iptables",
    "iptables-restore": "iptables",
    "ip6tables-save": "iptables",
    "ip6tables-restore": "iptables",
}


class ProgramError(NetemuError):
    """A program ended with an error, or did not end in time."""

    code = "PROGRAM_FAILED"


class Completed(NamedTuple):
    """What a program left: its exit code (128 + N after signal N) and its output."""

    exit_code: int
    stdout: bytes
    stderr: bytes


class ProcessId(NamedTuple):
    """A process for good: a PID comes again, with its start time (clock ticks after boot) it does not."""

    pid: int
    start_ticks: int


def run(
    argv: Sequence[str],
    *,
    env: Mapping[str, str],
    timeout_s: float,
    stdin: bytes = b"",
    pass_fds: Sequence[int] = (),
) -> Completed:
    """Run a program to its end.

    Raises:
        MissingProgramError: there is no such program.
        ProgramError: it did not end within ``timeout_s`` and was killed.

    """
    import subprocess

    try:
        done = subprocess.run(
            list(argv),
            input=stdin,
            capture_output=True,
            env=dict(env),
            timeout=timeout_s,
            pass_fds=tuple(pass_fds),
            check=False,
        )
    except FileNotFoundError as err:
        raise missing_program(argv[0]) from err
    except subprocess.TimeoutExpired as err:
        raise ProgramError(f"{' '.join(argv)} did not end within {timeout_s:g} s and was killed") from err
    code = done.returncode if done.returncode >= 0 else 128 - done.returncode
    return Completed(code, done.stdout, done.stderr)


def start_detached(argv: Sequence[str], log_path: Path, *, env: Mapping[str, str]) -> ProcessId:
    """Start a program in a session of its own that outlives this process.

    Its input is empty, its output is appended to ``log_path``. ``posix_spawn`` copies no page
    tables, so this is fast from a big process too.

    Raises:
        MissingProgramError: there is no such program.

    """
    actions = [
        (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
        (os.POSIX_SPAWN_OPEN, 1, str(log_path), _OPEN_LOG, 0o600),
        (os.POSIX_SPAWN_DUP2, 1, 2),
    ]
    try:
        pid = os.posix_spawnp(argv[0], list(argv), dict(env), file_actions=actions, setsid=True)
    except FileNotFoundError as err:
        raise missing_program(argv[0]) from err
    stat = _read_stat(pid)  # our own child: at worst a zombie, which still has a stat
    return ProcessId(pid, stat.start_ticks if stat else 0)


def start_copied(argv: Sequence[str], log_path: Path, *, env: Mapping[str, str]) -> ProcessId:
    """Do as ``start_detached`` does, for ``python -P -m MODULE``, with a copy of this process (``copies``).

    Only for a process of one thread, and cheap only while it is small.
    """
    from netemu.linux import copies

    parts = copies.Parts()
    streams = (os.open(os.devnull, os.O_RDONLY), log := os.open(log_path, _OPEN_LOG, 0o600), log)
    sys.stdout.flush()
    sys.stderr.flush()
    gc.freeze()  # who looks for garbage writes to all that it looks at, and then nothing is shared
    pid = os.fork()
    if pid == 0:
        try:
            os.setsid()
            for number, fd in enumerate(streams):
                os.dup2(fd, number)
            copies.become(parts, argv, env)
        except BaseException:
            sys.excepthook(*sys.exc_info())
        finally:
            os._exit(127)  # whatever went wrong, this is not the process that called
    for fd in {*streams}:
        os.close(fd)
    return process_id(pid) or ProcessId(pid, 0)


def process_id(pid: int) -> ProcessId | None:
    """Give the lasting identity of the process that has this PID now; ``None`` without one."""
    stat = _read_stat(pid)
    return None if stat is None else ProcessId(pid, stat.start_ticks)


def find_marked(mark: str) -> ProcessId | None:
    """Find the first process that was started with an entry in its environment; others inherit it.

    Looks at all processes of the machine.
    """
    wanted = mark.encode()
    found = [
        running
        for name in os.listdir("/proc")
        if name.isdigit() and wanted in _read_environment(name) and (running := process_id(int(name)))
    ]
    return min(found, key=lambda running: (running.start_ticks, running.pid), default=None)


def is_alive(process: ProcessId) -> bool:
    """Tell whether a process runs. One that ended but was not waited for does not."""
    _reap(process)
    stat = _read_stat(process.pid)
    return stat is not None and stat.start_ticks == process.start_ticks and stat.state not in "ZX"


def kill(process: ProcessId, sig: signal.Signals) -> bool:
    """Signal this very process, never another that has its PID now; false if it is gone."""
    with held(process) as fd:
        if fd is None:
            return False
        with suppress(ProcessLookupError):
            signal.pidfd_send_signal(fd, sig)
            return True
    return False


def wait_gone(process: ProcessId, timeout_s: float) -> bool:
    """Wait until a process has ended; false if it runs on after ``timeout_s``."""
    with held(process) as fd:
        if fd is not None:
            poll = select.poll()
            poll.register(fd, select.POLLIN)
            poll.poll(timeout_s * 1000)
    return not is_alive(process)


@contextmanager
def held(process: ProcessId) -> Iterator[int | None]:
    """Hold a process, so that its PID cannot come again between the look and the signal.

    The descriptor becomes readable when the process ends; ``None`` if it is gone.
    """
    try:
        fd = os.pidfd_open(process.pid)
    except OSError as err:
        if err.errno not in (errno.ESRCH, errno.EINVAL):
            raise
        yield None
        return
    try:
        stat = _read_stat(process.pid)
        yield fd if stat is not None and stat.start_ticks == process.start_ticks else None
    finally:
        os.close(fd)


def missing_program(name: str) -> MissingProgramError:
    """Say which program is missing, and which Debian package has it."""
    package = _DEBIAN_PACKAGES.get(Path(name).name)
    hint = f"Install it: apt-get install {package}" if package else "Install it, or put it on PATH."
    return MissingProgramError(f"the program {name!r} is not installed", hint=hint)


class _Stat(NamedTuple):
    state: str
    start_ticks: int


def _read_stat(pid: int) -> _Stat | None:
    try:
        text = Path(f"/proc/{pid}/stat").read_bytes()
    except (FileNotFoundError, ProcessLookupError):
        return None
    # The command's name may hold blanks and brackets: fields are counted from the last ")".
    fields = text[text.rindex(b")") + 2 :].split()
    return _Stat(fields[0].decode(), int(fields[19]))


def _read_environment(pid: str) -> list[bytes]:
    try:
        return Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
    except OSError:  # it ended, or is nobody that we may look at
        return []


def _reap(process: ProcessId) -> None:
    """Wait for a child of ours that ended, so that it does not stay a zombie."""
    stat = _read_stat(process.pid)
    if stat is not None and stat.state == "Z" and stat.start_ticks == process.start_ticks:
        with suppress(ChildProcessError):
            os.waitpid(process.pid, os.WNOHANG)
