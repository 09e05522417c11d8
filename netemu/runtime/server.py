"""The shim: one process per node that is the parent of its containers and outlives the daemon.

``nsenter --target PID --net --mount --uts`` enters the node through it. Whatever it starts
lives in a PID namespace of the node, whose first process dies with the shim: nothing that a
container did (another user, another session) lets it outlive ``kill -9``.

Little is imported, on purpose (no asyncio, msgspec, typing, argparse): every node has a shim.
"""

from __future__ import annotations

import fcntl
import gc
import os
import signal
import sys

from netemu.linux import libc
from netemu.runtime.cgroups import Cgroups
from netemu.runtime.command import create_failure
from netemu.runtime.containers import Containers
from netemu.runtime.control import Client, Control, Loop, Refusal
from netemu.runtime.entering import write_sysctls
from netemu.runtime.launch import Launcher
from netemu.runtime.node import NETNS, Machine, enter_node
from netemu.runtime.programs import Programs
from netemu.runtime.spawn import spawn
from netemu.runtime.syscalls import CLONE_NEWPID

TYPE_CHECKING = False  # typing.TYPE_CHECKING without importing typing (0.6 MB a shim)
if TYPE_CHECKING:
    from netemu.runtime.wire import Request, StateJson

OPTIONS = ("node", "hostname", "netns", "netns-dir", "state", "run", "cluster-run")
USAGE = f"usage: python -m netemu.runtime.server {' '.join(f'--{name} VALUE' for name in OPTIONS)}"


def main() -> None:
    """Become a node's shim; ends on SIGTERM, and takes everything it started with it."""
    options = parse_options(sys.argv[1:])
    run, state = os.path.abspath(options["run"]), os.path.abspath(options["state"])
    os.makedirs(run, exist_ok=True)
    images = os.path.join(os.path.dirname(os.path.dirname(state)), "images")  # of all nodes
    os.makedirs(images, mode=0o700, exist_ok=True)
    lock = _lock(f"{run}/shim.lock")
    machine = Machine(options["netns-dir"])
    loop = Loop()
    cgroups = Cgroups(options["netns"], f"{os.path.abspath(options['cluster-run'])}/record/cgroup")
    shim = Shim(loop, machine, cgroups, options["node"], f"{run}/shim.sock")
    refused = enter_node(
        machine,
        netns=options["netns"],
        netns_dir=options["netns-dir"],
        hostname=options["hostname"],
        state=state,
        visible=[run, images, os.path.abspath(options["cluster-run"])],
    )
    for sentence in refused:
        _say(sentence)
    shim.serve()
    os.close(lock)


def parse_options(words: list[str]) -> dict[str, str]:
    """Read ``--name value`` pairs; all of ``OPTIONS`` are needed. SystemExit with the usage if not."""
    names, values = words[::2], words[1::2]
    options = dict(zip((name.removeprefix("--") for name in names), values, strict=False))
    if len(words) != 2 * len(OPTIONS) or set(options) != set(OPTIONS):
        raise SystemExit(USAGE)
    return options


