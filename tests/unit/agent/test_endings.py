import pytest

from netemu.agent.endings import (
    UNDER_WAY_S,
    Act,
    Action,
    Ending,
    begin,
    drained,
    grace_s,
    hurried,
    must_wait,
    next_action,
)
from netemu.api.views import view
from netemu.api.views.core import Pod

NOW_S = 1000.0
FRESH = begin(NOW_S, 30.0)


def pod(**metadata):
    sidecars = [{"name": name, "restartPolicy": "Always"} for name in ("log", "mesh")]
    probe = {"exec": {"command": ["true"]}, "terminationGracePeriodSeconds": 3}
    return view(
        Pod,
        {
            "metadata": {"name": "p", "uid": "u", **metadata},
            "spec": {
                "terminationGracePeriodSeconds": 20,
                "initContainers": [{"name": "init"}, *sidecars],
                "containers": [{"name": "web", "livenessProbe": probe}],
            },
        },
    )


def act(ending, *, has_hook=False, waits=False, now_s=NOW_S):
    return next_action(ending, has_hook=has_hook, must_wait=waits, now_s=now_s)


@pytest.mark.parametrize(
    ("ending", "more", "expected"),
    [
        pytest.param(FRESH, {}, Action(Act.TELL, NOW_S + 30), id="sigterm-comes-first"),
        pytest.param(
            begin(NOW_S, 30.0, drain_s=0.2), {}, Action(Act.WAIT, NOW_S + 0.2), id="after-the-drain"
        ),
        pytest.param(
            drained(begin(NOW_S - 1, 30.0, drain_s=9.0), NOW_S),
            {},
            Action(Act.WAIT, NOW_S + UNDER_WAY_S),
            id="or-a-moment-after-its-end",
        ),
        pytest.param(
            drained(begin(NOW_S - 1, 30.0, drain_s=1.0), NOW_S),
            {},
            Action(Act.TELL, NOW_S + 29),
            id="at-most",
        ),
        pytest.param(FRESH, {"has_hook": True}, Action(Act.RUN_HOOK, NOW_S + 30), id="or-after-a-hook"),
        pytest.param(
            Ending(tell_at_s=NOW_S, deadline_s=NOW_S + 30, hook="running"),
            {"has_hook": True},
            Action(Act.WAIT, NOW_S + 30),
            id="that-is-waited-for",
        ),
        pytest.param(
            Ending(tell_at_s=NOW_S, deadline_s=NOW_S, hook="running"),
            {"has_hook": True},
            Action(Act.TELL, NOW_S + 2),
            id="for-the-grace-period-at-most",
        ),
        pytest.param(FRESH, {"waits": True}, Action(Act.WAIT, NOW_S + 30), id="others-go-first"),
        pytest.param(
            begin(NOW_S, 0.0), {"has_hook": True}, Action(Act.TELL, NOW_S + 2), id="no-time-no-hook"
        ),
        pytest.param(
            Ending(tell_at_s=0.0, deadline_s=NOW_S + 5, told_s=NOW_S - 1),
            {},
            Action(Act.WAIT, NOW_S + 5),
            id="who-was-told-has-its-time",
        ),
        pytest.param(
            Ending(tell_at_s=0.0, deadline_s=NOW_S, told_s=NOW_S - 1),
            {},
            Action(Act.WAIT, NOW_S + 1),
            id="and-two-seconds-always",
        ),
        pytest.param(
            Ending(tell_at_s=0.0, deadline_s=NOW_S, told_s=NOW_S - 2),
            {},
            Action(Act.KILL, NOW_S + 1),
            id="then-it-is-killed",
        ),
    ],
)
def test_a_container_ends_step_by_step(ending, more, expected):
    assert act(ending, **more) == expected


def test_time_can_be_shortened_but_never_grows():
    assert hurried(FRESH, NOW_S + 1).deadline_s == NOW_S + 1
    assert hurried(FRESH, NOW_S + 99) is FRESH


@pytest.mark.parametrize(
    ("name", "running", "waits"),
    [
        ("web", {"web", "log"}, False),
        ("mesh", {"web", "log", "mesh"}, True),
        ("log", {"log", "mesh"}, True),
        ("mesh", {"log", "mesh"}, False),
        ("log", {"log"}, False),
    ],
)
def test_sidecars_end_after_the_others_last_one_first(name, running, waits):
    assert must_wait(pod(), name, running) is waits


def test_the_grace_period_is_the_deletion_s_the_probe_s_or_the_pod_s():
    web = pod().spec.containers[0]

    assert grace_s(pod()) == 20.0
    assert grace_s(pod(), web, "liveness") == 3.0
    assert grace_s(pod(), web, "startup") == 20.0
    assert grace_s(pod(deletionGracePeriodSeconds=7), web, "liveness") == 7.0
