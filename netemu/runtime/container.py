"""What a container should be, and what became of it: shared by shim, stand-in server and agent."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct, field


class Mount(Struct, frozen=True, kw_only=True):
    """A path of the machine, seen inside a container.

    With ``no_exec`` no program in it can be run. With ``below`` it is found below that directory, whatever
    links containers make there meanwhile.
    With ``memory_bytes`` it is in a file system of that size that is memory, made at ``memory_at``
    (the source, or a directory above it) for the first container that mounts it.
    """

    source: str
    target: str
    read_only: bool = True
    below: str = ""
    no_exec: bool = False
    memory_at: str = ""
    memory_bytes: int = 0


class ImageFiles(Struct, frozen=True, kw_only=True):
    """What a container that runs from an image is made of.

    ``root`` has the image's files, which do not change; ``scratch`` is a directory that is made for
    what the container changes, and removed at its end. ``user`` is as an image's configuration has
    it (name or number, perhaps with a group; empty: root); ``volumes`` are the image's own.
    ``stop_signal`` is what its processes take for SIGTERM, 0 for SIGTERM itself. ``name`` and ``id``
    are what the container's status says.
    """

    root: str
    scratch: str
    name: str = ""
    id: str = ""
    stop_signal: int = 0
    user: str = ""
    volumes: tuple[str, ...] = ()


class User(Struct, frozen=True, kw_only=True):
    """Who a container's processes are."""

    uid: int = 0
    gid: int = 0
    groups: tuple[int, ...] = ()


class Limits(Struct, frozen=True, kw_only=True):
    """What a container may use; 0 stands for what the node gives everyone.

    ``cpus`` are processors, ``disk_bytes`` its own file system, which is memory.
    """

    cpus: float = 0.0
    memory_bytes: int = 0
    disk_bytes: int = 0


class ContainerSpec(Struct, frozen=True, kw_only=True):
    """A container that is processes.

    ``netns`` is the name of its network namespace under /run/netns. ``sandboxed`` is false only
    for netemu's own workers (the DNS server), which run unconfined, in the machine's network
    namespace, and open their sockets in ``netns`` themselves.

    One with an ``image`` runs under an OCI runtime, from its own root file system; the ``uid`` and
    ``gid`` of ``user`` then say nothing.

    ``capabilities`` are names as setpriv(1) takes them (``None``: Kubernetes' default).
    ``processes`` says whose processes it sees: its own (""), those of all containers of the same
    word ("shared:WORD"), or of a container here ("of:ID"). Containers with the same ``ipc``, a directory
    that is there for as long as their pod, share an IPC namespace; without one each has its own.
    With a ``first_id`` its network belongs to a user namespace, and so does the container: its root is that
    user on the machine. ``unmasked`` shows it all of /proc, which only such a container may see.
    ``seccomp`` says whether system calls are filtered (``runtime.seccomp``), or with ``profile``, which
    is an OCI profile as JSON, how; ``gains_privileges``
    whether programs with a set-user-ID bit have an effect: only those of images can.
    """

    id: str
    netns: str
    argv: tuple[str, ...]
    log_path: str
    hostname: str = ""
    env: dict[str, str] = field(default_factory=dict)
    cwd: str = "/"
    mounts: tuple[Mount, ...] = ()
    sandboxed: bool = True
    image: ImageFiles | None = None
    user: User = User()
    capabilities: tuple[str, ...] | None = None
    read_only: bool = False
    writes_sysctls: bool = False
    sysctls: dict[str, str] = field(default_factory=dict)
    limits: Limits = Limits()
    processes: str = ""
    node_ipc: bool = False
    ipc: str = ""
    seccomp: bool = False
    profile: str = ""
    gains_privileges: bool = False
    first_id: int = 0
    unmasked: bool = False
    stdin: bool = False
    stdin_once: bool = False
    tty: bool = False


class Port(Struct, frozen=True, kw_only=True):
    """A port that a stand-in listens on. An ``implied`` one (declared nowhere) gives way to
    whoever already listens there.
    """

    number: int
    protocol: Literal["TCP", "UDP"] = "TCP"
    implied: bool = False


class AppSpec(Struct, frozen=True, kw_only=True):
    """A container that is played by the stand-in server: sockets in ``netns``, no process.

    ``page`` is the file that a web server answers with, if it is there; no link leads out of ``page_root``.
    """

    id: str
    app: str
    netns: str
    log_path: str
    args: tuple[str, ...] = ()
    env: dict[str, str] = field(default_factory=dict)
    ports: tuple[Port, ...] = ()
    pod: str = ""
    namespace: str = ""
    node: str = ""
    pod_ip: str = ""
    hostname: str = ""
    resolv_conf: str = ""
    hosts: str = ""
    page: str = ""
    page_root: str = "/"


class ContainerState(Struct, frozen=True, kw_only=True):
    """What a container is now. ``pid`` is the machine's number of its pid 1, 0 without one.

    ``reason`` is Kubernetes' word for an end ("Completed", "Error", "StartError", "Unknown"),
    empty while it runs; times are seconds since the epoch. ``image`` and ``image_id`` are those of a
    loaded image, empty for what runs without one.
    """

    id: str
    running: bool
    pid: int = 0
    exit_code: int | None = None
    reason: str = ""
    message: str = ""
    started_at_s: float = 0.0
    finished_at_s: float | None = None
    image: str = ""
    image_id: str = ""
