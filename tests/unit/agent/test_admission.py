import pytest

from netemu.agent.admission import find_foreign, find_refusal, is_scheduled
from netemu.api.views import view
from netemu.api.views.core import Node, Pod
from netemu.testing import builders

PORTS = ({"containerPort": 80, "hostPort": 8080, "protocol": "TCP"},)


def node(**more):
    made = builders.node("node-1", labels={"disk": "ssd"}, max_pods=3, **more)
    made["status"]["allocatable"] |= {"cpu": "2", "memory": "1Gi"}
    return view(Node, made)


def pod(name="new", *, cpu="", ports=(), **spec):
    made = builders.pod(name, ports=ports, node="node-1", **spec)
    requests = {"requests": {"cpu": cpu}} if cpu else {}
    made["spec"]["containers"][0]["resources"] = requests
    return view(Pod, made)


@pytest.mark.parametrize(
    ("wanted", "others", "reason", "words"),
    [
        pytest.param(
            pod(cpu="1500m"),
            [pod("a", cpu="1")],
            "OutOfcpu",
            "Node didn't have enough resource: cpu, requested: 1500, used: 1000, capacity: 2000",
            id="cpu",
        ),
        pytest.param(
            pod(),
            [pod("a"), pod("b"), pod("c")],
            "OutOfpods",
            "Node didn't have enough resource: pods, requested: 1, used: 3, capacity: 3",
            id="pods",
        ),
        pytest.param(
            pod(nodeSelector={"disk": "hdd"}),
            [],
            "NodeAffinity",
            "Predicate NodeAffinity failed: node(s) didn't match Pod's node affinity/selector",
            id="selector",
        ),
        pytest.param(
            pod(ports=PORTS),
            [pod("a", ports=PORTS)],
            "NodePorts",
            "Predicate NodePorts failed: node(s) didn't have free ports for the requested pod ports",
            id="ports",
        ),
    ],
)
def test_a_node_refuses_what_does_not_fit_in_the_kubelet_s_words(wanted, others, reason, words):
    refusal = find_refusal(wanted, node(), others)

    assert (refusal.reason, refusal.message) == (reason, f"Pod was rejected: {words}")


def test_a_node_that_drives_pods_away_takes_none_that_do_not_bear_it():
    full = node(taints=({"key": "k", "effect": "NoExecute"},))

    assert find_refusal(pod(), full, []).reason == "TaintToleration"
    assert find_refusal(pod(tolerations=[{"operator": "Exists"}]), full, []) is None


def test_a_node_takes_what_fits_even_if_it_is_cordoned():
    assert find_refusal(pod(cpu="1", ports=PORTS), node(unschedulable=True), [pod("a", cpu="1")]) is None


def test_what_the_scheduler_chose_is_not_asked_again():
    chosen = builders.pod("web", node="node-1")
    chosen["status"] = {"conditions": [{"type": "PodScheduled", "status": "True"}]}

    assert is_scheduled(view(Pod, chosen))
    assert not is_scheduled(pod())


@pytest.mark.parametrize(
    ("foreign", "reason", "words"),
    [
        (builders.pod(os={"name": "windows"}), "PodOSNotSupported", "the OS field doesn't match node OS"),
        (
            builders.pod(labels={"kubernetes.io/os": "windows"}),
            "PodOSSelectorNodeLabelDoesNotMatch",
            "the `kubernetes.io/os` label doesn't match node label",
        ),
    ],
)
def test_a_node_refuses_what_is_meant_for_another_system(foreign, reason, words):
    refusal = find_foreign(foreign)

    assert (refusal.reason, refusal.message) == (reason, f"Pod was rejected: Failed to admit pod as {words}")
    assert find_foreign(builders.pod(os={"name": "linux"})) is None
