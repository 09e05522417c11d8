"""What goes wrong with a node's rules is told, made good, and no other table's business."""

from __future__ import annotations

import asyncio
import re
import subprocess
from contextlib import asynccontextmanager
from ipaddress import IPv4Address, IPv4Network

import pytest

from netemu.informer.cache import Key
from netemu.linux.nft import NftContext
from netemu.nft.expressions import L4
from netemu.proxy.figures import News
from netemu.proxy.groups import NodeView
from netemu.proxy.index import Endpoint, PortKey
from netemu.proxy.kernel import NodeKernel
from netemu.proxy.plan import Elements, Frontend
from netemu.proxy.rules import NodeRules
from netemu.proxy.syncer import ProxySyncer
from netemu.testing.eventually import eventually

NODE = NodeView(
    "node-1",
    (IPv4Address("172.30.0.11"),),
    IPv4Network("10.244.0.0/16"),
    IPv4Network("10.96.0.0/16"),
)
OTHERS = "table ip theirs { set s { type mark; elements = { 7 }; }; chain c { counter drop; }; }"


def plans_of(count):
    return {
        PortKey(Key("default", f"s{n}"), ""): Elements(
            n + 1,
            Frontend(IPv4Address("10.96.1.0") + n, L4.TCP, 80),
            (),
            None,
            (Endpoint(IPv4Address("10.244.1.0") + n, 80, "node-1"),),
        )
        for n in range(count)
    }


def nft(node_fd, text):
    """Do something by hand."""
    argv = ["nsenter", f"--net=/proc/self/fd/{node_fd}", "nft", "-f", "-"]
    subprocess.run(argv, input=text.encode(), check=True, pass_fds=(node_fd,))


def chains_of(text):
    return set(re.findall(r"\tchain (\S+) ", text))


class Listing:
    """What one node's kernel holds."""

    def __init__(self, node_fd):
        self._context = NftContext.open(node_fd)

    def of(self, table):
        return self._context.run(f"list table ip {table}")

    async def elements(self):
        """Count the frontends; a table that is not there has none."""
        if "netemu-proxy" not in self._context.run("list tables"):
            return 0
        return self.of("netemu-proxy").partition("map fe")[2].partition("map np")[0].count(" . tcp . 80 :")

    async def chains(self):
        return chains_of(self.of("netemu-proxy"))

    def close(self):
        self._context.close()


@pytest.fixture
def listing(node_fd):
    made = Listing(node_fd)
    yield made
    made.close()


@asynccontextmanager
async def syncing(node_fd, plans):
    """Have a syncer at work; give it, and lists of whom it blamed and why it failed."""
    blamed, failed = [], []
    syncer = ProxySyncer(
        NODE,
        NodeKernel(node_fd),
        plans,
        on_repair=blamed.append,
        on_failure=failed.append,
        first_retry_s=0.01,
        rest_s=0.05,
        period_s=600,
    )
    async with asyncio.TaskGroup() as group:
        task = group.create_task(syncer.run())
        await syncer.wait_synced()
        yield syncer, blamed, failed
        task.cancel()


@pytest.mark.parametrize("count", [pytest.param(20, id="in-process"), pytest.param(500, id="by-a-child")])
@pytest.mark.parametrize(
    "by_hand",
    [
        "delete table ip netemu-proxy",
        "flush map ip netemu-proxy fe",
        "delete element ip netemu-proxy fe { 10.96.1.3 . 6 . 80 }",
    ],
)
async def test_what_a_hand_did_is_made_good_and_tables_of_others_stay(node_fd, listing, count, by_hand):
    nft(node_fd, OTHERS)
    before = listing.of("theirs")

    async with syncing(node_fd, plans_of(count)) as (_, blamed, _):
        nft(node_fd, by_hand)
        await eventually(listing.elements, lambda seen: seen == count)
        await eventually(lambda: asyncio.sleep(0, blamed))

    assert [name.split(" (pid ")[0] for name in blamed] == ["nft"]
    assert listing.of("theirs") == before


async def test_chains_that_a_hand_made_or_renamed_in_our_table_go(node_fd, listing):
    by_hand = """
        rename chain ip netemu-proxy postrouting renamed
        add chain ip netemu-proxy called
        add chain ip netemu-proxy evil { type filter hook forward priority 0; policy drop; }
        add rule ip netemu-proxy evil jump called
        add rule ip netemu-proxy called counter drop
    """

    async with syncing(node_fd, plans_of(20)) as (_, blamed, failed):
        before = listing.of("netemu-proxy")
        nft(node_fd, by_hand)
        await eventually(lambda: asyncio.sleep(0, blamed), within_s=30)
        await eventually(listing.chains, lambda seen: seen == chains_of(before), within_s=30)
        assert await listing.elements() == 20

    assert failed == []


async def test_a_table_that_cannot_be_changed_to_ours_is_made_afresh_and_the_reason_told(node_fd, listing):
    nft(node_fd, "table ip netemu-proxy { map fe { type ipv4_addr : mark; }; }")

    async with syncing(node_fd, plans_of(20)) as (_, _, failed):
        assert await listing.elements() == 20

    assert len(failed) == 1
    assert failed[0].startswith("nft: ")


async def test_what_is_refused_leaves_nothing_of_itself_and_is_tried_until_it_works(node_fd, listing):
    plans = plans_of(20)

    async with syncing(node_fd, plans) as (syncer, _, failed):
        bad, good = PortKey(Key("default", "bad"), ""), PortKey(Key("default", "good"), "")
        cluster = Frontend(IPv4Address("10.96.2.1"), L4.TCP, 80)
        new = {
            good: Elements(98, cluster, (), None, ()),
            bad: Elements(99, cluster._replace(port=70000), (), None, ()),
        }
        plans.update(new)
        syncer.note(new, News())
        await eventually(lambda: asyncio.sleep(0, len(failed)), lambda count: count >= 3, within_s=30)
        assert await listing.elements() == 20

        del plans[bad]
        syncer.note({bad: None}, News())
        await syncer.applied()
        await eventually(listing.elements, lambda seen: seen == 21)

    assert all("Service out of range" in reason for reason in failed)


def test_a_hand_that_came_just_before_a_change_of_our_own_is_seen_all_the_same(node_fd):
    kernel, rules, plans = NodeKernel(node_fd), NodeRules(NODE), plans_of(21)
    last = next(reversed(plans))
    for transaction in rules.load({key: plan for key, plan in plans.items() if key != last}):
        kernel.apply(transaction)
    seen = [kernel.intruder()]
    nft(node_fd, "delete element ip netemu-proxy fe { 10.96.1.3 . 6 . 80 }")
    for transaction in rules.change({last: plans[last]}):
        kernel.apply(transaction)
    seen += [kernel.intruder().split(" (pid ")[0], kernel.intruder()]
    kernel.close()

    assert seen == ["", "nft", ""]
