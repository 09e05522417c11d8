"""A container with an image: run by an OCI runtime, watched by a copy of the shim.

::

    shim ── monitor (this: the pod's network, mounts of its own) ──▶ runc create, start
                 └── the container's pid 1, once runc has gone

The monitor outlives runc and is the container's parent, so that the shim learns of its end as of any
other child's. The overlay, runc's state and the bundle live in the monitor's mount namespace: they
end with it, also when it is killed.
"""

from __future__ import annotations

import json
import os
import signal
import socket
from contextlib import suppress

from netemu.linux import libc
from netemu.runtime.command import DEFAULT_PATH, create_failure, find_fault, runtime_failure
from netemu.runtime.node import SCRATCH
from netemu.runtime.oci_config import TTY_GROUP, oci_config, process_environment
from netemu.runtime.oci_root import ImageRoot, RootError
from netemu.runtime.passwd import UnknownUserError, find_user, home_of
from netemu.runtime.spawn import SpawnError, exit_code, spawn
from netemu.runtime.staging import stage, staged
from netemu.runtime.syscalls import become_subreaper, make_read_only

TYPE_CHECKING = False  # typing.TYPE_CHECKING without importing typing (0.6 MB a shim)
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any, NoReturn

    from netemu.runtime.wire import SpecJson, UserJson

WORK = f"{SCRATCH}/oci"

_CGROUPS = "/sys/fs/cgroup"
_START_ERROR_CODE = 128
_MOST_FDS = 1 << 20
_MESSAGE_BYTES = 64 * 1024
_INIT_WORDS = "unable to start container process: error during container init: "


class StartError(Exception):
    """The container cannot be started; the text is what containerd would say."""


class Monitor:
    """Makes one container, waits for its end, and takes its files away. One process each."""

    def __init__(
        self,
        spec: SpecJson,
        runc: str,
        capabilities: Sequence[str],
        groups: Sequence[int],
        channel: socket.socket,
        users_fd: int = -1,
    ) -> None:
        self._spec = spec
        self._runc = runc
        self._capabilities = capabilities
        self._groups = groups
        self._channel = channel
        self._users_fd = users_fd
        self._ended: dict[int, int] = {}
        self._is_unwanted = False

    def run(self, enter: Callable[[], None], shared_fd: int) -> NoReturn:
        """Tell the shim how the start went, and end as the container ends (``spawn.fork``'s body)."""
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGTERM, self._stop)
        enter()
        become_subreaper()
        _close_all_but(self._channel.fileno(), *self._groups, *_open_ones(shared_fd, self._users_fd))
        code = _START_ERROR_CODE
        try:
            code = self._live(shared_fd)
        except StartError as err:
            self._tell({"error": str(err)})
        except BaseException as err:  # whatever it is, nobody else can say it
            known = isinstance(err, (RootError, UnknownUserError, OSError))
            self._tell({"error": create_failure(str(err) if known else repr(err))})
        finally:
            os._exit(code)

    def _live(self, shared_fd: int) -> int:
        root = self._make_root()
        try:
            _keep_groups()
            user, home = self._find_user(root)
            self._check_command(root)
            self._write_bundle(root, user, shared_fd)
            console = self._listen() if self._spec["tty"] else None
            pid = self._start()
            terminal = [] if console is None else [_receive(console)]
            self._tell({"user": user, "home": home}, terminal)
            _let_go_of_streams()
            if self._is_unwanted:
                os.kill(pid, signal.SIGKILL)
            return exit_code(self._wait(pid))
        finally:
            root.remove()

    def _make_root(self) -> ImageRoot:
        os.makedirs(WORK, mode=0o700, exist_ok=True)
        libc.mount("tmpfs", WORK, "tmpfs", libc.MS_NOSUID | libc.MS_NODEV, "mode=0711")
        image = self._spec["image"]
        assert image is not None, "only containers with an image come here"
        return ImageRoot(image, WORK, users_fd=self._users_fd, first_id=self._spec["first_id"])

    def _find_user(self, root: ImageRoot) -> tuple[UserJson, str]:
        """Give who the container's processes are, and where their home is."""
        image, passwd = self._spec["image"], root.read("/etc/passwd")
        assert image is not None, "only containers with an image come here"
        found = find_user(image["user"], passwd, root.read("/etc/group"))
        groups = [found["gid"], *found["groups"], *self._spec["user"]["groups"]]
        if _read("/proc/self/setgroups").strip() == "deny":  # in a user namespace of an ordinary user
            groups = []
        user: UserJson = {**found, "groups": list(dict.fromkeys(groups))}
        return user, self._spec["env"].get("HOME") or home_of(user["uid"], passwd)

    def _check_command(self, root: ImageRoot) -> None:
        """Refuse a command that does not exist, before the runtime writes so into the container's log."""
        spec = self._spec
        sources = {mount["target"]: mount["source"] for mount in spec["mounts"]}

        def look(path: str) -> str:
            path = os.path.normpath(path)
            for target, source in sources.items():
                if path.startswith(f"{target}/"):
                    return source + path[len(target) :]
            return root.look(path)

        path = process_environment(spec)["PATH"]
        if fault := find_fault(spec["argv"], path, spec["cwd"] or "/", look):
            raise StartError(create_failure(fault))

    def _write_bundle(self, root: ImageRoot, user: UserJson, shared_fd: int) -> None:
        spec = self._spec
        mounts = [*root.volumes(spec["mounts"]), *spec["mounts"]]
        stage(mounts, self._users_fd)
        config = oci_config(
            {**spec, "mounts": staged(mounts)},
            root=root.path,
            user=user,
            capabilities=self._capabilities,
            sysctl_families=os.listdir("/proc/sys"),
            pid_namespace=_as_file(shared_fd, "pid-namespace"),
            user_namespace=_as_file(self._users_fd, "user-namespace"),
            has_tty_group=_maps_group(_read("/proc/self/gid_map"), TTY_GROUP),
        )
        with open(f"{WORK}/config.json", "w") as file:
            json.dump(config, file)

    def _listen(self) -> socket.socket:
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        listener.bind(f"{WORK}/console")
        listener.listen(1)
        return listener

    def _start(self) -> int:
        """Have the runtime start the container, and give its pid as seen from here.

        It is put into its groups in between: what the runtime itself needs is not the container's.
        """
        console = ("--console-socket", f"{WORK}/console") if self._spec["tty"] else ()
        self._call("create", "--no-new-keyring", "--bundle", WORK, "--pid-file", f"{WORK}/pid", *console)
        pid = _read(f"{WORK}/pid")
        for fd in self._groups:
            os.write(fd, pid.encode())
            os.close(fd)
        self._call("start")
        return int(pid)

    def _call(self, command: str, *options: str) -> None:
        argv = [
            *(self._runc, "--root", f"{WORK}/state", "--log", f"{WORK}/log", "--log-format", "json"),
            *("--rootless=true", command, *options, self._spec["id"]),
        ]
        try:
            status = self._wait(spawn(argv, {"PATH": DEFAULT_PATH}, descriptors=(0, 1, 2)))
        except SpawnError as err:
            raise StartError(runtime_failure(f"{self._runc}: {err}")) from err
        if status:
            raise StartError(_words_of(_read(f"{WORK}/log")))

    def _wait(self, pid: int) -> int:
        """Wait for a child to end, and reap all others that end meanwhile."""
        while pid not in self._ended:
            ended, status = os.waitpid(-1, 0)
            self._ended[ended] = status
        return self._ended[pid]

    def _stop(self, *_: object) -> None:
        self._is_unwanted = True  # it cannot be killed before it is there

    def _tell(self, message: dict[str, Any], fds: Sequence[int] = ()) -> None:
        with suppress(OSError):  # a shim that has gone takes us along
            socket.send_fds(self._channel, [json.dumps(message).encode()], list(fds))


