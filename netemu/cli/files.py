"""What ``cp`` copies from where to where. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from netemu.cli.resources import UsageError


@dataclass(frozen=True, kw_only=True)
class CopyRequest:
    """A local path, a path in a pod, and the direction."""

    namespace: str
    pod: str
    container: str
    local: Path
    remote: PurePosixPath
    to_pod: bool


def parse_copy(source: str, destination: str, namespace: str, container: str) -> CopyRequest:
    """Read the two ends of a copy; exactly one is in a pod.

    Raises:
        UsageError: both or none are, or a path is empty.

    """
    ends = (_parse_remote(source), _parse_remote(destination))
    if (ends[0] is None) == (ends[1] is None):
        raise UsageError(
            "one of source and destination must be in a pod, and the other not",
            hint="netemu cp FILE POD:PATH, or netemu cp POD:PATH FILE",
        )
    to_pod = ends[1] is not None
    remote = ends[1] or ends[0]
    local = source if to_pod else destination
    assert remote is not None
    if not local or not remote[2]:
        raise UsageError("filepath can not be empty")
    return CopyRequest(
        namespace=remote[0] or namespace,
        pod=remote[1],
        container=container,
        local=Path(local),
        remote=PurePosixPath(remote[2]),
        to_pod=to_pod,
    )


def _parse_remote(text: str) -> tuple[str, str, str] | None:
    """Read ``[namespace/]pod:path``; a text with a slash before its colon's pod is a local path."""
    place, colon, path = text.partition(":")
    if not colon or place.startswith((".", "/")) or place.count("/") > 1 or not place:
        return None
    namespace, _, pod = place.rpartition("/")
    return namespace, pod, path
