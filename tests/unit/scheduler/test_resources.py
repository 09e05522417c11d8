"""Requests against what nodes offer."""

from __future__ import annotations

from netemu.naming import PodUid


def test_a_pod_goes_where_its_requests_fit(cluster):
    cluster.node("node-1", cpu="1").node("node-2", cpu="2").has("node-1", "a", cpu="500m")

    assert cluster.choice(cpu="600m") == "node-2"


def test_what_lacks_is_named_each_resource_for_itself(cluster):
    cluster.node("node-1", cpu="1").has("node-1", "a", cpu="500m")
    pod = cluster.pod("greedy", cpu="600m", overhead={"example.com/gpu": "1"})

    assert cluster.decide(pod).sentence == (
        "0/1 nodes are available: 1 Insufficient cpu, 1 Insufficient example.com/gpu."
    )


def test_who_asks_for_more_than_a_node_ever_had_is_not_helped_by_others_going(cluster):
    cluster.node("node-1", cpu="1")
    decision = cluster.decide(cluster.pod(cpu="2"))

    assert not decision.waits_for_room
    cluster.has("node-1", "a", cpu="1")
    assert cluster.decide(cluster.pod(cpu="1")).waits_for_room


def test_requests_are_free_again_when_their_pod_went(cluster):
    cluster.node("node-1", cpu="1").has("node-1", "a", cpu="1")
    cluster.occupancy.release(PodUid("a"))

    assert cluster.choice(cpu="1") == "node-1"


def test_the_node_with_less_spoken_for_is_taken(cluster):
    cluster.node("node-1", cpu="4", memory="4Gi").node("node-2", cpu="4", memory="4Gi")
    cluster.has("node-1", "a", cpu="3").has("node-2", "b").has("node-2", "c")

    assert cluster.choice() == "node-2"