class Shim:
    """Requests in, containers and programs out, exits noticed."""

    def __init__(self, loop: Loop, machine: Machine, cgroups: Cgroups, node: str, path: str) -> None:
        self._loop = loop
        self._machine = machine
        self._cgroups = cgroups
        self._node = node
        self._path = path
        self._init = 0
        self._serving = True
        self._control = Control(loop, path, self._take, self._left)
        self._programs = Programs(cgroups)
        self._containers = Containers(loop, Launcher(machine, cgroups), self._ended)

    def serve(self) -> None:
        """Serve until SIGTERM, or until the PID namespace is gone."""
        self._watch_signals()
        self._init = self._start_init()
        gc.collect()
        gc.freeze()  # a fork then copies fewer pages
        libc.give_back_memory()  # half a megabyte
        self._control.listen()
        while self._serving:
            self._loop.turn()
        os.unlink(self._path)
        os.kill(self._init, signal.SIGKILL)

    def _start_init(self) -> int:
        """Make the PID namespace of all that we start; its first process only has to be there."""
        libc.unshare(CLONE_NEWPID)
        null = os.open(os.devnull, os.O_RDWR | os.O_CLOEXEC)
        program = ["/usr/bin/sleep", "infinity"]
        pid = spawn(program, {}, descriptors=(null, null, null), prepare=_ignore_children)
        os.close(null)
        return pid

    def _watch_signals(self) -> None:
        woken, wake = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
        signal.set_wakeup_fd(wake)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.signal(signal.SIGTERM, lambda *_: self._stop())
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        self._loop.watch(woken, lambda: self._reap(woken))

    def _stop(self) -> None:
        self._serving = False

    def _reap(self, woken: int) -> None:
        os.read(woken, 4096)
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                break
            if pid == 0:
                break
            if pid == self._init:
                _say("the first process of the node's PID namespace was killed, and all with it")
                self._serving = False
            elif not self._containers.take_exit(pid, status):
                self._programs.take_exit(pid, status)
        self._cgroups.sweep()

    def _take(self, client: Client, request: Request) -> None:
        match request["op"]:
            case "hello":
                states = self._containers.states()
                client.reply(request, {"pid": os.getpid(), "node": self._node, "containers": states})
            case "create":
                self._containers.create(request["spec"], lambda state: client.reply(request, state))
            case "list":
                client.reply(request, self._containers.states())
            case "stats":
                client.reply(request, {"used": self._containers.stats(), "full": self._containers.full()})
            case "signal":
                self._containers.signal(request["container"], request["signum"])
                client.reply(request)
            case "limit":
                self._containers.limit(request["container"], request["limits"])
                client.reply(request)
            case "remove":
                self._containers.remove(request["container"], lambda: client.reply(request))
            case "exec":
                self._programs.exec(client, request, self._containers.find(request["container"]))
            case "attach":
                self._containers.attach(client, request)
            case "run":
                self._programs.run(client, request)
            case "exec_kill":
                self._programs.kill(client, request["exec"])
                self._containers.detach(client, request["exec"])
                client.reply(request)
            case _:
                self._take_netns(request)
                client.reply(request)

    def _take_netns(self, request: Request) -> None:
        match request["op"]:
            case "bind_netns":
                self._bind_netns(request["name"])
            case "unbind_netns":
                _unbind_netns(request["name"])
            case "set_sysctls":
                self._set_sysctls(request["netns"], request["sysctls"])
            case other:
                raise Refusal(f"unknown operation {other!r}")

    def _left(self, client: Client) -> None:
        self._programs.left(client)
        self._containers.detach(client)

    def _ended(self, state: StateJson) -> None:
        self._control.tell_all({"event": "exited", "state": state})

    def _set_sysctls(self, netns: str, sysctls: dict[str, str]) -> None:
        """Enter a network namespace for a moment: /proc/sys/net is that of who looks."""
        ours = os.open("/proc/self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
        theirs = self._machine.open_netns(netns)
        try:
            libc.setns(theirs, libc.CLONE_NEWNET)
            write_sysctls(sysctls)
        except OSError as err:
            call = "open" if isinstance(err, FileNotFoundError) else "write"
            why = f"{call} {err.filename}: {(err.strerror or '').lower()}"
            raise Refusal(create_failure(why)) from err
        finally:
            libc.setns(ours, libc.CLONE_NEWNET)
            os.close(theirs)
            os.close(ours)

    def _bind_netns(self, name: str) -> None:
        """Give a network namespace of the machine the same name in the node."""
        _unbind_netns(name)
        fd = self._machine.open_netns(name)
        try:
            with open(f"{NETNS}/{name}", "x"):
                libc.mount(f"/proc/self/fd/{fd}", f"{NETNS}/{name}", "none", libc.MS_BIND)
        finally:
            os.close(fd)


def _unbind_netns(name: str) -> None:
    path = f"{NETNS}/{name}"
    if os.path.lexists(path):
        if os.stat(path).st_dev != os.stat(NETNS).st_dev:
            libc.umount2(path, libc.MNT_DETACH)
        os.unlink(path)


def _ignore_children() -> None:
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # whoever is orphaned to it is reaped by the kernel


def _lock(path: str) -> int:
    """Be the only shim of this node.

    The lock is of the process: the kernel ends it with us, however we end.
    """
    fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise SystemExit(f"netemu shim: another one serves {os.path.dirname(path)}") from None
    return fd


def _say(sentence: str) -> None:
    print(f"netemu shim: {sentence}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
