"""FRR's daemons: where they are found, and how they are started."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from netemu.cluster.frr import (
    RouterEndedError,
    RouterSilentError,
    argv,
    find_frr,
    listening,
    node_unit,
    outside_unit,
    prepare,
)
from netemu.errors import MissingProgramError
from netemu.linux.process import ProcessId, process_id

THIS = process_id(os.getpid())


def unpacked(directory):
    program = directory / "usr/lib/frr/bgpd"
    program.parent.mkdir(parents=True)
    program.touch()
    (directory / "usr/lib/x86_64-linux-gnu/frr").mkdir(parents=True)
    return directory


def test_the_first_home_that_has_it_is_taken(tmp_path):
    unpacked(tmp_path / "second")
    unpacked(tmp_path / "third")

    assert find_frr([tmp_path / "first", tmp_path / "second", tmp_path / "third"]) == tmp_path / "second"


def test_what_is_missing_is_told_with_what_fetches_it(tmp_path):
    with pytest.raises(MissingProgramError) as caught:
        find_frr([tmp_path])

    assert caught.value.hint.endswith("scripts/frr fetches it.")


def test_a_unit_runs_in_its_place_and_writes_into_its_directory_alone(tmp_path):
    unit = outside_unit("outside", Path("/run/netns/x"), tmp_path / "frr")
    home = unpacked(tmp_path / "home")
    words = argv(unit, "zebra", home)

    assert words[:3] == ("nsenter", "--net=/run/netns/x", "--")
    assert f"LD_LIBRARY_PATH={home}/usr/lib/x86_64-linux-gnu/frr:{home}/usr/lib/x86_64-linux-gnu" in words
    assert words[words.index("--vty_socket") + 1] == words[words.index("sh", 9) + 1]
    assert unit.names == ("zebra-outside", "bgpd-outside")


def test_a_node_s_bgpd_neither_listens_nor_writes_routes(tmp_path):
    unit = node_unit("node-1", Path("/run/netns/x"), tmp_path)

    assert argv(unit, "bgpd", tmp_path)[-3:] == ("-Z", "-p", "0")
    assert unit.names == ("bgpd-node-1",)


def test_a_directory_is_prepared_as_often_as_wanted(tmp_path):
    unit = node_unit("node-1", Path("/run/netns/x"), tmp_path / "frr" / "node-1")
    prepare(unit)
    prepare(unit)

    assert "frrvty" in (unit.directory / "group").read_text()
    assert unit.directory.stat().st_mode & 0o777 == 0o700


async def test_zebra_is_waited_for_until_it_listens(tmp_path):
    unit = outside_unit("outside", Path("/run/netns/x"), tmp_path)
    with socket.socket(socket.AF_UNIX) as sock:
        sock.bind(str(unit.zebra_socket))
        sock.listen()

        await listening(unit, THIS, within_s=30)


async def test_zebra_that_never_listens_is_not_waited_for_without_end(tmp_path):
    unit = outside_unit("outside", Path("/run/netns/x"), tmp_path)

    with pytest.raises(RouterSilentError) as caught:
        await listening(unit, THIS, within_s=0.02)

    assert str(unit.zebra_socket) in caught.value.message
    assert f"{tmp_path}/zebra.log" in caught.value.hint


async def test_zebra_that_ends_is_not_waited_for(tmp_path):
    with pytest.raises(RouterEndedError, match="zebra ended before it listened"):
        await listening(outside_unit("outside", Path("/x"), tmp_path), ProcessId(os.getpid(), 0))
