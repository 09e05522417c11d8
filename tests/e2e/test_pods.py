"""Pods and containers: namespaces, files, exec, logs, restarts."""

import os
import pty
import subprocess

import pytest


def test_lo_and_eth0_are_all_that_a_pod_has(cluster):
    done = cluster.inside("shell-1", "ip", "-br", "link")

    assert [line.split()[0].partition("@")[0] for line in done.stdout.splitlines()] == ["lo", "eth0"]


def test_pods_of_all_nodes_see_each_other_s_own_address(cluster):
    own = cluster.field(".status.podIP", "pod", "shell-1")
    for pod in cluster.get("pods", "-l", "app=web"):
        answer = cluster.inside("shell-1", "curl", "-s", f"http://{pod['status']['podIP']}:8080/").stdout

        assert f"Pod: {pod['metadata']['name']}\n" in answer
        assert f"RemoteAddr: {own}:" in answer


def test_containers_of_a_pod_share_network_and_ipc_and_nothing_else(cluster, namespace, manifests):
    cluster.apply(manifests / "labs/one-network.yaml", namespace)
    cluster.wait("condition=Ready", "pod/pair", "-n", namespace)

    def namespaces(container):
        kinds = ("net", "pid", "mnt", "uts", "ipc")
        paths = [f"/proc/self/ns/{kind}" for kind in kinds]
        words = ("exec", "pair", "-c", container, "-n", namespace, "--", "readlink", *paths)
        return dict(zip(kinds, cluster.ok(*words).split(), strict=True))

    web, client = namespaces("web"), namespaces("client")
    assert (web["net"], web["ipc"]) == (client["net"], client["ipc"])
    assert all(web[kind] != client[kind] for kind in ("pid", "mnt", "uts"))
    answer = cluster.ok(
        "exec", "pair", "-c", "client", "-n", namespace, "--", "curl", "-s", "http://localhost/"
    )
    assert "RemoteAddr: 127.0.0.1:" in answer


@pytest.mark.parametrize("path", ["/home", "/root", "/run/netemu", "/var/lib/netemu", "/run/netns"])
def test_nothing_of_the_machine_s_own_is_visible(cluster, path):
    assert cluster.inside("shell-3", "sh", "-c", f"ls -A {path} 2>/dev/null").stdout == ""


def test_usr_is_read_only_and_tmp_is_the_container_s_own(cluster):
    assert cluster.inside("shell-1", "touch", "/usr/bin/x").returncode != 0
    assert cluster.inside("shell-1", "sh", "-c", "echo mine > /tmp/x && cat /tmp/x").stdout == "mine\n"
    assert cluster.inside("shell-2", "cat", "/tmp/x").returncode != 0


def test_the_exit_status_of_a_command_is_passed_on(cluster):
    assert cluster.inside("shell-1", "sh", "-c", "exit 7").returncode == 7
    assert cluster.inside("shell-1", "true").returncode == 0


def test_output_and_errors_are_told_apart(cluster):
    done = cluster.inside("shell-1", "sh", "-c", "echo out; echo err >&2")

    assert (done.stdout, done.stderr) == ("out\n", "err\n")


def test_standard_input_is_passed_on_to_its_end(cluster):
    text = "line\n" * 20_000

    assert cluster.ok("exec", "-i", "shell-1", "--", "cat", stdin=text) == text
    assert cluster.ok("exec", "-i", "shell-1", "--", "wc", "-l", stdin=text) == "20000\n"


def test_a_terminal_is_a_real_one(cluster):
    leader, follower = pty.openpty()
    shell = subprocess.Popen(
        [
            ".venv/bin/netemu",
            "exec",
            "-it",
            "shell-1",
            "--",
            "sh",
            "-c",
            "test -t 0 && stty size && echo hears && read x && echo got $x",
        ],
        env={**os.environ, "NETEMU_CLUSTER": cluster.name},
        stdin=follower,
        stdout=follower,
        stderr=follower,
    )
    os.close(follower)
    seen = b""
    while b"hears" not in seen:
        seen += os.read(leader, 4096)
    os.write(leader, b"word\r")
    while b"got word" not in seen:
        seen += os.read(leader, 4096)

    assert shell.wait(timeout=60) == 0
    os.close(leader)


