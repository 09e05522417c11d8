"""The containers of one node: started, supervised, logged, kept until they are removed."""

from __future__ import annotations

import os
import signal
import time
from itertools import count

from netemu.runtime.command import create_failure, find_fault, located, runtime_failure
from netemu.runtime.control import Loop, Refusal
from netemu.runtime.launch import Launcher
from netemu.runtime.logfile import LogFile
from netemu.runtime.memory import make_memory
from netemu.runtime.mountpoints import find_stray
from netemu.runtime.oci import receive
from netemu.runtime.pidspaces import end_all_with, mounts_of, open_of
from netemu.runtime.sandbox import environment
from netemu.runtime.spawn import SpawnError, exit_code, find_child
from netemu.runtime.staging import find_missing
from netemu.runtime.streams import READ_BYTES, LoggedStreams, Stdio, close, open_pipes
from netemu.runtime.usage import processes_usage, written_bytes

TYPE_CHECKING = False  # typing.TYPE_CHECKING without importing typing (0.6 MB a shim)
if TYPE_CHECKING:
    from collections.abc import Callable

    from netemu.runtime.control import Client
    from netemu.runtime.followers import Follower
    from netemu.runtime.wire import LimitsJson, Request, SpecJson, StateJson

_START_ERROR_CODE = 128  # containerd's exit code for a task that never started


class Attached:
    """A client that watches a container."""

    def __init__(self, client: Client, followers: list[Follower]) -> None:
        self.client = client
        self._followers = followers

    def end(self, number: str) -> None:
        """Close the pipes once the client has read what is in them, and tell it that this was all."""
        for follower in self._followers:
            follower.end()
        self.client.tell({"event": "exec-exited", "exec": number, "exit_code": 0})


class Container:
    """One container: its spec, its state, our child that it hangs on."""

    def __init__(self, spec: SpecJson) -> None:
        self.spec = spec
        self.monitor = 0  # our child: bubblewrap, or the worker itself; 0 without one
        self.ready_fd = -1
        self.failure = ""  # why it could not be started, if its monitor said so
        self.log: LogFile | None = None  # of one whose streams are not there yet
        self.is_made = False
        self.mounts = ""  # its mount namespace, if it shares its PID namespace with others
        self.streams: LoggedStreams | None = None
        self.started: Callable[[], None] | None = None
        self.removed: list[Callable[[], None]] = []
        self.attached: dict[str, Attached] = {}
        image = spec["image"]
        self.state: StateJson = {
            "id": spec["id"],
            "running": False,
            "pid": 0,
            "exit_code": None,
            "reason": "",
            "message": "",
            "started_at_s": time.time(),
            "finished_at_s": None,
            "image": image["name"] if image else "",
            "image_id": image["id"] if image else "",
        }

    def announce(self) -> bool:
        """Call ``started``, once; false if it was called before."""
        started, self.started = self.started, None
        if started is not None:
            started()
        return started is not None

    def end(self, code: int, reason: str, message: str = "") -> None:
        """Note the end."""
        self.state = {
            **self.state,
            "running": False,
            "pid": 0,
            "exit_code": code,
            "reason": reason,
            "message": message,
            "finished_at_s": time.time(),
        }


