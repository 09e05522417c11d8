"""[IO] FRR's daemons: found where they were unpacked, run in a place, one unit for each router.

A unit's daemons start and end together. On `outside` these are zebra, which puts routes into the
kernel, and bgpd: whichever dies, both begin anew, and zebra leaves the routes that it finds in the
kernel alone until bgpd had time to learn them again. So no connection notices. Nodes have a bgpd
alone: what it announces the kernel holds anyway.

FRR would make directories in /run and /var/tmp: a unit sees them read-only, and a user database
that has FRR's group.
"""

from __future__ import annotations

import asyncio
import signal
import socket
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import NamedTuple

from netemu.balancer.router import Router
from netemu.cluster.processes import GONE_WITHIN_S, end_processes, ensure_process, find_process
from netemu.cluster.record import Record
from netemu.errors import MissingProgramError, NetemuError
from netemu.linux import process
from netemu.linux.process import ProcessId
from netemu.logs import Log

log = Log(__name__)

CHECKOUT = Path(__file__).parent.parent.parent
HOMES = (CHECKOUT / ".cache/frr", Path("/"))
"""Where FRR may be: fetched by ``scripts/frr``, or installed."""

ZEBRA, BGPD = "zebra", "bgpd"
RELEARN_S = 5
LOOK_EVERY_S = 0.005
LISTENS_WITHIN_S = 30.0  # on a slow machine it takes one
RESTART_DELAY_S = 0.05
MAX_DELAY_S = 10.0
SETTLED_S = 5.0

_PRIVATE = """
for each in /run /var/tmp; do [ ! -d "$each" ] || mount --bind "$each" "$each"; done
mount --bind "$1" "$1"
for each in /run /var/tmp; do [ ! -d "$each" ] || mount -o remount,bind,ro "$each"; done
for file in group passwd; do mount --bind "$1/$file" "/etc/$file"; done
shift
exec "$@"
"""
_FILES = {
    "passwd": "root:x:0:0:root:/root:/bin/sh\n",
    "group": "root:x:0:\nfrrvty:x:0:\n",
    "zebra.conf": "",
}
_OPTIONS = {
    # As many routes at a time as there may be; and none that it finds goes before bgpd said what is.
    ZEBRA: ("-s", "4194304", "-K", str(RELEARN_S)),
    BGPD: (),
}


class RouterEndedError(NetemuError):
    """A router's daemon does not stay."""

    code = "CLUSTER_ROUTER_ENDED"


class RouterSilentError(NetemuError):
    """A router's daemon is there, and does not do its work."""

    code = "CLUSTER_ROUTER_SILENT"


class Unit(NamedTuple):
    """The daemons of one router: ``netns`` is the path of its namespace."""

    place: str
    netns: Path
    directory: Path
    programs: tuple[str, ...]
    options: tuple[str, ...] = ()

    @property
    def zebra_socket(self) -> Path:
        """Where zebra listens."""
        return self.directory / "zserv.api"

    def name_of(self, program: str) -> str:
        """Name a daemon in the record."""
        return f"{program}-{self.place}"

    @property
    def names(self) -> tuple[str, ...]:
        """The daemons' names in the record."""
        return tuple(map(self.name_of, self.programs))


def node_unit(place: str, netns: Path, directory: Path) -> Unit:
    """Give a node's router: it calls, nobody calls it, and it leaves the kernel's routes alone."""
    return Unit(place, netns, directory, (BGPD,), ("-Z", "-p", "0"))


def outside_unit(place: str, netns: Path, directory: Path) -> Unit:
    """Give the router outside."""
    return Unit(place, netns, directory, (ZEBRA, BGPD))


def find_frr(homes: Sequence[Path] = HOMES) -> Path:
    """Find where FRR's packages are unpacked.

    Raises:
        MissingProgramError: nowhere.

    """
    for home in homes:
        if (home / "usr/lib/frr/bgpd").is_file():
            return home
    raise MissingProgramError(
        "FRR, which speaks BGP, is not there", hint=f"{CHECKOUT}/scripts/frr fetches it."
    )


