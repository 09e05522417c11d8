from netemu.agent.adoption import adopt
from netemu.api.views import view
from netemu.api.views.core import Pod
from netemu.runtime.container import ContainerState


def reported(**state) -> Pod:
    return view(
        Pod,
        {
            "metadata": {"name": "p", "namespace": "ns", "uid": "u-1"},
            "spec": {"containers": [{"name": "c"}]},
            "status": {
                "containerStatuses": [
                    {"name": "c", "restartCount": 2, "containerID": "netemu://u-1_c_2", "state": state}
                ]
            },
        },
    )


def test_what_still_runs_is_taken_over_with_its_attempt():
    running = ContainerState(id="u-1_c_2", running=True, started_at_s=5.0)

    life = adopt(reported(running={}), [running], 10.0)["c"]

    assert (life.is_running, life.attempt) == (True, 2)


def test_what_no_longer_runs_was_lost():
    life = adopt(reported(running={}), [], 10.0)["c"]

    assert (life.state.reason, life.state.exit_code, life.attempt) == ("ContainerStatusUnknown", 137, 2)


def test_an_end_that_was_reported_stays_what_it_was():
    life = adopt(reported(terminated={"exitCode": 0, "reason": "Completed"}), [], 10.0)["c"]

    assert (life.state.exit_code, life.state.reason) == (0, "Completed")


def test_a_newer_attempt_than_the_reported_one_wins():
    newer = ContainerState(id="u-1_c_3", running=True)

    assert adopt(reported(running={}), [newer], 10.0)["c"].attempt == 3
