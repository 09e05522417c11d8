"""Who goes when a node's disk is nearly full, in a kubelet's words."""

from __future__ import annotations

import pytest

from netemu.agent.eviction import Disk, Usage, binary, choose, is_met, sentence

GI = 1 << 30
MI = 1 << 20


def pod(name, *, asks="", priority=0):
    resources = {"requests": {"ephemeral-storage": asks}} if asks else {}
    containers = [{"name": "web", "resources": resources}]
    return {"metadata": {"name": name}, "spec": {"priority": priority, "containers": containers}}


def usage(web=0, volumes=0):
    return Usage(containers={"web": web}, volumes=volumes)


@pytest.mark.parametrize(
    ("threshold", "available", "met"),
    [
        ("10%", GI // 10, False),
        ("10%", GI // 10 - 1, True),
        ("100Mi", 100 * MI, False),
        ("100Mi", 99 * MI, True),
        ("0", 0, False),
    ],
)
def test_a_threshold_is_a_quantity_or_a_part(threshold, available, met):
    assert is_met(threshold, Disk(GI, available)) is met


@pytest.mark.parametrize(
    ("pods", "goes"),
    [
        pytest.param([(pod("a"), usage(web=1)), (pod("b"), usage(web=2))], "b", id="who-uses-most"),
        pytest.param(
            [(pod("a"), usage(volumes=1)), (pod("b", asks="1Gi"), usage(web=GI))],
            "a",
            id="not-who-asked-for-it",
        ),
        pytest.param(
            [(pod("a", priority=10), usage(web=9)), (pod("b"), usage(web=1))], "b", id="the-less-important"
        ),
        pytest.param(
            [(pod("a", priority=2_000_000_000), usage(web=9)), (pod("b"), usage(web=1))],
            "b",
            id="nobody-critical",
        ),
    ],
)
def test_one_pod_goes(pods, goes):
    chosen = choose(pods)

    assert chosen is not None
    assert chosen[0]["metadata"]["name"] == goes


def test_nobody_goes_who_uses_nothing():
    assert choose([(pod("a"), usage())]) is None


def test_the_sentence_has_the_threshold_and_who_uses_more_than_it_asked_for():
    said = sentence("10%", Disk(100 * MI, 5 * MI), pod("a", asks="1Mi"), usage(web=95 * MI))

    assert said == (
        "The node was low on resource: ephemeral-storage. Threshold quantity: 10Mi, available: 5Mi. "
        "Container web was using 95Mi, request is 1Mi, has larger consumption of ephemeral-storage. "
    )


@pytest.mark.parametrize(
    ("number", "text"), [(0, "0"), (1000, "1000"), (1024, "1Ki"), (1536 * 1024, "1536Ki"), (2 * GI, "2Gi")]
)
def test_bytes_are_written_as_kubernetes_does(number, text):
    assert binary(number) == text
