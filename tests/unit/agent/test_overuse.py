"""Pods whose containers have written more than they may."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from netemu.agent.overuse import PERIOD_S, Overuse, disk_limits, excess, volume_limits
from netemu.runtime.client import ContainerStats
from netemu.testing.fake_runtime import FakeRecorder, FakeShim


def a_pod(limit="5Mi"):
    resources = {"limits": {"ephemeral-storage": limit} if limit else {}}
    return {"metadata": {"uid": "u"}, "spec": {"containers": [{"name": "c", "resources": resources}]}}


class Node:
    """One pod of a node, and a clock."""

    def __init__(self, pod, *, is_full=True):
        self.now_s = 1000.0
        self.shim, self.recorder, self.looks, self.places = FakeShim(), FakeRecorder(), [], []
        self.shim.used["c-0"] = ContainerStats(0.0, 0, is_full)
        running = (("c", SimpleNamespace(id="c-0", pid=7)),)
        self.work = SimpleNamespace(uid="u", obj=pod, running=lambda: running)
        self.containers = SimpleNamespace(shim=self.shim)
        self.overuse = Overuse(
            self.containers,
            self.recorder,
            lambda uid, delay_s: self.looks.append(delay_s),
            lambda: self.now_s,
            is_full=lambda place: is_full and self.places.append(place) is None,
        )

    async def later(self, *delays_s):
        """Look at first, then after each delay; give what was found at last."""
        found = await self.overuse.find_failure(self.work)
        for delay_s in delays_s:
            self.now_s += delay_s
            found = await self.overuse.find_failure(self.work)
        return found


async def test_a_pod_whose_disk_is_full_is_evicted_with_little_time():
    node = Node(a_pod())
    failure = await node.later(PERIOD_S)

    message = "Pod ephemeral local storage usage exceeds the total limit of containers 5Mi. "
    assert (failure.reason, failure.message, failure.max_grace_s) == ("Evicted", message, 1.0)
    assert node.recorder.events == [("Warning", "Evicted", message)]


@pytest.mark.parametrize(
    ("pod", "is_full"),
    [
        pytest.param(a_pod(), False, id="has-room"),
        pytest.param(a_pod(""), True, id="no-limit"),
        pytest.param({}, True, id="known-by-its-containers-only"),
    ],
)
async def test_others_stay(pod, is_full):
    assert await Node(pod, is_full=is_full).later(PERIOD_S) is None


async def test_nobody_looks_more_often_than_a_kubelet():
    node = Node(a_pod(), is_full=False)
    await node.later(1.0, 1.0)

    assert node.looks == [PERIOD_S]
    await node.later(PERIOD_S)
    assert node.looks == [PERIOD_S, PERIOD_S]


async def test_a_shim_that_is_gone_says_nothing():
    node = Node(a_pod())
    node.containers.shim = None

    assert await node.later(PERIOD_S) is None


async def test_a_pod_that_is_gone_is_forgotten():
    node = Node(a_pod(), is_full=False)
    await node.later(1.0)
    node.overuse.forget("u")
    await node.later()

    assert node.looks == [PERIOD_S, PERIOD_S]


def test_limits_are_read_of_each_container():
    assert disk_limits(a_pod()) == {"c": "5Mi"}


@pytest.mark.parametrize(("is_full", "reasons"), [(True, ["Evicted"]), (False, [])])
async def test_a_volume_with_a_size_is_looked_at_where_a_container_has_it(is_full, reasons):
    pod = a_pod("")
    pod["spec"]["volumes"] = [{"name": "v", "emptyDir": {"sizeLimit": "2Mi"}}, {"name": "w", "emptyDir": {}}]
    pod["spec"]["containers"][0]["volumeMounts"] = [
        {"name": "w", "mountPath": "/w"},
        {"name": "v", "mountPath": "/data"},
    ]
    node = Node(pod, is_full=is_full)
    await node.later(PERIOD_S)

    assert volume_limits(pod) == {"v": "2Mi"}
    assert node.recorder.reasons() == reasons
    assert node.places == ["/proc/7/root/data"] * len(reasons)


@pytest.mark.parametrize(
    ("limits", "full", "volumes", "words"),
    [
        ({"a": "1Mi"}, {"a"}, {"v"}, 'Usage of EmptyDir volume "v" exceeds the limit "2Mi". '),
        (
            {"a": "1Mi"},
            {"a"},
            {},
            "Pod ephemeral local storage usage exceeds the total limit of containers 1Mi. ",
        ),
        (
            {"a": "1Mi", "b": "9Mi"},
            {"a"},
            {},
            'Container a exceeded its local ephemeral storage limit "1Mi". ',
        ),
        ({"a": "1Mi"}, {"b"}, {}, ""),
    ],
)
def test_what_a_kubelet_looks_at_first_is_told(limits, full, volumes, words):
    assert excess(limits, full, {"v": "2Mi"}, volumes) == words
