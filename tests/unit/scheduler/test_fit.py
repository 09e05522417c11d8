"""Which node a pod gets, or Kubernetes' sentence that says why none."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netemu.api.views import view
from netemu.api.views.core import Node, Pod
from netemu.naming import NodeName
from netemu.scheduler.facts import node_facts, pod_facts
from netemu.scheduler.fit import Binding, Unschedulable, plan
from netemu.scheduler.occupancy import Occupancy
from netemu.scheduler.preemption import preempt, unprotected
from netemu.testing import builders

TAINT = {"key": "dedicated", "value": "db", "effect": "NoSchedule"}
SOFT = {"key": "old", "effect": "PreferNoSchedule"}
PORT = {"containerPort": 80, "hostPort": 8080}


def pod(name="p", **spec):
    return view(Pod, builders.stored(builders.pod(name, **spec), name))


def occupied(*nodes, **pods):
    """Make nodes; ``pods`` name the node of each pod in ``(node, Pod)``."""
    occupancy = Occupancy()
    for node in nodes:
        occupancy.set_node(node_facts(view(Node, node)))
    for node, held in pods.values():
        occupancy.assign(pod_facts(held), NodeName(node))
    return occupancy


def sentence(occupancy, wanted):
    """Say why a pod waits, as its condition does."""
    decision = plan(occupancy, wanted)
    return (
        f"{decision.sentence} {preempt(occupancy, wanted, pod_facts(wanted), decision, unprotected).message}"
    )


def nodes(count, **spec):
    return [builders.node(f"node-{n + 1}", **spec) for n in range(count)]


def pinned(*terms):
    affinity = {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": list(terms)}}
    return {"nodeAffinity": affinity}


def test_the_least_used_node_wins_and_the_name_decides_between_equals():
    busy = occupied(*nodes(3), a=("node-1", pod("a")), b=("node-2", pod("b")))

    assert plan(busy, pod()) == Binding("node-3")
    assert plan(occupied(*nodes(3)), pod()) == Binding("node-1")


def test_pods_of_one_controller_spread_before_nodes_are_balanced():
    owner = {"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "web", "uid": "rs", "controller": True}
    held = {name: ("node-1", pod(name)) for name in "abc"}
    busy = occupied(*nodes(2), **held, web=("node-2", pod("web-1", owner=owner)))

    assert plan(busy, pod("web-2", owner=owner)) == Binding("node-1")


@pytest.mark.parametrize(
    ("node", "spec"),
    [
        pytest.param(
            {"taints": (TAINT,)}, {"tolerations": [{"key": "dedicated", "value": "db"}]}, id="equal"
        ),
        pytest.param({"taints": (TAINT,)}, {"tolerations": [{"operator": "Exists"}]}, id="everything"),
        pytest.param({"labels": {"disk": "ssd"}}, {"nodeSelector": {"disk": "ssd"}}, id="selector"),
        pytest.param(
            {},
            {
                "affinity": pinned(
                    {"matchFields": [{"key": "metadata.name", "operator": "In", "values": ["node-1"]}]}
                )
            },
            id="pinned",
        ),
        pytest.param(
            {"labels": {"cores": "8"}},
            {"affinity": pinned({"matchExpressions": [{"key": "cores", "operator": "Gt", "values": ["4"]}]})},
            id="more-than",
        ),
        pytest.param({"taints": (SOFT,)}, {}, id="soft-taint"),
        pytest.param(
            {"unschedulable": True},
            {"tolerations": [{"key": "node.kubernetes.io/unschedulable", "operator": "Exists"}]},
            id="cordoned-but-tolerated",
        ),
    ],
)
def test_a_node_takes_a_pod_that_asks_for_it(node, spec):
    assert plan(occupied(builders.node("node-1", **node)), pod(**spec)) == Binding("node-1")


NOT_READY = {"key": "node.kubernetes.io/not-ready", "effect": "NoSchedule"}
NOT_HELPFUL = (
    "no new claims to deallocate, preemption: "
    "0/1 nodes are available: 1 Preemption is not helpful for scheduling."
)
NO_VICTIMS = (
    "no new claims to deallocate, preemption: "
    "0/1 nodes are available: 1 No preemption victims found for incoming pod."
)


@pytest.mark.parametrize(
    ("node", "spec", "reason"),
    [
        pytest.param(
            {"ready": False, "taints": (NOT_READY,)},
            {},
            "node(s) had untolerated taint(s)",
            id="not-ready",
        ),
        pytest.param({"taints": (TAINT,)}, {}, "node(s) had untolerated taint(s)", id="taint"),
        pytest.param({"unschedulable": True}, {}, "node(s) were unschedulable", id="cordoned"),
        pytest.param(
            {},
            {"nodeSelector": {"disk": "ssd"}},
            "node(s) didn't match Pod's node affinity/selector",
            id="selector",
        ),
    ],
)
def test_the_reason_is_kubernetes_own(node, spec, reason):
    message = f"0/1 nodes are available: 1 {reason}. {NOT_HELPFUL}"

    assert sentence(occupied(builders.node(**node)), pod(**spec)) == message


def test_a_node_that_is_not_ready_is_taken_when_there_is_no_other():
    lone = occupied(builders.node("node-1", ready=False))
    beside = occupied(builders.node("node-1", ready=False), builders.node("node-2"))

    assert plan(lone, pod()) == Binding("node-1")
    assert plan(beside, pod()) == Binding("node-2")


def test_a_full_node_says_too_many_pods():
    full = occupied(builders.node(max_pods=1), a=("node-1", pod("a")))

    assert sentence(full, pod()) == f"0/1 nodes are available: 1 Too many pods. {NO_VICTIMS}"


def test_all_nodes_are_counted_in_one_sentence():
    _, second, third = nodes(3)
    held = {"a": ("node-2", pod("a", ports=(PORT,))), "b": ("node-3", pod("b", ports=(PORT,)))}
    busy = occupied(builders.node("node-1", taints=(NOT_READY,)), second, third, **held)

    assert sentence(busy, pod(ports=(PORT,))) == (
        "0/3 nodes are available: "
        "1 node(s) had untolerated taint(s), "
        "2 node(s) didn't have free ports for the requested pod ports. "
        "no new claims to deallocate, preemption: 0/3 nodes are available: "
        "1 Preemption is not helpful for scheduling, 2 No preemption victims found for incoming pod."
    )


def test_without_nodes_there_is_nothing_to_count():
    assert plan(occupied(), pod()).sentence == "no nodes available to schedule pods"


@pytest.mark.parametrize(
    ("taken", "wanted", "fits"),
    [
        pytest.param({}, {}, False, id="same"),
        pytest.param({"protocol": "UDP"}, {}, True, id="other-protocol"),
        pytest.param({"hostPort": 8081}, {}, True, id="other-port"),
        pytest.param({"hostIP": "172.30.0.11"}, {"hostIP": "127.0.0.1"}, True, id="other-address"),
        pytest.param({"hostIP": "172.30.0.11"}, {}, False, id="one-wants-all"),
        pytest.param({}, {"hostIP": "172.30.0.11"}, False, id="one-has-all"),
    ],
)
def test_host_ports_conflict_by_address_protocol_and_number(taken, wanted, fits):
    holder = pod("a", ports=({**PORT, **taken},))
    decision = plan(occupied(*nodes(1), a=("node-1", holder)), pod(ports=({**PORT, **wanted},)))

    assert isinstance(decision, Binding) is fits


def test_a_pod_on_the_hosts_network_takes_its_container_ports():
    host = pod("a", hostNetwork=True, ports=({"containerPort": 8080},))

    assert isinstance(plan(occupied(*nodes(1), a=("node-1", host)), pod(ports=(PORT,))), Unschedulable)


def test_a_released_port_is_free_again():
    busy = occupied(*nodes(1), a=("node-1", pod("a", ports=(PORT,))))
    busy.release("a")

    assert plan(busy, pod(ports=(PORT,))) == Binding("node-1")


def test_a_node_that_is_gone_takes_nothing_and_keeps_its_pods_for_its_return():
    busy = occupied(*nodes(1, max_pods=1), a=("node-1", pod("a")))
    busy.remove_node("node-1")
    assert isinstance(plan(busy, pod()), Unschedulable)

    busy.set_node(node_facts(view(Node, builders.node("node-1", max_pods=1))))
    assert "Too many pods" in plan(busy, pod()).sentence


@given(count=st.integers(1, 60), size=st.integers(1, 5))
def test_a_burst_spreads_evenly(count, size):
    occupancy = occupied(*nodes(size))
    for number in range(count):
        each = pod(f"p{number}")
        occupancy.assign(pod_facts(each), plan(occupancy, each).node)

    used = Counter(len(place.pods) for _, place in occupancy.places())
    assert max(used) - min(used) <= 1
