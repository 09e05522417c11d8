"""[IO] What containers say at their end: the termination message, or the end of their log.

Source: https://kubernetes.io/docs/tasks/debug/debug-application/determine-reason-pod-failure/
"""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

from netemu.api.views.core import Container
from netemu.runtime.container import ContainerState, Mount
from netemu.runtime.cri import parse_entry

MESSAGE_BYTES = 4096
LOG_BYTES = 2048
LOG_LINES = 80
_READ_BYTES = 65536
_READ_ONLY = ("/usr", "/bin", "/lib", "/lib64", "/sbin", "/proc", "/sys")


def message_file(pod_dir: Path, container_id: str) -> Path:
    """Say where on the machine an attempt's message is."""
    return pod_dir / "messages" / container_id


def mounts(pod_dir: Path, container_id: str, target: str) -> tuple[Mount, ...]:
    """Make the file of an attempt's message, and say where the container sees it."""
    is_fixed = any(target == place or target.startswith(f"{place}/") for place in _READ_ONLY)
    if not target or is_fixed:
        return ()
    path = message_file(pod_dir, container_id)
    path.parent.mkdir(exist_ok=True)
    path.touch()
    path.chmod(0o666)
    return (Mount(source=str(path), target=target, read_only=False),)


def last_words(container: Container, state: ContainerState, file: Path, log: Path) -> str:
    """Read what a container that ended has to say."""
    said = _read(file, MESSAGE_BYTES)
    falls_back = container.termination_message_policy == "FallbackToLogsOnError"
    return _log_end(log) if not said and falls_back and state.exit_code else said


def _read(path: Path, size: int) -> str:
    with suppress(FileNotFoundError), path.open("rb") as file:
        return file.read(size).decode(errors="replace")
    return ""


def _log_end(path: Path) -> str:
    """Give the last lines of a log, as the container wrote them."""
    with suppress(FileNotFoundError), path.open("rb") as file:
        size = os.fstat(file.fileno()).st_size
        file.seek(max(size - _READ_BYTES, 0))
        lines = file.read().splitlines()[-LOG_LINES:]
        text = b""
        for line in lines:
            with suppress(ValueError):  # the first may have been cut
                entry = parse_entry(line)
                text += entry.content if entry.partial else entry.content + b"\n"
        return text[-LOG_BYTES:].decode(errors="replace")
    return ""
