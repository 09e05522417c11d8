import pytest
from msgspec.structs import replace

from netemu.agent.lifecycle import BackOff, Plan, Start, Verdict, plan
from netemu.agent.restarts import NEVER_STARTED, Life, next_attempt, started
from netemu.api.views import view
from netemu.api.views.core import Pod
from netemu.runtime.container import ContainerState

NOW_S = 1000.0


def pod(*, policy: str = "Always", init: tuple[str, ...] = (), main: tuple[str, ...] = ("web",)) -> Pod:
    return view(
        Pod,
        {
            "metadata": {"name": "p", "namespace": "default", "uid": "u"},
            "spec": {
                "restartPolicy": policy,
                "initContainers": [{"name": name} for name in init],
                "containers": [{"name": name} for name in main],
            },
        },
    )


def running() -> Life:
    return Life(state=ContainerState(id="u_web_0", running=True, started_at_s=1.0))


def ended(code: int = 1, *, crashes: int = 0, at_s: float = NOW_S) -> Life:
    state = ContainerState(
        id="u_web_0", running=False, exit_code=code, started_at_s=at_s - 1, finished_at_s=at_s
    )
    return Life(state=state, crashes=crashes)


@pytest.mark.parametrize(
    ("the_pod", "lives", "expected"),
    [
        pytest.param(pod(), {}, Plan((Start("web"),)), id="a-new-pod-starts"),
        pytest.param(pod(), {"web": running()}, Plan(()), id="what-runs-is-left-alone"),
        pytest.param(pod(init=("i",)), {}, Plan((Start("i"),)), id="init-containers-come-first"),
        pytest.param(pod(init=("i",)), {"i": running()}, Plan(()), id="and-are-waited-for"),
        pytest.param(pod(init=("i",)), {"i": ended(0)}, Plan((Start("web"),)), id="until-they-succeed"),
        pytest.param(
            pod(init=("i",), policy="Never"),
            {"i": ended(1)},
            Plan((), Verdict.FINISHED),
            id="a-failed-init-container-ends-a-pod-that-never-restarts",
        ),
        pytest.param(pod(), {"web": ended(0)}, Plan((Start("web"),)), id="the-first-restart-is-at-once"),
        pytest.param(
            pod(),
            {"web": ended(crashes=1)},
            Plan((BackOff("web", NOW_S + 10, 10.0),)),
            id="the-second-backs-off",
        ),
        pytest.param(
            pod(),
            {"web": ended(crashes=9)},
            Plan((BackOff("web", NOW_S + 300, 300.0),)),
            id="for-five-minutes-at-most",
        ),
        pytest.param(
            pod(),
            {"web": ended(crashes=1, at_s=NOW_S - 11)},
            Plan((Start("web"),)),
            id="until-the-time-is-over",
        ),
        pytest.param(
            pod(policy="OnFailure"),
            {"web": ended(0)},
            Plan((), Verdict.FINISHED),
            id="success-ends-on-failure",
        ),
        pytest.param(
            pod(policy="OnFailure"), {"web": ended(1)}, Plan((Start("web"),)), id="failure-does-not"
        ),
        pytest.param(pod(policy="Never"), {"web": ended(1)}, Plan((), Verdict.FINISHED), id="never-is-never"),
        pytest.param(
            pod(policy="Never", main=("a", "b")),
            {"a": ended(0), "b": running()},
            Plan(()),
            id="one-of-two-still-runs",
        ),
    ],
)
def test_the_next_steps_follow_the_restart_policy(the_pod, lives, expected):
    assert plan(the_pod, lives, NOW_S) == expected


def test_a_container_that_could_not_be_made_is_tried_again_later():
    waiting = Life(waiting=("ErrImagePull", "no"), retry_at_s=NOW_S + 10)

    assert plan(pod(), {"web": waiting}, NOW_S) == Plan((BackOff("web", NOW_S + 10, 10.0),))
    assert plan(pod(), {"web": waiting}, NOW_S + 11) == Plan((Start("web"),))


def test_a_container_that_ran_long_enough_is_forgiven_its_crashes():
    state = ContainerState(id="x", running=True)
    long_run = ended(crashes=5)
    long_run = replace(long_run, state=replace(long_run.state, started_at_s=NOW_S - 601))

    web = pod().spec.containers[0]
    assert started(ended(crashes=5), state, web).crashes == 6
    assert started(long_run, state, web).crashes == 1
    assert plan(pod(), {"web": long_run}, NOW_S) == Plan((Start("web"),))


def test_attempts_are_counted_from_zero():
    first = NEVER_STARTED

    assert next_attempt(first) == 0
    assert next_attempt(started(first, ContainerState(id="x", running=True), pod().spec.containers[0])) == 1


def test_a_node_can_have_shorter_pauses():
    assert plan(pod(), {"web": ended(crashes=5)}, NOW_S, 2.0).steps == (BackOff("web", NOW_S + 2, 2.0),)
