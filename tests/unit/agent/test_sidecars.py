"""Init containers and sidecars: which is started when, and what the pod is called meanwhile."""

import pytest

from netemu.agent.lifecycle import Plan, PostStart, Start, Verdict, plan
from netemu.agent.restarts import Life
from netemu.agent.status import pod_status
from netemu.api.views import view
from netemu.api.views.core import Pod
from netemu.runtime.container import ContainerState

NOW_S = 1000.0
SIDECAR = {"name": "log", "restartPolicy": "Always"}
UP = Life(state=ContainerState(id="u_x_0", running=True, started_at_s=NOW_S), started=True, ready=True)
STARTING = Life(state=ContainerState(id="u_x_0", running=True, started_at_s=NOW_S))


def ended(code):
    return Life(
        state=ContainerState(
            id="u_x_0", running=False, exit_code=code, started_at_s=NOW_S, finished_at_s=NOW_S
        )
    )


def pod(*init, policy="Always", web=(), ephemeral=()):
    return view(
        Pod,
        {
            "metadata": {"name": "p", "namespace": "ns", "uid": "u", "generation": 1},
            "spec": {
                "restartPolicy": policy,
                "initContainers": list(init),
                "containers": [{"name": "web", **dict(web)}],
                "ephemeralContainers": list(ephemeral),
            },
        },
    )


MIXED = pod({"name": "a"}, SIDECAR, {"name": "b"})
HOOKED = {"lifecycle": {"postStart": {"exec": {"command": ["true"]}}}}


@pytest.mark.parametrize(
    ("lives", "steps"),
    [
        pytest.param({}, (Start("a"),), id="in-order"),
        pytest.param({"a": ended(0)}, (Start("log"),), id="a-sidecar-in-its-turn"),
        pytest.param({"a": ended(0), "log": STARTING}, (), id="is-waited-for-until-it-has-started"),
        pytest.param({"a": ended(0), "log": UP}, (Start("b"),), id="and-not-longer"),
        pytest.param({"a": ended(0), "log": UP, "b": UP}, (), id="the-next-is-waited-for"),
        pytest.param({"a": ended(0), "log": ended(0), "b": UP}, (Start("log"),), id="a-sidecar-comes-back"),
        pytest.param({"a": ended(0), "log": UP, "b": ended(0)}, (Start("web"),), id="regular-ones-come-last"),
        pytest.param(
            {"a": ended(0), "log": ended(1), "b": ended(0), "web": UP},
            (Start("log"),),
            id="a-sidecar-comes-back-later-too",
        ),
        pytest.param(
            {"log": STARTING, "web": ended(1)}, (Start("web"),), id="a-pod-is-initialized-only-once"
        ),
    ],
)
def test_init_containers_and_sidecars_start_in_order(lives, steps):
    assert plan(MIXED, lives, NOW_S) == Plan(steps)


def test_sidecars_do_not_keep_a_pod_from_being_finished():
    lives = {"log": UP, "web": ended(0)}
    job = pod(SIDECAR, policy="Never")

    assert plan(job, lives, NOW_S).verdict is Verdict.FINISHED
    assert report(job, lives)["phase"] == "Running"
    assert report(job, {**lives, "log": ended(137)})["phase"] == "Succeeded"


def test_what_had_no_turn_in_a_pod_that_failed_waits_for_ever():
    failing = pod({"name": "a"}, {"name": "b"}, policy="Never")
    status = report(failing, {"a": ended(1)})
    states = [each["state"] for each in (*status["initContainerStatuses"], *status["containerStatuses"])]

    assert status["phase"] == "Failed"
    assert [next(iter(state)) for state in states] == ["terminated", "waiting", "waiting"]


def test_a_hook_after_the_start_holds_up_the_next_container_and_the_word_running():
    hooked = pod(web=HOOKED)
    waiting = {"web": STARTING}

    assert plan(hooked, waiting, NOW_S).steps == (PostStart("web"),)
    assert report(hooked, waiting)["containerStatuses"][0]["state"] == {
        "waiting": {"reason": "ContainerCreating"}
    }
    assert report(hooked, waiting)["phase"] == "Pending"


@pytest.mark.parametrize(
    ("web", "code", "again"),
    [
        ({"restartPolicy": "Never"}, 1, False),
        ({"restartPolicy": "OnFailure"}, 1, True),
        (
            rule := {
                "restartPolicy": "Never",
                "restartPolicyRules": [
                    {"action": "Restart", "exitCodes": {"operator": "In", "values": [42]}}
                ],
            },
            42,
            True,
        ),
        (rule, 41, False),
    ],
)
def test_a_container_has_a_restart_policy_of_its_own(web, code, again):
    decided = plan(pod(web=web), {"web": ended(code)}, NOW_S)

    assert (decided.steps == (Start("web"),)) is again


def test_an_ephemeral_container_is_started_once_whatever_the_others_do():
    debugged = pod({"name": "a"}, ephemeral=[{"name": "debugger"}])

    assert plan(debugged, {"a": UP}, NOW_S).steps == (Start("debugger"),)
    assert plan(debugged, {"a": UP, "debugger": ended(1)}, NOW_S).steps == ()
    assert report(debugged, {"a": UP, "debugger": ended(1)})["phase"] == "Pending"


def report(of, lives, old=None):
    return pod_status(
        of, lives, old=old or {}, host_ips=["h"], pod_ips=["1.2.3.4"], has_network=True, waits={}, now_s=NOW_S
    )


def condition(status, name):
    found = next(c for c in status["conditions"] if c["type"] == name)
    return found["status"], found.get("reason", ""), found.get("message", "")


def test_conditions_name_what_is_missing():
    status = report(MIXED, {"a": ended(0), "log": STARTING})

    assert condition(status, "Initialized") == (
        "False",
        "ContainersNotInitialized",
        "containers with incomplete status: [log b]",
    )
    assert condition(status, "Ready")[2] == "containers with unready status: [log web]"
    assert [each["ready"] for each in status["initContainerStatuses"]] == [True, False, False]


def test_a_sidecar_that_is_not_ready_keeps_the_pod_from_it():
    lives = {"a": ended(0), "log": STARTING, "b": ended(0), "web": UP}

    assert condition(report(MIXED, lives), "Initialized")[0] == "True"
    assert condition(report(MIXED, lives), "Ready")[2] == "containers with unready status: [log]"


def test_readiness_gates_are_others_to_open():
    gated = view(
        Pod,
        {
            "metadata": {"name": "p", "uid": "u"},
            "spec": {"containers": [{"name": "web"}], "readinessGates": [{"conditionType": "x/y"}]},
        },
    )
    closed = report(gated, {"web": UP})
    half = report(gated, {"web": UP}, {"conditions": [{"type": "x/y", "status": "False"}]})
    opened = report(gated, {"web": UP}, {"conditions": [{"type": "x/y", "status": "True"}]})

    assert condition(closed, "Ready")[1:] == (
        "ReadinessGatesNotReady",
        'corresponding condition of pod readiness gate "x/y" does not exist.',
    )
    assert condition(half, "Ready")[2] == 'the status of pod readiness gate "x/y" is not "True", but False'
    assert condition(opened, "Ready")[0] == "True"
    assert condition(closed, "ContainersReady")[0] == "True"


def test_what_others_wrote_stays():
    old = {"conditions": [{"type": "DisruptionTarget", "status": "True"}], "nominatedNodeName": "n"}
    status = report(pod(), {"web": UP}, old)

    assert condition(status, "DisruptionTarget")[0] == "True"
    assert status["nominatedNodeName"] == "n"
