"""Many Services in one kernel: loaded whole, changed in place, the same after as a fresh load."""

from __future__ import annotations

import re
from ipaddress import IPv4Address, IPv4Network

import pytest

from netemu.errors import KernelError
from netemu.informer.cache import Key
from netemu.linux.nft import NftContext
from netemu.nft.expressions import L4
from netemu.proxy.groups import NodeView
from netemu.proxy.index import Endpoint, PortKey
from netemu.proxy.kernel import NodeKernel
from netemu.proxy.plan import Elements, Frontend
from netemu.proxy.rules import NodeRules

NODE = NodeView(
    "node-1",
    (IPv4Address("172.30.0.11"),),
    IPv4Network("10.244.0.0/16"),
    IPv4Network("10.96.0.0/16"),
)
FIRST_IP, FIRST_POD = IPv4Address("10.96.1.0"), IPv4Address("10.244.1.0")


def key_of(number):
    return PortKey(Key("default", f"s{number}"), "")


def plan_of(number, endpoints=2):
    return Elements(
        number + 1,
        Frontend(FIRST_IP + number, L4.TCP, 80),
        (),
        None,
        tuple(Endpoint(FIRST_POD + number * 2 + slot, 80, "node-1") for slot in range(endpoints)),
    )


def done(kernel, transactions):
    for transaction in transactions:
        kernel.apply(transaction)


@pytest.fixture
def kernel(node_fd):
    opened = NodeKernel(node_fd)
    yield opened
    opened.close()


def listed(node_fd):
    """The elements; chains of counts that are used no more may differ."""
    context = NftContext.open(node_fd)
    text = context.run("list table ip netemu-proxy").partition("\tchain ")[0]
    context.close()
    return sorted(re.findall(r"[0-9][0-9a-fx. :]*[0-9a-f](?: : goto \w+)?", text))


def test_a_thousand_services_load_and_changes_end_where_a_fresh_load_does(kernel, node_fd):
    plans = {key_of(number): plan_of(number) for number in range(1000)}
    rules = NodeRules(NODE)
    done(kernel, rules.load(plans))
    changed = {
        key_of(0): None,
        key_of(1): plan_of(1, endpoints=5),
        key_of(2): plan_of(2, endpoints=0),
        key_of(1000): plan_of(1000, endpoints=1),
    }
    done(kernel, rules.change(changed))
    stepwise = listed(node_fd)

    done(kernel, NodeRules(NODE).load(rules.held))

    fresh = set(listed(node_fd))
    # Only elements of `hairpin` stay until the next load: here, of the two pods of Service 0.
    assert set(stepwise) - fresh == {f"{FIRST_POD + pod} . {FIRST_POD + pod}" for pod in range(2)}
    assert fresh <= set(stepwise)
    assert len(fresh) > 4000


def test_what_goes_into_a_new_table_in_portions_ends_where_one_transaction_does(kernel, node_fd):
    plans = {key_of(number): plan_of(number, endpoints=number % 3) for number in range(6000)}
    chains = kernel.chains()
    rules = NodeRules(NODE)
    kernel.apply(rules.begin())
    kernel.apply_together(rules.fill(plans))
    kernel.apply(rules.end())
    stepwise = listed(node_fd)
    done(kernel, NodeRules(NODE).load(plans))

    assert chains is None
    assert kernel.chains() >= {"lb1", "lb2", "refuse", "prerouting"}
    assert listed(node_fd) == stepwise


def test_a_refused_change_leaves_every_element_as_it_was(kernel, node_fd):
    rules = NodeRules(NODE)
    done(kernel, rules.load({key_of(1): plan_of(1)}))
    before = listed(node_fd)
    done(kernel, rules.load({}))
    done(kernel, NodeRules(NODE).load({key_of(1): plan_of(1)}))

    with pytest.raises(KernelError):
        done(kernel, rules.change({key_of(2): plan_of(2), key_of(1): plan_of(1, endpoints=3)}))

    assert listed(node_fd) == before


def test_nothing_is_applied_after_the_namespace_was_let_go(kernel):
    kernel.close()
    kernel.close()

    with pytest.raises(KernelError, match="let go"):
        done(kernel, NodeRules(NODE).load({}))
