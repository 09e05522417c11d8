"""What the containers of one node have used."""

from __future__ import annotations

from netemu.agent.restarts import Life
from netemu.agent.work import PodWork
from netemu.apiserver.usage import ContainerUsage
from netemu.cluster.usage import usage_of
from netemu.runtime.client import ContainerStats
from netemu.runtime.container import ContainerState
from netemu.runtime.errors import DisconnectedError
from netemu.testing.fake_runtime import FakeShim


class LostShim(FakeShim):
    """A shim that is being started again."""

    async def stats(self):
        raise DisconnectedError("gone")


def work(**running):
    lives = {
        name: Life(state=ContainerState(id=f"uid_{name}_0", running=is_running))
        for name, is_running in running.items()
    }
    return PodWork(key=None, uid="uid", obj={}, lives=lives)


async def test_processes_are_measured_and_stand_ins_use_nothing():
    shim = FakeShim()
    shim.used = {"uid_app_0": ContainerStats(1.5, 4096)}

    assert await usage_of([work(app=True, web=True, ended=False)], shim) == [
        ContainerUsage("uid_app_0", "uid", "app", 1.5, 4096),
        ContainerUsage("uid_web_0", "uid", "web", 0.0, 0),
    ]


async def test_a_node_without_a_shim_is_not_measured():
    assert await usage_of([work(app=True)], None) is None
    assert await usage_of([work(app=True)], LostShim()) is None
