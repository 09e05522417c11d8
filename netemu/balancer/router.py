"""[IO] Keep one bgpd at the configuration that is wanted of it."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from netemu.balancer.frr import Below, Command, Config, changes, leads_to, parse, render
from netemu.balancer.pools import Address
from netemu.balancer.sessions import read_sessions
from netemu.balancer.vty import RouterAbsentError, RouterError, Vty, opened
from netemu.logs import Log

log = Log(__name__)

PERIOD_S = 30.0
RETRY_S = 0.1
MAX_RETRY_S = 5.0
ROUNDS = 3  # what is undone takes other lines with it: then they are typed again


class Router:
    """One bgpd: its configuration file, for when it starts, and its socket, while it runs.

    ``failed`` is told why it does not take what is wanted; it is tried again.
    """

    def __init__(
        self, place: str, directory: Path, failed: Callable[[str], None] = lambda _words: None
    ) -> None:
        self.place = place
        self._directory = directory
        self._failed = failed
        self._wanted: Config | None = None
        self._wake = asyncio.Event()
        self._known = asyncio.Event()

    def want(self, config: Config) -> None:
        """Say how it is to be configured from now on."""
        if config != self._wanted:
            self._wanted = config
            self._known.set()
            self._wake.set()

    def look(self) -> None:
        """Look again whether it is as it should be: it was started anew."""
        self._wake.set()

    async def write_file(self) -> None:
        """Write the file that it reads when it starts, as soon as it is known what is wanted."""
        await self._known.wait()
        self._write()

    async def run(self) -> None:
        """Bring it to what is wanted, whenever that changes and now and then, until cancelled."""
        delay_s = RETRY_S
        while True:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._wake.wait(), PERIOD_S)
            self._wake.clear()
            if self._wanted is None:
                continue
            try:
                self._write()
                await bring(self._directory / "bgpd.vty", self._wanted)
                delay_s = RETRY_S
            except (RouterError, OSError) as err:
                log.debug("router.behind", place=self.place, error=str(err), delay_s=delay_s)
                if delay_s >= MAX_RETRY_S and not isinstance(err, RouterAbsentError):
                    self._failed(str(err))
                asyncio.get_running_loop().call_later(delay_s, self._wake.set)
                delay_s = min(delay_s * 2, MAX_RETRY_S)

    async def sessions(self) -> Mapping[Address, str]:
        """Ask how its sessions are, by the peers' addresses; none while it does not answer."""
        try:
            async with opened(self._directory / "bgpd.vty") as vty:
                _, text = await vty.ask("show bgp summary json")
        except RouterError as err:
            log.debug("router.unasked", place=self.place, error=str(err))
            return {}
        return read_sessions(text)

    def _write(self) -> None:
        assert self._wanted is not None
        text = render(self._wanted, self.place)
        path = self._directory / "bgpd.conf"
        new = path.with_suffix(".new")
        new.write_text(text)
        os.replace(new, path)


async def bring(socket: Path, wanted: Config) -> None:
    """Bring the bgpd that listens on a socket to a configuration.

    Raises:
        RouterError: it does not answer, or refuses a line.

    """
    async with opened(socket) as vty:
        for _ in range(ROUNDS):
            commands = list(changes(await _configuration(vty), wanted))
            if not commands:
                return
            await _type(vty, commands)
        left = list(changes(await _configuration(vty), wanted))
        if left:
            raise RouterError(f"bgpd does not keep {left[0].line!r}")


async def _configuration(vty: Vty) -> Config:
    await vty.ask("end")
    _, text = await vty.ask("show running-config")
    return parse(text)


async def _type(vty: Vty, commands: Sequence[Command]) -> None:
    at: Below | None = None
    for command in commands:
        if command.path != at:
            for line in ("end", "configure terminal", *command.path):
                await vty.ask(line)
        status, said = await vty.ask(command.line)
        if status != 0 and not command.may_fail:
            raise RouterError(f"bgpd refuses {command.line!r}: {said.strip() or f'status {status}'}")
        at = leads_to(command)
