"""Who is pushed out, and from which node."""

from __future__ import annotations

import pytest

from netemu.naming import PodUid
from netemu.scheduler.facts import pod_facts
from netemu.scheduler.preemption import Hopeless, Nomination, may_help, preempt, unprotected


def room_for(cluster, pod, protected=unprotected):
    return preempt(cluster.occupancy, pod, pod_facts(pod), cluster.decide(pod), protected)


def victims(outcome):
    return [victim.name for victim in outcome.victims]


def test_the_least_important_goes_and_only_as_many_as_needed(cluster):
    cluster.node("node-1", cpu="3")
    for number, name in enumerate("abc"):
        cluster.has("node-1", name, cpu="1", priority=number)
    outcome = room_for(cluster, cluster.pod("vip", cpu="2", priority=10))

    assert isinstance(outcome, Nomination)
    assert sorted(victims(outcome)) == ["a", "b"]
    assert sorted(cluster.occupancy.place("node-1").pods) == ["a", "b", "c"]


def test_the_node_where_less_important_pods_go_is_chosen(cluster):
    cluster.node("node-1", cpu="1").node("node-2", cpu="1")
    cluster.has("node-1", "a", cpu="1", priority=5).has("node-2", "b", cpu="1", priority=1)

    assert victims(room_for(cluster, cluster.pod("vip", cpu="1", priority=10))) == ["b"]


def test_budgets_are_spared_if_there_is_another_way(cluster):
    cluster.node("node-1", cpu="1").node("node-2", cpu="1")
    cluster.has("node-1", "a", cpu="1").has("node-2", "b", cpu="1")

    def guarded(pods):
        return {pod.uid for pod in pods if pod.name == "a"}

    assert victims(room_for(cluster, cluster.pod("vip", cpu="1", priority=10), guarded)) == ["b"]


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        pytest.param({"priority": 0}, "No preemption victims found for incoming pod", id="equal"),
        pytest.param(
            {"priority": 9, "preemptionPolicy": "Never"},
            "not eligible due to preemptionPolicy=Never",
            id="never",
        ),
        pytest.param(
            {"priority": 9, "nodeSelector": {"a": "b"}},
            "Preemption is not helpful for scheduling",
            id="no-help",
        ),
    ],
)
def test_nobody_goes_in_vain(cluster, spec, message):
    cluster.node("node-1", cpu="1").has("node-1", "a", cpu="1")
    outcome = room_for(cluster, cluster.pod("vip", cpu="1", **spec))

    assert isinstance(outcome, Hopeless)
    assert message in outcome.message


def test_nobody_more_is_asked_while_victims_end(cluster):
    cluster.node("node-1", cpu="1").has("node-1", "a", cpu="1", ending=True)
    pod = cluster.pod("vip", cpu="1", priority=9)
    nominated = type(pod)(
        metadata=pod.metadata, spec=pod.spec, status=type(pod.status)(nominated_node_name="node-1")
    )
    outcome = room_for(cluster, nominated)

    assert outcome.keeps_nomination
    assert "terminating pod on the nominated node" in outcome.message


def test_room_that_was_made_is_not_taken_by_lesser_pods(cluster):
    cluster.node("node-1", cpu="1")
    vip = pod_facts(cluster.pod("vip", cpu="1", priority=9))
    cluster.occupancy.nominated[PodUid("vip")] = (vip, "node-1")

    assert cluster.choice(name="other", cpu="1") == {"node-1": ("Insufficient cpu",)}
    assert cluster.choice(name="more", cpu="1", priority=10) == "node-1"


def test_whether_to_ask_at_all_is_known_from_priorities(cluster):
    cluster.node("node-1", cpu="1").has("node-1", "a", cpu="1", priority=5)
    lesser, greater = cluster.pod("l", cpu="1", priority=5), cluster.pod("g", cpu="1", priority=6)

    assert not may_help(cluster.occupancy, pod_facts(lesser), cluster.decide(lesser))
    assert may_help(cluster.occupancy, pod_facts(greater), cluster.decide(greater))
