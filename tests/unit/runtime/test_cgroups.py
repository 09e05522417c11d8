from __future__ import annotations

import json
from pathlib import Path

import pytest

from netemu.runtime.cgroups import Cgroups, find_hierarchies, remove_tree

LIMITS = {"cpus": 0.5, "memory_bytes": 4096, "disk_bytes": 0}
NONE = {"cpus": 0.0, "memory_bytes": 0, "disk_bytes": 0}


@pytest.fixture
def separate(tmp_path):
    """Version 1's directories: for this process memory has a group of its own."""
    for name in ("pids", "memory/mine", "cpu,cpuacct", "freezer"):
        (tmp_path / "fs" / name).mkdir(parents=True)
    own = tmp_path / "own"
    own.write_text("4:memory:/mine\n3:pids:/gone\n2:cpu,cpuacct:/\n1:freezer:/\n0::/\n")
    return str(own), str(tmp_path / "fs")


@pytest.fixture
def unified(tmp_path):
    (tmp_path / "cgroup.controllers").write_text("cpu io memory pids\n")
    (tmp_path / "cgroup.subtree_control").write_text("cpu memory pids\n")
    return tmp_path


def groups(tmp_path, hierarchies, container="c1"):
    """A node whose first container's groups the kernel would fill with files."""
    made = Cgroups("ne-t-node-1", str(tmp_path / "record"), hierarchies)
    files = "cgroup.procs pids.max memory.max memory.swap.max memory.limit_in_bytes memory.oom.group"
    for each in hierarchies:
        path = Path(each.path) / "ne-t-node-1" / container
        path.mkdir(parents=True)
        for name in (*files.split(), "cpu.max", "cpu.cfs_quota_us"):
            (path / name).touch()
    return made


def test_version_1_has_a_directory_for_each_controller_below_our_own_group(separate):
    own, root = separate

    found = {frozenset(each.controllers): each.path for each in find_hierarchies(own, root)}

    assert found == {
        frozenset({"memory"}): f"{root}/memory/mine",
        frozenset({"pids"}): f"{root}/pids",
        frozenset({"cpu", "cpuacct"}): f"{root}/cpu,cpuacct",
    }


def test_version_2_has_the_controllers_that_its_root_hands_down(unified):
    (found,) = find_hierarchies("/dev/null", str(unified))

    assert found.controllers == {"cpu", "memory", "pids"}
    assert found.is_unified


def test_a_root_that_hands_nothing_down_is_none(unified):
    (unified / "cgroup.subtree_control").write_text("\n")

    assert find_hierarchies("/dev/null", str(unified)) == []


def test_limits_are_written_as_version_2_has_them(tmp_path, unified):
    hierarchies = find_hierarchies("/dev/null", str(unified))
    groups(tmp_path, hierarchies).open("c1", LIMITS)
    group = unified / "ne-t-node-1/c1"

    written = {path.name: path.read_text() for path in group.iterdir() if path.read_text()}

    assert written == {
        "pids.max": "1024",
        "memory.max": "4096",
        "memory.swap.max": "0",
        "memory.oom.group": "1",
        "cpu.max": "50000 100000",
    }


def test_limits_are_written_as_version_1_has_them(tmp_path, separate):
    hierarchies = find_hierarchies(*separate)
    groups(tmp_path, hierarchies).open("c1", LIMITS)
    written = {
        path.name: path.read_text() for each in hierarchies for path in _files(each.path) if path.read_text()
    }

    assert written == {"pids.max": "1024", "memory.limit_in_bytes": "4096", "cpu.cfs_quota_us": "50000"}


def test_without_limits_a_container_is_kept_from_a_fork_bomb_alone(tmp_path, unified):
    groups(tmp_path, find_hierarchies("/dev/null", str(unified))).open("c1", NONE)
    group = unified / "ne-t-node-1/c1"

    assert [path.name for path in group.iterdir() if path.read_text()] == ["pids.max"]


def test_a_nodes_groups_are_in_the_record_before_they_are_made(tmp_path, unified):
    groups(tmp_path, find_hierarchies("/dev/null", str(unified))).open("c1", NONE)

    noted = json.loads((tmp_path / "record/ne-t-node-1").read_text())

    assert noted == {"directories": [f"{unified}/ne-t-node-1"]}


def test_all_containers_of_a_node_together_weigh_less_than_a_process(tmp_path, unified):
    made = groups(tmp_path, find_hierarchies("/dev/null", str(unified)))
    (unified / "ne-t-node-1/cpu.weight").touch()
    made.open("c1", NONE)

    assert (unified / "ne-t-node-1/cpu.weight").read_text() == "25"


def test_a_node_without_containers_that_are_processes_makes_nothing(tmp_path, unified):
    Cgroups("ne-t-node-1", str(tmp_path / "record"), find_hierarchies("/dev/null", str(unified)))

    assert not (tmp_path / "record").exists()
    assert not (unified / "ne-t-node-1").exists()


def test_used_memory_is_what_cannot_be_taken_back(tmp_path, unified):
    made = groups(tmp_path, find_hierarchies("/dev/null", str(unified)))
    made.open("c1", NONE)
    group = unified / "ne-t-node-1/c1"
    (group / "cpu.stat").write_text("usage_usec 1500000\nuser_usec 1\n")
    (group / "memory.current").write_text("5000\n")
    (group / "memory.stat").write_text("anon 1\ninactive_file 2000\n")

    usage = made.usage("c1")

    assert (usage.cpu_s, usage.memory_bytes) == (1.5, 3000)
    assert made.usage("c2") is None


@pytest.mark.parametrize(("events", "killed"), [("oom 3\noom_kill 0\n", False), ("oom_kill 1\n", True)])
def test_a_kill_for_memory_is_known(tmp_path, unified, events, killed):
    made = groups(tmp_path, find_hierarchies("/dev/null", str(unified)))
    made.open("c1", NONE)
    (unified / "ne-t-node-1/c1/memory.events").write_text(events)

    assert made.was_out_of_memory("c1") is killed


def test_what_an_earlier_shim_left_is_removed_before_the_first_group_is_made(tmp_path, unified):
    hierarchies = find_hierarchies("/dev/null", str(unified))
    (unified / "ne-t-node-1/old").mkdir(parents=True)
    groups(tmp_path, hierarchies).open("c1", NONE)

    assert [path.name for path in unified.glob("ne-t-node-1/*/")] == ["c1"]


def test_a_group_that_cannot_be_made_is_gone_without_and_made_for_the_next(tmp_path, unified):
    made = Cgroups("ne-t-node-1", str(tmp_path / "record"), find_hierarchies("/dev/null", str(unified)))
    (unified / "ne-t-node-1").touch()
    assert made.open("c1", NONE) == []

    (unified / "ne-t-node-1").unlink()
    made.open("c2", NONE)

    assert (unified / "ne-t-node-1/c2").is_dir()


def test_a_tree_of_empty_groups_is_removed_and_one_that_is_not_is_told(tmp_path):
    (tmp_path / "node/c1").mkdir(parents=True)
    (tmp_path / "full/c1").mkdir(parents=True)
    (tmp_path / "full/c1/member").touch()

    assert remove_tree(str(tmp_path / "node"))
    assert not remove_tree(str(tmp_path / "full"), within_s=0)


def _files(path):
    return list(Path(path).glob("ne-t-node-1/c1/*"))
