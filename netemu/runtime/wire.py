"""The shim's view of what travels: the JSON of ``runtime.container``'s values, for the type checker.

The shim never imports this at run time: msgspec would cost it 3 MB, typing 0.6 MB.
"""

from __future__ import annotations

from typing import Any, NotRequired, TypedDict


class MountJson(TypedDict):
    """``container.Mount``; ``is_theirs`` if its files belong to users of the pod's namespace already."""

    source: str
    target: str
    read_only: bool
    below: NotRequired[str]
    no_exec: NotRequired[bool]
    is_theirs: NotRequired[bool]
    memory_at: NotRequired[str]
    memory_bytes: NotRequired[int]


class ImageJson(TypedDict):
    """``container.ImageFiles``."""

    root: str
    scratch: str
    name: str
    id: str
    stop_signal: int
    user: str
    volumes: list[str]


class UserJson(TypedDict):
    """``container.User``."""

    uid: int
    gid: int
    groups: list[int]


class LimitsJson(TypedDict):
    """``container.Limits``."""

    cpus: float
    memory_bytes: int
    disk_bytes: int


class SpecJson(TypedDict):
    """``container.ContainerSpec``."""

    id: str
    netns: str
    argv: list[str]
    log_path: str
    hostname: str
    env: dict[str, str]
    cwd: str
    mounts: list[MountJson]
    sandboxed: bool
    image: ImageJson | None
    user: UserJson
    capabilities: list[str] | None
    read_only: bool
    writes_sysctls: bool
    sysctls: dict[str, str]
    limits: LimitsJson
    processes: str
    node_ipc: bool
    ipc: str
    seccomp: bool
    profile: str
    gains_privileges: bool
    first_id: int
    unmasked: bool
    stdin: bool
    stdin_once: bool
    tty: bool


class StateJson(TypedDict):
    """``container.ContainerState``."""

    id: str
    running: bool
    pid: int
    exit_code: int | None
    reason: str
    message: str
    started_at_s: float
    finished_at_s: float | None
    image: str
    image_id: str


Request = dict[str, Any]
