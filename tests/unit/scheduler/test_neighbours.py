"""Rules about other pods: affinity, anti-affinity, topology spread."""

from __future__ import annotations

import pytest

from netemu.naming import PodUid
from netemu.scheduler.facts import pod_facts

HOSTNAME = "kubernetes.io/hostname"
ZONE = "topology.kubernetes.io/zone"
WEB = {"app": "web"}


def term(labels=WEB, topology=HOSTNAME, **more):
    return {"labelSelector": {"matchLabels": labels}, "topologyKey": topology, **more}


def required(*terms, kind="podAffinity"):
    return {kind: {"requiredDuringSchedulingIgnoredDuringExecution": list(terms)}}


def preferred(one, weight=100, kind="podAffinity"):
    rule = {"weight": weight, "podAffinityTerm": one}
    return {kind: {"preferredDuringSchedulingIgnoredDuringExecution": [rule]}}


def apart(*terms):
    return required(*terms, kind="podAntiAffinity")


def spread(topology=ZONE, skew=1, **more):
    return {
        "maxSkew": skew,
        "topologyKey": topology,
        "whenUnsatisfiable": "DoNotSchedule",
        "labelSelector": {"matchLabels": WEB},
        **more,
    }


@pytest.fixture
def zones(cluster):
    """Two zones: a with node-1 and node-2, b with node-3."""
    return cluster.node("node-1", "a").node("node-2", "a").node("node-3", "b")


def test_a_pod_goes_near_those_it_wants(zones):
    zones.has("node-2", "w", labels=WEB)

    assert zones.choice(affinity=required(term())) == "node-2"
    assert zones.choice(affinity=required(term(topology=ZONE))) == "node-1"


def test_without_them_it_waits_and_says_so(zones):
    assert set(zones.choice(affinity=required(term())).values()) == {
        ("node(s) didn't match pod affinity rules",)
    }
    assert zones.decide(zones.pod(affinity=required(term()))).waits_for_others


def test_the_first_of_those_that_want_each_other_may_go_anywhere(zones):
    assert zones.choice(labels=WEB, affinity=required(term())) == "node-1"


def test_all_terms_are_about_the_same_neighbours(zones):
    both = required(term({"app": "web"}), term({"tier": "db"}))
    zones.has("node-1", "w", labels=WEB).has("node-1", "d", labels={"tier": "db"})
    assert isinstance(zones.choice(affinity=both), dict)

    zones.has("node-3", "wd", labels={"app": "web", "tier": "db"})
    assert zones.choice(affinity=both) == "node-3"


def test_a_pod_keeps_away_from_those_it_shuns(zones):
    zones.has("node-1", "w", labels=WEB)

    assert zones.choice(affinity=apart(term())) == "node-2"
    assert zones.choice(affinity=apart(term(topology=ZONE))) == "node-3"


def test_those_that_are_there_keep_others_away_too(zones):
    zones.has("node-1", "shy", affinity=apart(term(topology=ZONE)))

    assert zones.choice(labels=WEB) == "node-3"
    assert zones.choice() == "node-2"
    zones.occupancy.release(PodUid("shy"))
    assert zones.choice(labels=WEB) == "node-1"


def test_the_reasons_of_both_are_told_apart(cluster):
    cluster.node("node-1").has("node-1", "w", labels=WEB)
    assert cluster.choice(affinity=apart(term())) == {
        "node-1": ("node(s) didn't match pod anti-affinity rules",)
    }
    cluster.has("node-1", "shy", affinity=apart(term({"app": "db"})))
    assert cluster.choice(labels={"app": "db"}) == {
        "node-1": ("node(s) didn't satisfy existing pods anti-affinity rules",)
    }


@pytest.mark.parametrize(
    ("more", "is_near"),
    [
        pytest.param({}, False, id="own-namespace"),
        pytest.param({"namespaces": ["team"]}, True, id="named"),
        pytest.param({"namespaceSelector": {}}, True, id="all"),
        pytest.param({"namespaceSelector": {"matchLabels": {"of": "us"}}}, True, id="selected"),
        pytest.param({"namespaceSelector": {"matchLabels": {"of": "them"}}}, False, id="not-selected"),
    ],
)
def test_neighbours_are_looked_for_in_namespaces(cluster, more, is_near):
    cluster.occupancy.set_namespace("team", {"of": "us"})
    cluster.node("node-1").has("node-1", "w", labels=WEB, namespace="team")

    assert (cluster.choice(affinity=required(term(**more))) == "node-1") is is_near


def test_a_namespaces_new_labels_count(cluster):
    cluster.node("node-1").has("node-1", "w", labels=WEB, namespace="team")
    wanted = required(term(namespaceSelector={"matchLabels": {"of": "us"}}))
    cluster.occupancy.set_namespace("team", {})
    assert isinstance(cluster.choice(affinity=wanted), dict)

    cluster.occupancy.set_namespace("team", {"of": "us"})
    assert cluster.choice(affinity=wanted) == "node-1"


