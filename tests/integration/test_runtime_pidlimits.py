"""Without control groups a container's PID namespace bounds its processes."""

from __future__ import annotations

from pathlib import Path

import pytest

from netemu.linux import libc
from netemu.runtime.cgroups import MAX_PROCESSES
from netemu.runtime.pidlimits import is_bounded_by_namespaces
from netemu.testing.shims import end_of, only_where, processes

needs_bounds = only_where(is_bounded_by_namespaces())
BOMB = "b() { b | b & }; b; wait; exec sleep 1000"


@pytest.fixture(autouse=True)
def no_groups():
    """Hide control groups from the shim, as many machines do."""
    libc.mount("tmpfs", "/sys/fs/cgroup", "tmpfs", libc.MS_RDONLY, "size=4k")
    yield
    libc.umount2("/sys/fs/cgroup", libc.MNT_DETACH)


@needs_bounds
@pytest.mark.parametrize("fields", [{}, {"processes": "shared:pod"}], ids=["its-own", "shared"])
async def test_a_container_has_a_bound_of_its_own_and_the_machine_none(client, spec, fields):
    before = Path("/proc/sys/kernel/pid_max").read_text()
    await client.create(spec(**fields))
    code, said, _ = await end_of(await client.exec("c1", ["cat", "/proc/sys/kernel/pid_max"]))

    assert (code, said.decode().strip()) == (0, str(MAX_PROCESSES))
    assert Path("/proc/sys/kernel/pid_max").read_text() == before


@needs_bounds
async def test_a_fork_bomb_ends_there_and_the_node_goes_on(client, spec):
    await client.create(spec(BOMB))
    await client.create(spec(id="c2"))

    assert (await end_of(await client.exec("c2", ["true"])))[0] == 0
    assert len(processes()) < MAX_PROCESSES + 200
    await client.remove("c1")
