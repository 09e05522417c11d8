"""What containers may use: processes, memory, processor time; what they have used; what is left of it."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

from netemu.runtime.cgroups import MAX_PROCESSES, find_hierarchies, remove_tree
from netemu.runtime.container import Limits
from netemu.testing.shims import end_of, eventually_equal, eventually_says, only_where, processes, run_to_end

HIERARCHIES = find_hierarchies()
HAS_LIMITS = {"pids", "memory", "cpu"} <= {name for each in HIERARCHIES for name in each.controllers}
needs_groups = only_where(HAS_LIMITS)


def groups(node: str) -> list[str]:
    """List the groups of a node that there are."""
    found = [Path(each.path) / node for each in HIERARCHIES]
    return [str(path) for group in found for path in group.glob("*/")]


@needs_groups
async def test_a_fork_bomb_ends_at_its_containers_limit_and_the_node_goes_on(client, spec):
    bomb = "echo first; b() { b | b & }; b; wait; exec sleep 1000"
    await client.create(spec(bomb))
    await eventually_says(spec().log_path, "fork")
    await client.create(spec("exec sleep 1000", id="c2"))

    assert len(processes()) < MAX_PROCESSES + 200
    assert (await end_of(await client.exec("c2", ["true"])))[0] == 0
    await client.remove("c1")


@needs_groups
async def test_a_container_over_its_memory_limit_is_killed_and_the_reason_is_told(client, spec):
    script = "exec python3 -c 'x = bytearray(200 << 20)'"
    state, _ = await run_to_end(client, spec(script, limits=Limits(memory_bytes=32 << 20)))

    assert (state.exit_code, state.reason) == (137, "OOMKilled")


@needs_groups
async def test_files_of_a_container_count_as_its_memory(client, spec):
    script = "head -c 100000000 /dev/zero >/tmp/big; exit 7"
    state, _ = await run_to_end(client, spec(script, limits=Limits(memory_bytes=32 << 20)))

    assert state.reason == "OOMKilled"


@needs_groups
async def test_a_container_gets_its_share_of_the_processor(client, spec):
    script = "timeout 0.5 sh -c 'while :; do :; done'; cat /proc/$$/stat"
    _, said = await run_to_end(client, spec(script, limits=Limits(cpus=0.2)))
    ticks = [int(word) for word in said.rpartition(")")[2].split()[11:15]]

    assert sum(ticks) / os.sysconf("SC_CLK_TCK") < 0.35


async def test_what_containers_have_used_can_be_asked(client, spec):
    await client.create(spec("i=0; while [ $i -lt 50000 ]; do i=$((i+1)); done; echo done; exec sleep 1000"))
    await client.create(spec("exec sleep 1000", id="c2"))
    await eventually_says(spec().log_path, "done")

    used = await client.stats()

    assert used["c1"].cpu_s > used["c2"].cpu_s > 0
    assert 0 < used["c2"].memory_bytes < 50 << 20


async def test_no_group_is_left_of_containers_that_ended(client, spec, node):
    await run_to_end(client, spec("true"))
    await client.create(spec(id="c2"))
    await (await client.exec("c2", ["sleep", "1000"])).close()
    await client.remove("c2")

    assert await asyncio.to_thread(eventually_equal, lambda: groups(node), [])


async def test_groups_of_a_killed_shim_can_be_removed_by_its_record(client, spec, shim, node, places):
    await client.create(spec())
    shim.kill()
    shim.wait()
    recorded = Path(places / "run/record/cgroup").glob("*")

    assert {path.name for path in recorded} == ({node} if HIERARCHIES else set())
    assert all(remove_tree(f"{each.path}/{node}") for each in HIERARCHIES)
    assert groups(node) == []
