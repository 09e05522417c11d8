"""What the real iptables says of kube-proxy's chains, and packets while these change.

Where each connection ends is in ``test_proxy_fates``.
"""

from __future__ import annotations

import asyncio
import socket
from pathlib import Path

import pytest

from netemu.api.kinds import ENDPOINT_SLICE, SERVICE
from netemu.errors import KernelError
from netemu.linux import iptables, netns
from netemu.nft.expressions import Family
from netemu.proxy.iptables.syncer import NodeKernel, open_syncer
from netemu.testing import service_world
from netemu.testing.eventually import eventually
from netemu.testing.fake_client import FakeClient
from netemu.testing.fake_iptables import FakeIptables
from netemu.testing.service_world import PODS, SILENCE_S, UDP, ask

GOLDEN = sorted((Path(__file__).parents[1] / "golden" / "iptables").glob("*.rules"))
WEB = "10.96.0.20"


@pytest.fixture(scope="module")
def world():
    with service_world.world() as places:
        yield places


def service(protocol="TCP"):
    return SERVICE, {
        "metadata": {"name": "web", "namespace": "default"},
        "spec": {"clusterIP": WEB, "ports": [{"port": 80, "protocol": protocol}]},
    }


def endpoints(pod, protocol="TCP"):
    return ENDPOINT_SLICE, {
        "metadata": {
            "name": "web-1",
            "namespace": "default",
            "labels": {"kubernetes.io/service-name": "web"},
        },
        "addressType": "IPv4",
        "endpoints": [{"addresses": [PODS[pod]], "conditions": {"ready": True}}],
        "ports": [{"port": 8080, "protocol": protocol}],
    }


@pytest.mark.parametrize("golden", GOLDEN, ids=lambda path: path.stem)
def test_the_real_iptables_accepts_each_golden_file(node_fd, golden):
    iptables.restore(node_fd, golden.read_text(), is_ipv6="ipv6" in golden.stem)


def test_this_kernel_takes_what_the_chains_need_and_keeps_nothing_of_the_trial(node_fd):
    with netns.entered(node_fd):
        iptables.try_out()

    assert "TRIAL" not in iptables.save(node_fd, is_ipv6=False)


def test_a_refusal_has_iptables_own_words_and_the_next_step(node_fd):
    with pytest.raises(KernelError, match="recento") as refused:
        iptables.restore(node_fd, "*nat\n-A OUTPUT -m recento\nCOMMIT\n", is_ipv6=False)

    assert "apt-get install iptables" in refused.value.hint


async def test_a_udp_flow_follows_its_service(world):
    client = FakeClient(service("UDP"), endpoints("a", "UDP"))
    async with service_world.proxied(world, client, open_syncer=open_syncer):
        with netns.open_socket(world["b"], socket.AF_INET, UDP) as sock:
            sock.settimeout(service_world.TIMEOUT_S)
            sock.connect((WEB, 80))
            first = service_world.ask_again(sock, UDP)
            sock.settimeout(SILENCE_S)
            await client.update(*endpoints("c", "UDP"))

            async def has_moved():
                with_luck = await asyncio.to_thread(_ask_in_vain, sock)
                return with_luck == f"c {PODS['b']}"

            await eventually(has_moved)

    assert first == f"a {PODS['b']}"


def _ask_in_vain(sock):
    try:
        return service_world.ask_again(sock, UDP)
    except (TimeoutError, ConnectionRefusedError):
        return "nothing"


async def test_what_another_hand_took_away_comes_back(world):
    client = FakeClient(service(), endpoints("a"))
    async with service_world.proxied(world, client, period_s=0.2, open_syncer=open_syncer):
        flush = '*nat\n-F KUBE-SERVICES\n-D PREROUTING -m comment --comment "kubernetes service portals" '
        iptables.restore(world["node-1"], f"{flush}-j KUBE-SERVICES\nCOMMIT\n", is_ipv6=False)

        async def is_served():
            answer = await asyncio.to_thread(ask, world["b"], WEB, 80, timeout_s=SILENCE_S)
            return answer == f"a {PODS['b']}"

        await eventually(is_served)


class IptablesContract:
    """Every kernel of the syncer passes these; the fake must not drift from iptables."""

    def test_chains_that_are_not_named_stay(self, kernel):
        kernel.restore("*nat\n:KUBE-A - [0:0]\n-A KUBE-A -j RETURN\nCOMMIT\n")
        kernel.restore("*nat\n:KUBE-B - [0:0]\n-I OUTPUT -j KUBE-B\nCOMMIT\n")

        assert [line for line in kernel.save().splitlines() if line.startswith("-A")] == [
            "-A OUTPUT -j KUBE-B",
            "-A KUBE-A -j RETURN",
        ]

    def test_a_chain_that_is_named_is_emptied_and_can_go(self, kernel):
        kernel.restore("*nat\n:KUBE-A - [0:0]\n-A KUBE-A -j RETURN\nCOMMIT\n")
        kernel.restore("*nat\n:KUBE-A - [0:0]\n-X KUBE-A\nCOMMIT\n")

        assert "KUBE-A" not in kernel.save()

    @pytest.mark.parametrize(
        "wrong", ["-A KUBE-B -j KUBE-NOBODY", "-A KUBE-C -j RETURN", "-X KUBE-A"], ids=lambda text: text[:9]
    )
    def test_a_refused_table_stays_as_it_was(self, kernel, wrong):
        kernel.restore("*nat\n:KUBE-A - [0:0]\n-A OUTPUT -j KUBE-A\nCOMMIT\n")
        with pytest.raises(KernelError):
            kernel.restore(f"*nat\n:KUBE-B - [0:0]\n-A KUBE-B -j RETURN\n{wrong}\nCOMMIT\n")

        assert "KUBE-B" not in kernel.save()


class TestFakeIptables(IptablesContract):
    @pytest.fixture
    def kernel(self):
        return FakeIptables()


class TestNodeKernel(IptablesContract):
    @pytest.fixture
    def kernel(self, node_fd):
        made = NodeKernel(node_fd, Family.IP)
        made.restore("*nat\nCOMMIT\n")
        yield made
        made.close()