class Containers:
    """All containers of a node; ``ended`` is called with the state of each that ends by itself."""

    def __init__(self, loop: Loop, launcher: Launcher, ended: Callable[[StateJson], None]) -> None:
        self._loop = loop
        self._launcher = launcher
        self._ended = ended
        self._by_id: dict[str, Container] = {}
        self._by_monitor: dict[int, Container] = {}
        self._numbers = count(1)

    def states(self) -> list[StateJson]:
        """List the states of all containers that were not removed."""
        return [container.state for container in self._by_id.values()]

    def stats(self) -> dict[str, list[float]]:
        """Give the processor seconds and the bytes of memory that each running container has used."""
        used = {}
        for name, container in self._by_id.items():
            if container.state["running"] and (usage := self._launcher.cgroups.usage(name)):
                used[name] = [usage.cpu_s, float(usage.memory_bytes)]
        pids = {name: container.state["pid"] for name, container in self._by_id.items()}
        return used | processes_usage({name: pid for name, pid in pids.items() if pid and name not in used})

    def full(self) -> list[str]:
        """List the running containers that have written all that their limits let them."""
        return [name for name, each in self._by_id.items() if each.state["running"] and _is_disk_full(each)]

    def find(self, container_id: str) -> Container:
        """Give a container.

        Raises:
            Refusal: there is none.

        """
        try:
            return self._by_id[container_id]
        except KeyError:
            raise Refusal(f"no container {container_id}", "RUNTIME_CONTAINER_NOT_FOUND") from None

    def create(self, spec: SpecJson, started: Callable[[StateJson], None]) -> None:
        """Start a container; ``started`` is called with its state once it runs or cannot.

        Raises:
            Refusal: the id is taken, or the machine lacks what a container needs.

        """
        if spec["id"] in self._by_id:
            raise Refusal(f"container {spec['id']} exists", "RUNTIME_CONTAINER_EXISTS")
        if spec["sandboxed"] and spec["image"] is None:
            spec = {**spec, "argv": located(spec["argv"], self._launcher.outside(spec))}
        container = Container(spec)
        container.started = lambda: started(container.state)
        if spec["sandboxed"] and (failure := self._find_failure(spec)):
            self._by_id[spec["id"]] = container
            container.end(_START_ERROR_CODE, "StartError", failure)
            container.announce()
            return
        try:
            self._start(container)
        except (SpawnError, OSError) as err:
            raise Refusal(f"container {spec['id']} cannot be started: {err}") from err
        self._by_id[spec["id"]] = self._by_monitor[container.monitor] = container

    def attach(self, client: Client, request: Request) -> None:
        """Hand a container's streams to a client: its outputs, and its input if both want it.

        Raises:
            Refusal: the container does not run.

        """
        container = self.find(request["container"])
        streams, spec = container.streams, container.spec
        if not container.state["running"] or streams is None:
            raise Refusal(f"container {spec['id']} does not run")
        followers = streams.follow()
        stdin_fd = -1
        if request["stdin"] and spec["stdin"]:
            stdin_fd = streams.open_input(only_one=spec["stdin_once"])
        number = f"attached-{next(self._numbers)}"
        container.attached[number] = Attached(client, followers)
        fds = [follower.read_fd for follower in followers] + ([stdin_fd] if stdin_fd >= 0 else [])
        client.reply(request, {"exec": number, "tty": spec["tty"], "stdin": stdin_fd >= 0}, fds)

    def detach(self, client: Client, number: str = "") -> None:
        """Forget a client's watch over a container, or all of its. Idempotent."""
        for container in self._by_id.values():
            for each, attached in list(container.attached.items()):
                if attached.client is client and number in ("", each):
                    attached.end(each)
                    del container.attached[each]

    def signal(self, container_id: str, signum: int) -> None:
        """Send a signal to a container's pid 1; for SIGTERM the one that its image has for it."""
        container = self.find(container_id)
        image = container.spec["image"]
        if image is not None and signum == signal.SIGTERM:
            signum = image["stop_signal"] or signum
        if container.state["running"]:
            try:
                os.kill(container.state["pid"] or container.monitor, signum)
            except ProcessLookupError:
                return  # it has just ended, and that is told next

    def limit(self, container_id: str, limits: LimitsJson) -> None:
        """Change what a container may use."""
        self._launcher.cgroups.limit(self.find(container_id).spec["id"], limits)

    def remove(self, container_id: str, removed: Callable[[], None]) -> None:
        """Kill what is left and forget it; ``removed`` is called when nothing is left."""
        container = self._by_id.get(container_id)
        if container is None:
            removed()
        elif container.monitor:
            container.removed.append(removed)
            _kill(container)
        else:
            del self._by_id[container_id]
            removed()

    def take_exit(self, pid: int, status: int) -> bool:
        """Note that a child of ours ended; false if it was none of these."""
        container = self._by_monitor.pop(pid, None)
        if container is None:
            return self._launcher.pid_spaces.take_exit(pid)
        container.monitor = 0
        self._read_ready(container)
        end_all_with(container.mounts)
        self._launcher.pid_spaces.leave(container.spec["id"])
        self._loop.forget(container.ready_fd)
        close(container.ready_fd)
        container.ready_fd = -1
        last_line = container.streams.close() if container.streams is not None else ""
        if container.log is not None:
            container.log.close()
        for number, attached in container.attached.items():
            attached.end(number)
        container.attached.clear()
        if container.is_made or not container.spec["sandboxed"] or os.WIFSIGNALED(status):
            code = exit_code(status)
            container.end(code, self._reason(container, code))
        else:
            failure = container.failure or create_failure(last_line or "the sandbox ended")
            container.end(_START_ERROR_CODE, "StartError", failure)
        self._launcher.cgroups.remove(container.spec["id"])
        if not container.announce() and not container.removed:
            self._ended(container.state)
        if container.removed:
            del self._by_id[container.spec["id"]]
        for removed in container.removed:
            removed()
        return True

    def _start(self, container: Container) -> None:
        spec = container.spec
        log = LogFile(spec["log_path"])
        stdio, ours = self._open_streams(spec)
        try:
            make_memory(spec["mounts"])
            shared_fd = self._join_others(spec)
            try:
                launch = self._launcher.launch if spec["image"] is None else self._launcher.launch_image
                container.monitor, container.ready_fd = launch(spec, stdio, shared_fd)
            finally:
                close(shared_fd)
        except BaseException:
            close(*ours)
            log.close()
            self._launcher.pid_spaces.leave(spec["id"])
            self._launcher.cgroups.remove(spec["id"])
            raise
        finally:
            close(*set(stdio))
        container.log = log
        if ours:
            self._log_streams(container, ours)
        container.state["running"] = True
        if container.ready_fd >= 0:
            self._loop.watch(container.ready_fd, lambda: self._read_ready(container))
        else:
            container.state["pid"] = container.monitor
            container.announce()

    def _open_streams(self, spec: SpecJson) -> tuple[Stdio, list[int]]:
        """Make a container's streams, and our ends; a terminal of an image's is made with its /dev."""
        if not spec["tty"]:
            return open_pipes(stdin=spec["stdin"])
        if spec["image"] is None:
            return self._launcher.open_terminal()
        null = os.open(os.devnull, os.O_RDWR | os.O_CLOEXEC)
        return (null, null, null), []

    def _log_streams(self, container: Container, ours: list[int]) -> None:
        stdin_fd, *outputs = ours
        named = dict(zip(("stdout", "stderr"), outputs, strict=False))
        assert container.log is not None
        container.streams = LoggedStreams(self._loop, container.log, stdin_fd, named)
        container.log = None

    def _read_ready(self, container: Container) -> None:
        """Note that the sandbox is made: its pid 1 is found now, and is about to be the command."""
        if container.ready_fd < 0 or container.is_made:
            return
        is_image = container.spec["image"] is not None
        container.is_made = (
            self._take_start(container) if is_image else bool(_read_available(container.ready_fd))
        )
        self._loop.forget(container.ready_fd)
        if container.is_made and container.monitor:
            container.state["pid"] = find_child(container.monitor)
            self._launcher.bound(container.state["pid"])
            if container.spec["processes"] or is_image:
                container.mounts = mounts_of(container.state["pid"])
            container.announce()

    def _take_start(self, container: Container) -> bool:
        """Take what the monitor of an image's container tells: who its user is, its terminal, a failure."""
        told, fds = receive(container.ready_fd)
        container.failure = told.get("error", container.failure)
        if "user" not in told:
            return False
        container.spec["user"] = told["user"]
        container.spec["env"] = {"HOME": told["home"], **container.spec["env"]}
        if fds:
            self._log_streams(container, [os.dup(fds[0]), fds[0]])
        return True

    def _reason(self, container: Container, code: int) -> str:
        if code and self._launcher.cgroups.was_out_of_memory(container.spec["id"]):
            return "OOMKilled"
        return "Error" if code else "Completed"

    def _join_others(self, spec: SpecJson) -> int:
        """Open the PID namespace that a container shares, -1 if it has its own or the node's."""
        how, _, what = spec["processes"].partition(":")
        match how:
            case "shared":
                return self._launcher.share_processes(what, spec)
            case "of":
                target = self.find(what)
                if not target.state["pid"]:
                    raise Refusal(f"container {what} does not run")
                return open_of(target.state["pid"])
        return -1

    def _find_failure(self, spec: SpecJson) -> str:
        """Say why a container cannot be started, as far as can be seen before; empty if nothing is."""
        if spec["image"] is not None:
            missing = "runc is not installed on this machine: apt-get install runc"
            return "" if self._launcher.runc else runtime_failure(missing)
        if fault := find_stray(spec["mounts"], spec["cwd"]) or find_missing(spec["mounts"]):
            return runtime_failure(fault)
        look = self._launcher.outside(spec)
        fault = find_fault(spec["argv"], environment(spec)["PATH"], spec["cwd"], look)
        return create_failure(fault) if fault else ""


def _kill(container: Container) -> None:
    if container.spec["image"] is not None and not container.state["pid"]:
        os.kill(container.monitor, signal.SIGTERM)  # it ends the container once that is there
    elif container.spec["sandboxed"]:
        os.kill(container.state["pid"] or container.monitor, signal.SIGKILL)
    else:
        os.killpg(container.monitor, signal.SIGKILL)


def _read_available(fd: int) -> bytes:
    """Read what there is without waiting; empty at the end, and when there is nothing."""
    try:
        return os.read(fd, READ_BYTES)
    except BlockingIOError:
        return b""


def _is_disk_full(container: Container) -> bool:
    """Tell whether a container has written what its limit lets it: a file system of that size has
    no room left, or there is more over its image.
    """
    limit = container.spec["limits"]["disk_bytes"]
    if not limit or not container.state["pid"]:
        return False
    if image := container.spec["image"]:
        return written_bytes(image["scratch"], limit) > limit
    try:
        found = os.statvfs(f"/proc/{container.state['pid']}/root")
    except OSError:
        return False  # it has just ended
    return not found.f_bavail and abs(found.f_blocks * found.f_frsize - limit) <= found.f_frsize