def receive(channel_fd: int) -> tuple[dict[str, Any], list[int]]:
    """Read what a monitor tells of the start; nothing if it ended without a word."""
    with socket.socket(fileno=os.dup(channel_fd)) as channel:
        try:
            data, fds, _, _ = socket.recv_fds(channel, _MESSAGE_BYTES, 1)
        except BlockingIOError:
            return {}, []
    return (json.loads(data) if data else {}), fds


def _words_of(log: str) -> str:
    """Find what the runtime complained of last."""
    said = [json.loads(line) for line in log.splitlines() if line.startswith("{")]
    errors = [str(line["msg"]) for line in said if line.get("level") in {"error", "fatal"}]
    words = errors[-1].removeprefix("runc create failed: ") if errors else "the runtime failed without a word"
    if words.startswith(_INIT_WORDS):
        return create_failure(words.removeprefix(_INIT_WORDS))
    return runtime_failure(words)


def _keep_groups() -> None:
    """Let the runtime see control groups, which it insists on, and make none: ours are its own.

    Where it may not write it goes on without them (``--rootless``).
    """
    if " cgroup" not in _read("/proc/self/mountinfo"):
        libc.mount("cgroup2", _CGROUPS, "cgroup2", libc.MS_NOSUID | libc.MS_NODEV | libc.MS_NOEXEC)
    with suppress(OSError):  # it may be no mount of its own
        make_read_only(_CGROUPS)


def _maps_group(gid_map: str, gid: int) -> bool:
    """Tell whether a group exists in this user namespace (user_namespaces(7))."""
    ranges = (tuple(map(int, line.split())) for line in gid_map.splitlines())
    return any(first <= gid < first + count for first, _, count in ranges)


def _as_file(namespace_fd: int, name: str) -> str:
    """Give a namespace a path that the runtime can open; empty for none."""
    if namespace_fd < 0:
        return ""
    path = f"{WORK}/{name}"
    with open(path, "x"):
        libc.mount(f"/proc/self/fd/{namespace_fd}", path, "none", libc.MS_BIND)
    return path


def _receive(listener: socket.socket) -> int:
    """Take the terminal's other side, which the runtime left on the socket."""
    connection, _ = listener.accept()
    with connection:
        _, fds, _, _ = socket.recv_fds(connection, 4096, 1)
    return fds[0]


def _let_go_of_streams() -> None:
    """Hold no end of the container's pipes: whoever reads them waits for the last one."""
    null = os.open(os.devnull, os.O_RDWR)
    for fd in (0, 1, 2):
        os.dup2(null, fd)
    os.close(null)


def _open_ones(*fds: int) -> list[int]:
    return [fd for fd in fds if fd >= 0]


def _close_all_but(*kept: int) -> None:
    first = 3
    for fd in sorted(kept):
        os.closerange(first, fd)
        first = fd + 1
    os.closerange(first, _MOST_FDS)


def _read(path: str) -> str:
    try:
        with open(path) as file:
            return file.read()
    except OSError:
        return ""
