"""Keeping a bgpd at what is wanted, on one that speaks as FRR does."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager

import pytest

from netemu.balancer.frr import render
from netemu.balancer.router import Router, bring
from netemu.balancer.vty import RouterAbsentError, RouterError, opened
from netemu.testing.eventually import eventually

ONE = {(): ("ip prefix-list nothing seq 5 deny any",), ("router bgp 1",): ("bgp router-id 1.1.1.1",)}
TWO = {(): ("ip prefix-list nothing seq 5 deny any",), ("router bgp 1",): ("bgp router-id 2.2.2.2",)}
OTHER = {(): (), ("router bgp 2",): ("bgp router-id 1.1.1.1",)}


class Bgpd:
    """Takes lines as FRR's command line does, and prints what it took."""

    def __init__(self, refused=()):
        self.config = {(): []}
        self.refused = refused
        self.typed = []

    def answer(self, line, path):
        """Give the status, what is said, and where the next line is typed."""
        if line in ("enable", "end", "configure terminal"):
            return 0, "", ()
        if line == "show running-config":
            return 0, render({path: tuple(lines) for path, lines in self.config.items()}, "t"), path
        self.typed.append(line)
        if line in self.refused:
            return 2, "% Unknown command\n", path
        if line.startswith("no router"):
            del self.config[line.removeprefix("no "),]
        elif line.startswith("no "):
            self.config[path].remove(line.removeprefix("no "))
        elif line.startswith("router"):
            self.config.setdefault((line,), [])
            return 0, "", (line,)
        else:
            self.config[path].append(line)
        return 0, "", path

    async def serve(self, reader, writer):
        path = ()
        while line := (await reader.read(4096)).rstrip(b"\0"):
            status, said, path = self.answer(line.decode(), path)
            writer.write(said.encode() + b"\0\0\0" + bytes([status]))
        writer.close()


@asynccontextmanager
async def listening(bgpd, directory):
    socket = directory / "bgpd.vty"
    async with await asyncio.start_unix_server(bgpd.serve, socket):
        yield socket
    socket.unlink(missing_ok=True)


@asynccontextmanager
async def running(router):
    async with asyncio.TaskGroup() as group:
        task = group.create_task(router.run())
        yield
        task.cancel()


async def until(bgpd, config):
    async def now():
        return {path: tuple(lines) for path, lines in bgpd.config.items()}

    await eventually(now, config.__eq__)


async def test_it_types_only_what_differs(tmp_path):
    bgpd = Bgpd()
    async with listening(bgpd, tmp_path) as socket:
        await bring(socket, ONE)
        bgpd.typed.clear()
        await bring(socket, TWO)
        await bring(socket, TWO)

    assert bgpd.typed == ["router bgp 1", "no bgp router-id 1.1.1.1", "bgp router-id 2.2.2.2"]


async def test_it_follows_what_is_wanted_and_keeps_a_file_for_the_next_start(tmp_path):
    bgpd = Bgpd()
    router = Router("node-1", tmp_path)
    async with listening(bgpd, tmp_path), running(router):
        router.want(ONE)
        await until(bgpd, ONE)
        router.want(OTHER)
        await until(bgpd, OTHER)

    assert (tmp_path / "bgpd.conf").read_text() == render(OTHER, "node-1")


async def test_it_waits_for_one_that_does_not_listen_yet(tmp_path):
    bgpd, told = Bgpd(), []
    router = Router("node-1", tmp_path, told.append)
    router.want(ONE)
    async with running(router):
        await router.write_file()
        async with listening(bgpd, tmp_path):
            await until(bgpd, ONE)

    assert told == []


async def test_one_that_was_started_anew_is_looked_at(tmp_path):
    router = Router("node-1", tmp_path)
    router.want(ONE)
    first, second = Bgpd(), Bgpd()
    async with running(router):
        async with listening(first, tmp_path):
            await until(first, ONE)
        async with listening(second, tmp_path):
            router.look()
            await until(second, ONE)


async def test_a_line_that_is_refused_is_told(tmp_path):
    async with listening(Bgpd(refused=("bgp router-id 1.1.1.1",)), tmp_path) as socket:
        with pytest.raises(RouterError, match=r"refuses 'bgp router-id 1\.1\.1\.1': % Unknown command"):
            await bring(socket, ONE)


async def test_nobody_there_is_told(tmp_path):
    with pytest.raises(RouterAbsentError, match="nobody listens"):
        async with opened(tmp_path / "bgpd.vty"):
            pass


async def test_one_that_goes_is_told(tmp_path):
    async def hang_up(_reader, writer):
        writer.close()

    async with await asyncio.start_unix_server(hang_up, tmp_path / "bgpd.vty"):
        with pytest.raises(RouterError, match="no answer to 'enable'"):
            async with opened(tmp_path / "bgpd.vty"):
                pass