def test_match_label_keys_speak_of_the_pods_own_values(cluster):
    cluster.node("node-1").node("node-2")
    cluster.has("node-1", "old", labels={"app": "web", "hash": "1"})
    own = apart(term(matchLabelKeys=["hash"]))

    assert cluster.choice(labels={"app": "web", "hash": "1"}, affinity=own) == "node-2"
    cluster.has("node-2", "busy").has("node-2", "busier")
    assert cluster.choice(labels={"app": "web", "hash": "2"}, affinity=own) == "node-1"


def test_preferences_draw_and_repel(zones):
    zones.has("node-3", "w", labels=WEB)

    assert zones.choice(affinity=preferred(term())) == "node-3"
    assert zones.choice(affinity=preferred(term(topology=ZONE), kind="podAntiAffinity")) == "node-1"


def test_what_others_prefer_counts_as_well(zones):
    zones.has("node-2", "fan", affinity=preferred(term()))

    assert zones.choice(labels=WEB) == "node-2"


def test_zones_stay_even(zones):
    zones.has("node-1", "w1", labels=WEB)

    assert zones.choice(labels=WEB, topologySpreadConstraints=[spread()]) == "node-3"


def test_an_even_spread_that_no_node_would_keep_is_told(zones):
    zones.has("node-1", "w1", labels=WEB)
    pinned = {"kubernetes.io/hostname": "node-2"}
    constraint = spread(nodeAffinityPolicy="Ignore")

    assert zones.choice(labels=WEB, nodeSelector=pinned, topologySpreadConstraints=[constraint]) == {
        "node-1": ("node(s) didn't match Pod's node affinity/selector",),
        "node-2": ("node(s) didn't match pod topology spread constraints",),
        "node-3": ("node(s) didn't match Pod's node affinity/selector",),
    }
    # Nodes where it could not go do not count, unless it says so.
    assert zones.choice(labels=WEB, nodeSelector=pinned, topologySpreadConstraints=[spread()]) == "node-2"


def test_tainted_nodes_count_unless_the_constraint_honours_taints(cluster):
    taint = {"key": "k", "effect": "NoSchedule"}
    cluster.node("node-1", "a").node("node-2", "b", taints=(taint,)).has("node-1", "w", labels=WEB)

    assert isinstance(cluster.choice(labels=WEB, topologySpreadConstraints=[spread()]), dict)
    honouring = spread(nodeTaintsPolicy="Honor")
    assert cluster.choice(labels=WEB, topologySpreadConstraints=[honouring]) == "node-1"


def test_a_node_without_the_label_is_no_place_for_it(cluster):
    cluster.node("node-1")
    reason = "node(s) didn't match pod topology spread constraints (missing required label)"

    assert cluster.choice(labels=WEB, topologySpreadConstraints=[spread()]) == {"node-1": (reason,)}


def test_too_few_domains_count_as_one_that_is_empty(cluster):
    cluster.node("node-1", "a").has("node-1", "w", labels=WEB)

    assert cluster.choice(labels=WEB, topologySpreadConstraints=[spread()]) == "node-1"
    assert isinstance(cluster.choice(labels=WEB, topologySpreadConstraints=[spread(minDomains=2)]), dict)


def test_pods_that_end_are_not_counted_for_the_spread(zones):
    zones.has("node-1", "w1", labels=WEB)
    ending = zones.pod("w1", labels=WEB, ending=True)
    assert zones.choice(labels=WEB, topologySpreadConstraints=[spread()]) == "node-3"

    zones.occupancy.renew(pod_facts(ending))
    assert zones.choice(labels=WEB, topologySpreadConstraints=[spread()]) == "node-2"


def test_a_soft_constraint_only_prefers(zones):
    soft = spread(whenUnsatisfiable="ScheduleAnyway")
    zones.has("node-1", "w1", labels=WEB).has("node-3", "x").has("node-3", "y").has("node-3", "z")

    assert zones.choice(labels=WEB, topologySpreadConstraints=[soft]) == "node-3"
    zones.has("node-3", "w2", labels=WEB).has("node-3", "w3", labels=WEB)
    assert zones.choice(labels=WEB, topologySpreadConstraints=[soft]) == "node-2"


def test_a_count_that_is_kept_is_what_counting_anew_gives(zones):
    for number in range(30):
        labels = {"app": "web"} if number % 3 else {"app": "db"}
        zones.choice(labels=WEB, topologySpreadConstraints=[spread()])
        zones.has(f"node-{number % 3 + 1}", f"p{number}", labels=labels)
        zones.occupancy.release(PodUid(f"p{number // 2}"))
    (constraint,) = pod_facts(zones.pod(topologySpreadConstraints=[spread()])).spreads
    kept = dict(zones.occupancy.count(constraint.selection))
    zones.occupancy.set_namespace("other", {})  # forgets all counts

    assert kept == dict(zones.occupancy.count(constraint.selection))