def test_a_command_that_is_not_there_is_told(cluster):
    done = cluster.inside("shell-1", "no-such-program")

    assert done.returncode != 0
    assert "no-such-program" in done.stderr


def test_logs_are_what_the_container_wrote(cluster, namespace):
    cluster.apply(
        """
apiVersion: v1
kind: Pod
metadata: {name: talker}
spec:
  restartPolicy: Never
  containers:
  - name: c
    image: busybox
    command: [sh, -c, "for i in 1 2 3; do echo line $i; done; echo oops >&2; exit 3"]
""",
        namespace,
    )
    cluster.wait("jsonpath={.status.phase}=Failed", "pod/talker", "-n", namespace)

    assert sorted(cluster.ok("logs", "talker", "-n", namespace).splitlines()) == [
        "line 1",
        "line 2",
        "line 3",
        "oops",
    ]
    assert len(cluster.ok("logs", "talker", "-n", namespace, "--tail", "1").splitlines()) == 1
    assert cluster.ok("logs", "-f", "talker", "-n", namespace).count("line") == 3
    stamped = cluster.ok("logs", "talker", "-n", namespace, "--timestamps").splitlines()
    assert all(line[4] == "-" and "T" in line.split()[0] for line in stamped)
    state = cluster.get("pod", "talker", "-n", namespace)["status"]["containerStatuses"][0]["state"]
    assert state["terminated"]["exitCode"] == 3


def test_env_and_args_reach_the_process(cluster, namespace):
    cluster.apply(
        """
apiVersion: v1
kind: Pod
metadata: {name: env}
spec:
  restartPolicy: Never
  containers:
  - name: c
    image: busybox
    command: [sh, -c]
    args: ['echo "$(GREETING) from $ME at $IP"']
    env:
    - {name: GREETING, value: hello}
    - {name: ME, valueFrom: {fieldRef: {fieldPath: metadata.name}}}
    - {name: IP, valueFrom: {fieldRef: {fieldPath: status.podIP}}}
""",
        namespace,
    )
    cluster.wait("jsonpath={.status.phase}=Succeeded", "pod/env", "-n", namespace)

    assert cluster.ok("logs", "env", "-n", namespace).startswith("hello from env at 10.244.")


def test_killing_pid_1_of_a_stand_in_restarts_its_container(cluster, namespace, eventually):
    cluster.ok("run", "victim", "--image", "nginx", "--port", "80", "-n", namespace)
    cluster.wait("condition=Ready", "pod/victim", "-n", namespace)
    address = cluster.field(".status.podIP", "pod", "victim", "-n", namespace)

    cluster.inside("victim", "kill", "-9", "1", namespace=namespace)
    cluster.inside("victim", "kill", "-TERM", "1", namespace=namespace)

    eventually(
        lambda: cluster.get("pod", "victim", "-n", namespace)["status"]["containerStatuses"][0][
            "restartCount"
        ],
        lambda count: count >= 1,
    )
    cluster.wait("condition=Ready", "pod/victim", "-n", namespace)
    assert cluster.field(".status.podIP", "pod", "victim", "-n", namespace) == address
    eventually(lambda: "Pod: victim" in cluster.inside("shell-1", "curl", "-s", f"http://{address}/").stdout)


def test_an_unknown_image_names_the_catalogue(cluster, namespace, eventually):
    cluster.ok("run", "unknown", "--image", "registry.example/team/unheard-of:1", "-n", namespace)

    def reason():
        statuses = cluster.get("pod", "unknown", "-n", namespace)["status"].get("containerStatuses") or [{}]
        return (statuses[0].get("state") or {}).get("waiting") or {}

    eventually(reason, lambda found: found.get("reason") in {"ErrImagePull", "ImagePullBackOff"})
    eventually(lambda: "catalogue" in cluster.ok("describe", "pod", "unknown", "-n", namespace))


def test_the_machine_s_programs_are_there(cluster):
    for program in ("curl", "dig", "ip", "nc", "ping", "python3", "tcpdump"):
        assert cluster.inside("shell-1", "sh", "-c", f"command -v {program}").returncode == 0