def argv(unit: Unit, program: str, home: Path) -> tuple[str, ...]:
    """Give the command line of a daemon; the process that is started becomes it."""
    libraries = [home / part for part in ("usr/lib", "lib")]
    found = [p for each in libraries for p in sorted(each.glob("*-linux-*")) for p in (p / "frr", p)]
    directory = str(unit.directory)
    # Slave: what is unmounted here must not stay there, or namespaces that are gone would live on.
    return (
        *("nsenter", f"--net={unit.netns}", "--"),
        *("unshare", "--mount", "--propagation", "slave", "--"),
        *("sh", "-eu", "-c", _PRIVATE, "sh", directory),
        *(("env", f"LD_LIBRARY_PATH={':'.join(map(str, found))}") if home != Path("/") else ()),
        str(home / "usr/lib/frr" / program),
        *("-u", "root", "-g", "root", "-P", "0", "--log", "stdout", "--log-level", "informational"),
        *("--vty_socket", directory, "-z", str(unit.zebra_socket)),
        *("-i", f"{directory}/{program}.pid", "-f", f"{directory}/{program}.conf"),
        *_OPTIONS[program],
        *(unit.options if program == BGPD else ()),
    )


async def keep(unit: Unit, router: Router, record: Record, failed: Callable[[str], None]) -> None:
    """Keep a router's daemons running until cancelled; they outlive us.

    ``failed`` is told why they cannot be started, or do not stay; it is tried again.
    """
    delay_s = RESTART_DELAY_S
    loop = asyncio.get_running_loop()
    while True:
        began_s = loop.time()
        try:
            await router.write_file()
            began_s = loop.time()
            await _first_gone(await start(unit, record, router.look))
            await asyncio.to_thread(end_processes, record, unit.names)
            log.warning("router.lost", place=unit.place)
            if loop.time() - began_s < SETTLED_S:
                failed(f"{unit.place}: FRR ends soon after its start. See {unit.directory}/*.log")
        except (NetemuError, OSError) as err:
            log.error("router.not_started", place=unit.place, error=str(err), delay_s=delay_s)
            failed(f"{unit.place}: {' '.join(str(err).split())}")
        delay_s = RESTART_DELAY_S if loop.time() - began_s > SETTLED_S else min(delay_s * 2, MAX_DELAY_S)
        await asyncio.sleep(delay_s)


async def start(unit: Unit, record: Record, started: Callable[[], None]) -> list[ProcessId]:
    """Start what is missing of a router's daemons; what is there of some but not of others goes first.

    ``started`` is called when all are there.

    Raises:
        MissingProgramError: FRR is not there.
        RouterEndedError, RouterSilentError: the next could not begin, for one ended, or does not listen.

    """
    found = [find_process(record, name) for name in unit.names]
    if None in found:
        for each in filter(None, found):
            process.kill(each, signal.SIGKILL)
            process.wait_gone(each, GONE_WITHIN_S)
    prepare(unit)
    running = []
    for program in unit.programs:
        running.append(_start(unit, program, record))
        if program == ZEBRA:
            await listening(unit, running[-1])
    started()
    return running


async def listening(unit: Unit, zebra: ProcessId, within_s: float = LISTENS_WITHIN_S) -> None:
    """Return when zebra listens: a bgpd that comes too early would come again after 10 s.

    Raises:
        RouterEndedError: it ended.
        RouterSilentError: it is there, and nobody listens.

    """
    log_file = unit.directory / f"{ZEBRA}.log"
    try:
        async with asyncio.timeout(within_s):
            while not _answers(unit.zebra_socket):
                if not process.is_alive(zebra):
                    raise RouterEndedError("zebra ended before it listened", hint=f"See {log_file}.")
                await asyncio.sleep(LOOK_EVERY_S)
    except TimeoutError as err:
        raise RouterSilentError(
            f"zebra runs, but does not listen: waited {within_s:g} s for {unit.zebra_socket}",
            hint=f"It is started again. See {log_file}, and what `cat /proc/{zebra.pid}/stack` says.",
        ) from err


def _answers(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX) as sock:
        sock.setblocking(False)  # who does not accept must not stop us
        return sock.connect_ex(str(path)) == 0


def prepare(unit: Unit) -> None:
    """Make the directory that a router's daemons see, with what does not depend on their configuration."""
    unit.directory.mkdir(parents=True, exist_ok=True, mode=0o700)
    for name, text in _FILES.items():
        (unit.directory / name).write_text(text)


def _start(unit: Unit, program: str, record: Record) -> ProcessId:
    name = unit.name_of(program)
    found = find_process(record, name)
    if found is not None:
        return found
    return ensure_process(record, name, argv(unit, program, find_frr()), unit.directory / f"{program}.log")


async def _first_gone(running: list[ProcessId]) -> None:
    """Return when one of some processes has ended."""
    loop = asyncio.get_running_loop()
    gone = asyncio.Event()
    with ExitStack() as stack:
        for each in running:
            descriptor = stack.enter_context(process.held(each))
            if descriptor is None:
                return
            loop.add_reader(descriptor, gone.set)
            stack.callback(loop.remove_reader, descriptor)
        await gone.wait()
