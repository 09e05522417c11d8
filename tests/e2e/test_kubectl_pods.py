"""The real kubectl, oldest and newest: into pods and out of them."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import urllib.request

import pytest

PODS = """\
apiVersion: v1
kind: Pod
metadata: {name: shell, labels: {app: shell}}
spec:
  terminationGracePeriodSeconds: 0
  containers: [{name: c, image: busybox, stdin: true, command: [sh, -c, "echo hello; exec cat"]}]
---
apiVersion: v1
kind: Pod
metadata: {name: web, labels: {app: web}}
spec:
  terminationGracePeriodSeconds: 0
  containers: [{name: c, image: nginx, ports: [{containerPort: 80}]}]
---
apiVersion: v1
kind: Service
metadata: {name: web}
spec: {ports: [{port: 8080, targetPort: 80}], selector: {app: web}}
"""


@pytest.fixture(scope="module")
def kubectl(any_kubectl, eventually):
    any_kubectl.ok("apply", "-f", "-", stdin=PODS)
    any_kubectl.ok("wait", "--for=condition=Ready", "pod", "--all", "--timeout=120s")
    eventually(lambda: any_kubectl.read(".subsets[0].addresses", "endpoints", "web"))
    eventually(lambda: any_kubectl.ok("logs", "shell"), "hello\n".__eq__)
    return any_kubectl


@pytest.fixture
def terminal():
    """The two ends of a terminal."""
    mine, theirs = pty.openpty()
    yield mine, theirs
    os.close(mine)


def fetched(url):
    with urllib.request.urlopen(url, timeout=30) as answer:
        return answer.read().decode()


def read_to_end(descriptor):
    said = b""
    try:
        while more := os.read(descriptor, 4096):
            said += more
    except OSError:  # how a terminal says that nobody is at its other end
        pass
    return said.decode()


def test_exec_gives_output_errors_and_the_exit_status(kubectl):
    done = kubectl.run("exec", "shell", "--", "sh", "-c", "echo out; echo err >&2; exit 7")

    assert (done.returncode, done.stdout) == (7, "out\n")
    assert done.stderr.startswith("err\n")


def test_exec_hands_on_what_comes_in(kubectl):
    assert kubectl.ok("exec", "-i", "shell", "--", "cat", stdin="from outside\n") == "from outside\n"


def test_exec_gives_a_terminal(kubectl, terminal):
    mine, theirs = terminal
    argv = kubectl.argv("exec", "-it", "shell", "--", "sh", "-c", "tty; exit 5")
    process = subprocess.Popen(argv, env=kubectl.environment, stdin=theirs, stdout=theirs, stderr=theirs)
    os.close(theirs)

    said = read_to_end(mine)

    assert "/dev/pts/" in said
    assert process.wait(60) == 5


def test_logs_are_read_and_followed_while_attach_types(kubectl):
    assert kubectl.ok("logs", "shell").startswith("hello\n")
    assert kubectl.ok("logs", "-l", "app=shell", "--tail=1") != ""
    assert kubectl.ok("logs", "shell", "--timestamps")[:2] == "20"

    with kubectl.running("logs", "-f", "shell") as log, kubectl.running("attach", "-i", "shell") as attached:
        log.until("hello")
        attached.type("typed by hand\n")
        attached.until("typed by hand")
        log.until("typed by hand")


def test_files_are_copied_in_and_out(kubectl, tmp_path):
    (tmp_path / "tree").mkdir()
    (tmp_path / "tree" / "file").write_text("content\n" * 10_000)

    kubectl.ok("cp", str(tmp_path / "tree"), "shell:/tmp/tree")
    kubectl.ok("cp", "shell:/tmp/tree/file", str(tmp_path / "back"))

    assert (tmp_path / "back").read_text() == "content\n" * 10_000


@pytest.mark.parametrize(
    "target",
    [pytest.param(["pod/web", ":80"], id="pod"), pytest.param(["service/web", ":8080"], id="service")],
)
def test_a_forwarded_port_serves_one_connection_after_another(kubectl, target):
    with kubectl.running("port-forward", "--address=127.0.0.1", *target) as forward:
        port = forward.until("-> 80").split("127.0.0.1:")[1].split()[0]

        assert "Hostname: web" in fetched(f"http://127.0.0.1:{port}/")
        assert "Hostname: web" in fetched(f"http://127.0.0.1:{port}/")


def test_the_proxy_reaches_the_api_services_and_pods(kubectl):
    with kubectl.running("proxy", "--port=0") as proxy:
        where = "http://" + proxy.until("\n").split("on ")[1].strip()
        inside = f"{where}/api/v1/namespaces/{kubectl.namespace}"

        assert json.loads(fetched(f"{where}/api"))["kind"] == "APIVersions"
        assert "Hostname: web" in fetched(f"{inside}/services/web:8080/proxy/")
        assert "Hostname: web" in fetched(f"{inside}/pods/web/proxy/")


def test_run_plays_a_pod_to_its_end_and_removes_it(kubectl):
    words = ("run", "brief", "-i", "--rm", "--restart=Never", "--image=busybox", "--command", "--", "cat")

    assert kubectl.ok(*words, stdin="piped\n").startswith("piped\n")
    assert "NotFound" in kubectl.fails("get", "pod", "brief")


def test_events_tell_how_a_pod_came_to_run(kubectl, eventually):
    words = ("get", "events", "--field-selector=involvedObject.name=shell", "-o", "wide")

    told = eventually(lambda: kubectl.ok(*words), lambda seen: "Started" in seen)
    assert "Scheduled" in told
    assert "Successfully assigned" in kubectl.ok("describe", "pod", "shell")


def test_pods_go_at_once_when_asked(kubectl):
    for name in ("now", "forced"):
        kubectl.ok("run", name, "--image=busybox", "--command", "--", "sleep", "600")
    kubectl.ok("wait", "--for=condition=Ready", "pod/now", "pod/forced", "--timeout=120s")

    kubectl.ok("delete", "pod", "now", "--now")
    kubectl.ok("delete", "pod", "forced", "--force", "--grace-period=0")

    assert "NotFound" in kubectl.fails("get", "pod", "now")


@pytest.fixture(scope="module")
def newest(new_kubectl):
    new_kubectl.ok("apply", "-f", "-", stdin=PODS)
    new_kubectl.ok("wait", "--for=condition=Ready", "pod", "--all", "--timeout=120s")
    return new_kubectl


def test_the_newest_adds_a_container_to_debug_a_pod_and_makes_a_copy_with_one(newest):
    """The oldest knows ephemeral containers only as a kind that Kubernetes itself no longer serves."""
    newest.ok("debug", "web", "--image=busybox", "-c", "look", "--", "sleep", "600")
    newest.ok("debug", "web", "--image=busybox", "--copy-to=copy", "-c", "look", "--", "sleep", "600")

    assert newest.read(".spec.ephemeralContainers[*].name", "pod", "web") == "look"
    newest.ok("wait", "--for=condition=Ready", "pod/copy", "--timeout=120s")
    fetch = ("curl", "-s", "-o", "/dev/null", "-w", "%{http_code}", "localhost")
    assert newest.ok("exec", "copy", "-c", "look", "--", *fetch) == "200"


def test_the_newest_has_words_for_events(newest, eventually):
    eventually(lambda: "Started" in newest.ok("events", "--for", "pod/web"))
    assert "Scheduled" in newest.ok("events", "--types=Normal")
