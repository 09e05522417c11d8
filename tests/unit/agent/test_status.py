from msgspec.structs import replace

from netemu.agent.containerstatus import Naming, container_status
from netemu.agent.lifecycle import BackOff
from netemu.agent.restarts import Life
from netemu.agent.status import EVICTED, Failure, pod_status
from netemu.api.views import view
from netemu.api.views.core import Pod
from netemu.runtime.container import ContainerState

NOW_S = 1_700_000_000.0


def status(lives, *, old=None, policy="Always", waits=None, network=True, failure=None):
    pod = view(
        Pod,
        {
            "metadata": {"name": "p", "namespace": "ns", "uid": "u", "generation": 3},
            "spec": {"restartPolicy": policy, "containers": [{"name": "c", "image": "nginx"}]},
        },
    )
    return pod_status(
        pod,
        lives,
        old=old or {},
        host_ips=["172.30.0.11", "fd00:172::b"],
        pod_ips=["10.244.0.5", "fd00:244::5"] if network else [],
        has_network=network,
        waits=waits or {},
        now_s=NOW_S,
        failure=failure,
    )


def condition(of, name):
    return next(c for c in of["conditions"] if c["type"] == name)


RUNNING = Life(state=ContainerState(id="u_c_0", running=True, started_at_s=NOW_S), ready=True)


def ended(code):
    state = ContainerState(id="u_c_0", running=False, exit_code=code, started_at_s=NOW_S, finished_at_s=NOW_S)
    return Life(state=state, crashes=1)


def test_a_pod_without_network_is_creating_its_containers():
    made = status({}, network=False)

    assert made["phase"] == "Pending"
    assert made["containerStatuses"][0]["state"] == {"waiting": {"reason": "ContainerCreating"}}
    assert condition(made, "PodReadyToStartContainers")["status"] == "False"


def test_a_pod_whose_containers_are_ready_is_ready():
    made = status({"c": RUNNING})

    assert (made["phase"], made["podIP"], condition(made, "Ready")["status"]) == (
        "Running",
        "10.244.0.5",
        "True",
    )


def test_a_pod_began_when_it_was_first_told_of_and_not_after_its_containers():
    early = replace(RUNNING, state=ContainerState(id="u_c_0", running=True, started_at_s=NOW_S - 1.5))

    assert status({})["startTime"] == "2023-11-14T22:13:20Z"
    assert status({"c": early})["startTime"] == "2023-11-14T22:13:18Z"
    assert (
        status({"c": early}, old={"startTime": "2023-11-14T22:13:00Z"})["startTime"] == "2023-11-14T22:13:00Z"
    )


def test_what_a_pod_that_is_over_never_ran_is_lost_and_what_could_not_start_has_ended():
    late = Failure("DeadlineExceeded", "too late")
    failed = ended(128)
    refused = replace(failed, state=replace(failed.state, reason="StartError", message="no such file"))
    (lost,) = status({}, old={"containerStatuses": [{}]}, failure=late)["containerStatuses"]
    (over,) = status({"c": refused}, failure=late)["containerStatuses"]

    assert lost["state"]["terminated"] == {
        "exitCode": 137,
        "reason": "ContainerStatusUnknown",
        "message": "The container could not be located when the pod was terminated",
    }
    assert over["state"]["terminated"]["reason"] == "StartError"


def test_an_evicted_pod_says_who_ended_it():
    made = status({"c": ended(137)}, failure=Failure(EVICTED, "Too much. ", 1.0))
    said = condition(made, "DisruptionTarget")

    assert (made["phase"], made["reason"], made["message"]) == ("Failed", "Evicted", "Too much. ")
    assert (said["status"], said["reason"], said["message"]) == (
        "True",
        "TerminationByKubelet",
        "Too much. ",
    )
    assert status({"c": ended(137)}, failure=Failure(EVICTED, "Too much. ", 1.0), old=made) == made


def test_nothing_new_gives_the_same_status():
    first = status({"c": RUNNING})

    assert status({"c": RUNNING}, old=first) == first


def test_a_crash_loop_shows_as_users_know_it():
    made = status({"c": ended(1)}, waits={"c": BackOff("c", NOW_S + 10, 10.0)})
    container = made["containerStatuses"][0]

    assert container["state"]["waiting"]["reason"] == "CrashLoopBackOff"
    assert container["state"]["waiting"]["message"] == (
        "back-off 10s restarting failed container=c pod=p_ns(u)"
    )
    assert container["lastState"]["terminated"]["exitCode"] == 1
    assert made["phase"] == "Running"


def test_a_pod_that_never_restarts_succeeds_or_fails():
    assert status({"c": ended(0)}, policy="Never")["phase"] == "Succeeded"
    assert status({"c": ended(3)}, policy="Never")["phase"] == "Failed"


def test_a_condition_keeps_its_time_until_it_changes():
    old = {"conditions": [{"type": "Ready", "status": "True", "lastTransitionTime": "2020-01-01T00:00:00Z"}]}

    assert condition(status({"c": RUNNING}, old=old), "Ready")["lastTransitionTime"] == "2020-01-01T00:00:00Z"
    assert condition(status({"c": ended(1)}, old=old), "Ready")["lastTransitionTime"].startswith("2023-")


def test_every_condition_says_of_which_generation_it_is():
    bound = {"type": "PodScheduled", "status": "True", "lastTransitionTime": "2023-11-14T22:13:19Z"}
    made = status({"c": RUNNING}, old={"conditions": [bound]})

    assert {each["observedGeneration"] for each in made["conditions"]} == {3}
    assert condition(made, "PodScheduled")["lastTransitionTime"] == "2023-11-14T22:13:19Z"


def test_an_unknown_image_is_waited_on_with_its_reason():
    waiting = Life(waiting=("ErrImagePull", "no such image"))

    assert status({"c": waiting})["containerStatuses"][0]["state"] == {
        "waiting": {"reason": "ErrImagePull", "message": "no such image"}
    }


def test_a_pod_tells_of_its_addresses_and_its_nodes_of_both_families():
    told = status({"c": RUNNING})

    assert (told["podIP"], told["podIPs"]) == ("10.244.0.5", [{"ip": "10.244.0.5"}, {"ip": "fd00:244::5"}])
    assert (told["hostIP"], told["hostIPs"]) == (
        "172.30.0.11",
        [{"ip": "172.30.0.11"}, {"ip": "fd00:172::b"}],
    )


def test_a_container_says_what_it_mounts_and_who_it_is():
    mounts = [{"name": "data", "mountPath": "/data"}, {"name": "conf", "mountPath": "/c", "readOnly": True}]
    own = {"runAsUser": 1000, "runAsGroup": 3000}
    running = replace(RUNNING, state=replace(RUNNING.state, pid=77))
    made = container_status_of(running, volumeMounts=mounts, securityContext=own)

    assert made["volumeMounts"] == [
        {"name": "data", "mountPath": "/data"},
        {"name": "conf", "mountPath": "/c", "readOnly": True, "recursiveReadOnly": "Disabled"},
    ]
    assert made["user"] == {"linux": {"uid": 1000, "gid": 3000, "supplementalGroups": [3000, 4000]}}


def test_a_container_that_is_no_process_is_nobody():
    assert "user" not in container_status_of(RUNNING)


def container_status_of(life, **container):
    spec = {"containers": [{"name": "c", **container}], "securityContext": {"fsGroup": 4000}}
    pod = view(Pod, {"metadata": {"name": "p", "namespace": "default", "uid": "u"}, "spec": spec})
    return container_status(Naming(pod, {}), pod.spec.containers[0], {"c": life})
