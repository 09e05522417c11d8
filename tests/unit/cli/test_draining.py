"""Which pods ``drain`` evicts, and what it wants to be told first."""

import pytest

from netemu.cli.draining import DrainOptions, plan_drain
from netemu.testing import builders

REPLICA = {"kind": "ReplicaSet", "name": "web", "controller": True}
DAEMON = {"kind": "DaemonSet", "name": "agent", "controller": True}
SCRATCH = [{"name": "tmp", "emptyDir": {}}]

MANAGED = builders.pod("managed", owner=REPLICA)
DAEMONS = builders.pod("daemons", owner=DAEMON)
ALONE = builders.pod("alone")
STORING = builders.pod("storing", owner=REPLICA, volumes=SCRATCH)


def names(draining):
    return [pod["metadata"]["name"] for pod in draining.pods]


def test_pods_that_come_again_elsewhere_go():
    planned = plan_drain([MANAGED], DrainOptions())

    assert (names(planned), planned.obstacles, planned.warnings) == (["managed"], (), ())


@pytest.mark.parametrize(
    ("pod", "allowed", "words"),
    [
        pytest.param(
            DAEMONS,
            DrainOptions(ignore_daemonsets=True),
            "DaemonSet-managed Pods (use --ignore-daemonsets to ignore): default/daemons",
            id="daemons",
        ),
        pytest.param(
            ALONE,
            DrainOptions(force=True),
            "Pods that declare no controller (use --force to override): default/alone",
            id="alone",
        ),
        pytest.param(
            STORING,
            DrainOptions(delete_emptydir_data=True),
            "Pods with local storage (use --delete-emptydir-data to override): default/storing",
            id="storing",
        ),
    ],
)
def test_what_is_lost_must_be_allowed(pod, allowed, words):
    assert plan_drain([pod], DrainOptions()).obstacles == (f"cannot delete {words}",)
    assert plan_drain([pod], allowed).obstacles == ()


def test_pods_of_daemon_sets_stay_and_are_told_of():
    planned = plan_drain([DAEMONS, MANAGED], DrainOptions(ignore_daemonsets=True))

    assert names(planned) == ["managed"]
    assert planned.warnings == ("ignoring DaemonSet-managed Pods: default/daemons",)


def test_a_pod_that_ended_needs_no_permission():
    ended = builders.running(ALONE, phase="Succeeded")

    assert plan_drain([ended], DrainOptions()).obstacles == ()


def test_mirror_pods_are_not_the_apis_to_delete():
    mirror = {**ALONE, "metadata": {**ALONE["metadata"], "annotations": {"kubernetes.io/config.mirror": "x"}}}

    assert names(plan_drain([mirror], DrainOptions())) == []
