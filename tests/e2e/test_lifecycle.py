"""How nodes run pods: sidecars, hooks, probes, ends, and a daemon that is killed meanwhile."""

import os
import signal
from pathlib import Path

import pytest


@pytest.fixture(scope="module")
def kubectl(client, manifests):
    """Give kubectl 1.37 with the pods of these tests in its namespace."""
    new = client("kubectl-new")
    new.ok("apply", "-f", str(manifests / "tests/lifecycle.yaml"))
    return new


@pytest.fixture(scope="module")
def read(kubectl, eventually):
    """Wait until a field of a pod is as expected, and give it."""

    def read(pod, path, expected=bool):
        return eventually(lambda: kubectl.read(path, "pod", pod), expected)

    return read


@pytest.fixture(scope="module")
def told(kubectl, eventually):
    """Wait for an event of a pod."""

    def told(pod, reason, words):
        def messages():
            where = ("events", "--field-selector", f"involvedObject.name={pod},reason={reason}")
            return kubectl.read(".items[*].message", *where)

        return eventually(messages, lambda seen: words in seen)

    return told


def condition(kind):
    return f'.status.conditions[?(@.type=="{kind}")].message'


def test_init_containers_and_sidecars_start_in_order_and_hooks_after_their_containers(
    kubectl, read, eventually
):
    read("sidecars", ".status.containerStatuses[0].ready", lambda seen: seen == "true")
    written = ("exec", "sidecars", "-c", "web", "--", "cat", "/shared/order")
    order = eventually(lambda: kubectl.ok(*written).split(), lambda words: len(words) == 5)

    assert order[:3] == ["first", "proxy", "second"]
    assert sorted(order[3:]) == ["hook", "web"]
    assert read("sidecars", ".status.initContainerStatuses[*].started") == "false true false"


def test_a_sidecar_does_not_hold_a_task_up_and_ends_with_it(read):
    assert read("task", ".status.phase", lambda seen: seen == "Succeeded")
    assert read("task", ".status.containerStatuses[0].state.terminated.message") == "all done"
    assert read("task", ".status.initContainerStatuses[0].state.terminated.exitCode") == "0"


def test_a_container_that_is_not_well_is_restarted(read, told):
    read("sick", ".status.containerStatuses[0].restartCount", lambda seen: int(seen or 0) > 0)
    told("sick", "Unhealthy", "Liveness probe failed: not well")
    told("sick", "Killing", "Container main failed liveness probe, will be restarted")
    read("sick", ".status.containerStatuses[0].state.waiting.reason", lambda seen: seen == "CrashLoopBackOff")


def test_a_command_that_does_not_exist_is_a_start_error(read, told):
    last = ".status.containerStatuses[0].lastState.terminated"

    assert read("no-command", f"{last}.reason") == "StartError"
    assert read("no-command", f"{last}.exitCode") == "128"
    told("no-command", "Failed", "/no/such/program")


def test_a_pod_whose_time_is_over_fails(read):
    assert read("late", ".status.reason") == "DeadlineExceeded"
    assert read("late", ".status.phase") == "Failed"


def test_a_node_refuses_a_pod_that_does_not_belong_there(read, told):
    words = "Predicate NodeAffinity failed: node(s) didn't match Pod's node affinity/selector"

    assert read("misplaced", ".status.message") == f"Pod was rejected: {words}"
    told("misplaced", "NodeAffinity", words)


def test_a_readiness_gate_is_opened_by_somebody_else(kubectl, read):
    assert "does not exist." in read("gated", condition("Ready"), lambda seen: "readiness gate" in seen)
    patch = '{"status":{"conditions":[{"type":"example.com/checked","status":"True"}]}}'
    kubectl.ok("patch", "pod", "gated", "--subresource=status", "--type=strategic", "-p", patch)
    kubectl.ok("wait", "--for=condition=Ready", "--timeout=120s", "pod/gated")


def test_a_volume_that_comes_late_lets_its_pod_go_on(kubectl, told):
    told("volumeless", "FailedMount", 'configmap "none" not found')
    kubectl.ok("create", "configmap", "none")
    kubectl.ok("wait", "--for=condition=Ready", "--timeout=120s", "pod/volumeless")


def test_a_debugger_joins_a_pod_and_is_not_started_again(kubectl, read):
    read("sidecars", ".status.phase", lambda seen: seen == "Running")
    argv = ("debug", "sidecars", "--image=busybox", "-c", "look", "--target=web", "--", "ps", "ax")
    kubectl.ok(*argv)
    state = ".status.ephemeralContainerStatuses[0].state.terminated"

    assert read("sidecars", f"{state}.exitCode") == "0"
    assert "echo web" in kubectl.ok("logs", "sidecars", "-c", "look")


KILLED = """
apiVersion: v1
kind: Pod
metadata: {name: once}
spec:
  terminationGracePeriodSeconds: 60
  volumes: [{name: log, hostPath: {path: /hooks}}]
  containers:
  - name: main
    image: busybox
    command: [sh, -c, "trap 'exit 0' TERM; sleep 600 & wait"]
    volumeMounts: [{name: log, mountPath: /hooks}]
    lifecycle:
      postStart: {exec: {command: [sh, -c, "echo started >> /hooks/log; sleep 2"]}}
      preStop: {exec: {command: [sh, -c, "echo stopped >> /hooks/log; sleep 2"]}}
---
apiVersion: v1
kind: Pod
metadata: {name: crashing}
spec:
  containers:
  - {name: main, image: busybox, command: [sh, -c, "exit 3"]}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: many}
spec:
  replicas: 12
  selector: {matchLabels: {app: many}}
  template:
    metadata: {labels: {app: many}}
    spec:
      terminationGracePeriodSeconds: 1
      containers:
      - {name: web, image: nginx}
      - {name: main, image: busybox, command: [sleep, "600"]}
"""


def test_a_daemon_that_is_killed_meanwhile_finds_everything_again(netemu, eventually):
    own = netemu()
    own.ok("up", "--nodes", "1")
    own.apply(KILLED)

    def kill_and_start():
        os.kill(own.processes()["daemon"], signal.SIGKILL)
        own.ok("up", "--nodes", "1")

    def hooks():
        log = Path("/var/lib/netemu", own.name, "nodes/node-1/hooks/log")
        return log.read_text().split() if log.exists() else []

    eventually(hooks, lambda seen: seen == ["started"])
    counts = ".status.containerStatuses[*].restartCount"
    restarts = int(eventually(lambda: own.field(counts, "pod", "crashing")))
    kill_and_start()
    own.wait("condition=Ready", "pod/once")
    own.ok("rollout", "status", "deployment/many")
    assert int(own.field(counts, "pod", "crashing")) >= restarts
    assert set(own.field(counts, "pod", "once").split()) == {"0"}

    own.ok("delete", "pod", "once", "--wait=false")
    own.ok("delete", "deployment", "many", "--wait=false")
    eventually(hooks, lambda seen: seen == ["started", "stopped"])
    kill_and_start()
    eventually(
        lambda: [pod["metadata"]["name"] for pod in own.get("pods")], lambda seen: seen == ["crashing"]
    )
    assert hooks() == ["started", "stopped"]
