"""Who serves Services, by the mode that was asked for."""

from __future__ import annotations

import pytest

from netemu.api.kinds import ENDPOINT_SLICE, NODE, SERVICE
from netemu.clock import system_clock
from netemu.cluster.proxying import ForeignProxying, open_proxying
from netemu.events.loop import Recorder
from netemu.informer.cache import Cache
from netemu.informer.watch import Informer
from netemu.proxy.loop import Proxy
from netemu.settings import Settings
from netemu.testing.fake_client import FakeClient


def opened(mode):
    client, cache = FakeClient(), Cache()
    informer = Informer(client, cache, [SERVICE, ENDPOINT_SLICE, NODE])
    recorder = Recorder(client, system_clock, "kube-proxy")
    return open_proxying(cache, informer, Settings(proxy_mode=mode), recorder)


@pytest.mark.parametrize(
    ("mode", "kind"), [("nftables", Proxy), ("iptables", Proxy), ("none", ForeignProxying)]
)
def test_each_mode_has_who_serves(mode, kind):
    assert isinstance(opened(mode), kind)


async def test_nobody_waits_for_a_proxy_of_which_nothing_is_known():
    proxying = opened("none")
    proxying.add_node("node-1", [], 0)

    await proxying.applied()
    await proxying.run()
