"""Lost nodes are emptied one after the other, and not where most are lost."""

from __future__ import annotations

import math

import pytest

from netemu.clock import format_rfc3339
from netemu.controllers.zonestates import ZoneState, eviction_wait_s, zone_state
from netemu.settings import NodeLifecycleController
from netemu.testing import builders

NOW_S = 1_700_000_000.0
RATES = NodeLifecycleController()


def node(name, *, ready=True, zone="", emptied_s=None):
    made = builders.node(name, labels={"topology.kubernetes.io/zone": zone} if zone else {})
    made["status"]["conditions"] = [{"type": "Ready", "status": "True" if ready else "Unknown"}]
    taint = {"key": "node.kubernetes.io/unreachable", "effect": "NoExecute"}
    since = [] if emptied_s is None else [{**taint, "timeAdded": format_rfc3339(NOW_S - emptied_s)}]
    made["spec"] = {"taints": since}
    return made


def nodes(ready, lost, zone=""):
    made = [node(f"{zone}up-{number}", zone=zone) for number in range(ready)]
    return [*made, *(node(f"{zone}lost-{number}", ready=False, zone=zone) for number in range(lost))]


@pytest.mark.parametrize(
    ("ready", "lost", "state"),
    [
        (3, 0, ZoneState.NORMAL),
        (1, 2, ZoneState.NORMAL),
        (2, 3, ZoneState.PARTIAL),
        (3, 3, ZoneState.NORMAL),
        (0, 1, ZoneState.FULL),
    ],
)
def test_a_zone_is_as_its_nodes_are(ready, lost, state):
    assert zone_state(nodes(ready, lost), 0.55) is state


def wait_s(others, rates=RATES):
    lost = node("lost", ready=False, zone="a")
    return eviction_wait_s(lost, [lost, *others], rates, NOW_S)


@pytest.mark.parametrize(
    ("others", "wanted"),
    [
        pytest.param(nodes(2, 0, "a"), 0, id="the-first-at-once"),
        pytest.param([*nodes(2, 0, "a"), node("n", ready=False, zone="a", emptied_s=4)], 6, id="the-next"),
        pytest.param([*nodes(2, 0, "a"), node("n", ready=False, zone="b", emptied_s=4)], 0, id="per-zone"),
        pytest.param(nodes(1, 0, "b"), 0, id="a-whole-zone"),
        pytest.param(nodes(0, 2, "b"), math.inf, id="all-zones"),
        pytest.param(nodes(1, 3, "a"), math.inf, id="most-of-a-small-zone"),
        pytest.param([*nodes(10, 50, "a")], 0, id="most-of-a-large-zone"),
        pytest.param(
            [*nodes(10, 50, "a"), node("n", ready=False, zone="a", emptied_s=40)],
            60,
            id="and-then-slowly",
        ),
    ],
)
def test_nodes_of_a_zone_are_emptied_at_its_rate(others, wanted):
    assert wait_s(others) == wanted


def test_a_rate_of_nothing_empties_nobody():
    assert wait_s(nodes(2, 0, "a"), NodeLifecycleController(node_eviction_rate=0)) == math.inf
