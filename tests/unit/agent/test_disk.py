"""A node with too little disk left evicts who has most, and says so until it is over."""

from __future__ import annotations

import os

import pytest

from netemu.agent.disk import DiskWatch, size_of
from netemu.agent.node import conditions
from netemu.agent.specs import Site
from netemu.agent.work import PodWork
from netemu.informer.cache import Key
from netemu.naming import NodeName
from netemu.settings import Kubelet, Paths, Settings
from netemu.testing import builders

MI = 1 << 20


class Node:
    """A node of 4 MiB, and what was said and done on it."""

    def __init__(self, directory, **settings):
        self.now_s = 1000.0
        self.evicted, self.told = {}, []
        self.works = []
        paths = Paths(state=directory / "state", run=directory / "run")
        paths.state.mkdir()
        self.site = Site(
            node=NodeName("node-1"),
            node_ips=("172.30.0.11",),
            settings=Settings(
                **{"node_ephemeral_storage": "4Mi", **settings},
                kubelet=Kubelet(eviction_pressure_transition_period=60.0),
            ),
            paths=paths,
        )
        self.watch = DiskWatch(
            self.site,
            lambda: self.works,
            lambda work, message: self.evicted.setdefault(work.key.name, message),
            lambda reason, message: self.told.append((reason, message)),
            lambda: self.now_s,
        )

    def pod(self, name, *, volumes=0, log=0, mounts=()):
        """Add a pod whose files have these bytes."""
        obj = builders.stored(builders.pod(name, node="node-1", volumes=list(mounts)), name)
        work = PodWork(key=Key("default", name), uid=obj["metadata"]["uid"], obj=obj)
        self.works.append(work)
        write(self.site.pod_dir(work.uid) / "volumes/data/file", volumes)
        write(self.site.log_dir("default", name, work.uid) / "c/0.log", log)
        return self


def write(path, size):
    path.parent.mkdir(parents=True)
    path.write_bytes(os.urandom(size))


@pytest.fixture
def node(tmp_path):
    return Node(tmp_path)


async def test_nothing_happens_while_there_is_room(node):
    await node.pod("small", volumes=MI).watch.look()

    assert (node.evicted, node.told, node.watch.is_under_pressure()) == ({}, [], False)


async def test_who_fills_the_disk_is_evicted(node):
    await node.pod("small", volumes=MI // 2).pod("big", volumes=2 * MI, log=MI + MI // 2).watch.look()

    assert list(node.evicted) == ["big"]
    assert node.evicted["big"].startswith("The node was low on resource: ephemeral-storage. Threshold")
    assert node.told == [("EvictionThresholdMet", "Attempting to reclaim ephemeral-storage")]


@pytest.mark.parametrize(
    ("place", "volume"),
    [
        ("data/file", {"hostPath": {"path": "/data"}}),
        (
            "var/local-path-provisioner/pvc-1_default_c/file",
            {"persistentVolumeClaim": {"claimName": "c"}},
        ),
    ],
)
async def test_who_fills_the_node_s_own_file_system_is_evicted_too(node, place, volume):
    write(node.site.paths.node_state("node-1") / place, 3 * MI)
    await node.pod("small", volumes=MI).pod("shares", mounts=[{"name": "v", **volume}]).watch.look()

    assert list(node.evicted) == ["shares"]


async def test_the_node_is_under_pressure_for_a_while_after(node):
    await node.pod("big", volumes=4 * MI).watch.look()
    seen = [node.watch.is_under_pressure()]
    node.now_s += 61
    seen.append(node.watch.is_under_pressure())

    assert seen == [True, False]


async def test_a_node_without_a_size_is_not_under_pressure_by_files_of_others(tmp_path):
    node = Node(tmp_path, node_ephemeral_storage="")
    await node.watch.look()

    assert not node.watch.is_under_pressure()


def test_a_node_under_pressure_says_so():
    (said,) = [each for each in conditions([], "", 0.0, is_full=True) if each["type"] == "DiskPressure"]

    assert (said["status"], said["reason"], said["message"]) == (
        "True",
        "KubeletHasDiskPressure",
        "kubelet has disk pressure",
    )


def test_a_directory_that_is_not_there_has_no_size(tmp_path):
    assert size_of(tmp_path / "none") == 0
