"""What containers may, use and see, by kubectl: users, groups, limits, whose processes."""

import pytest


@pytest.fixture(scope="module")
def kubectl(new_kubectl, manifests):
    """A kubectl whose namespace has the pods of the manifest, all started that can be."""
    new_kubectl.ok("apply", "-f", str(manifests / "tests/containers.yaml"))
    new_kubectl.ok("wait", "--for=condition=Ready", "--timeout=120s", "pod/user", "pod/shared", "pod/web")
    return new_kubectl


def test_a_container_is_who_its_pod_says_and_writes_where_its_group_may(kubectl, tmp_path):
    script = "id; cd /disk; touch x; stat -c '%u %g' x; touch /tmp/x || touch /memory/x && hostname"
    said = kubectl.ok("exec", "user", "--", "sh", "-c", f"({script}) 2>&1").splitlines()

    assert said == [
        "uid=1000(1000) gid=3000 groups=3000,2000",
        "1000 2000",
        "touch: cannot touch '/tmp/x': Read-only file system",
        f"h.s.{kubectl.namespace}.svc.cluster.local",
    ]


def test_files_are_copied_as_the_containers_user(kubectl, tmp_path):
    (tmp_path / "file").write_text("mine\n")
    kubectl.ok("cp", str(tmp_path / "file"), "user:/disk/file")

    said = kubectl.ok("exec", "user", "--", "sh", "-c", "stat -c %u /disk/file; cat /disk/file")

    assert said.split() == ["1000", "mine"]


def test_sysctls_of_the_network_are_the_pods_and_volumes_that_are_memory_have_a_size(kubectl):
    script = "cat /proc/sys/net/ipv4/tcp_fin_timeout; stat -f -c %T /memory; df -k --output=size /memory"

    assert kubectl.ok("exec", "user", "--", "sh", "-c", script).split() == [
        "33",
        "tmpfs",
        "1K-blocks",
        "1024",
    ]


def test_containers_that_share_processes_see_each_other(kubectl):
    processes = kubectl.ok("exec", "shared", "-c", "web", "--", "ps", "ax", "-o", "args")

    assert "pause" in processes.splitlines()[1]
    assert "sleep 4321" in processes


def test_a_debugging_container_sees_the_processes_of_its_target(kubectl, eventually):
    words = ("web", "--image=busybox", "--target=web", "-c", "look")
    kubectl.ok("debug", *words, "--", "sh", "-c", "ps ax -o args; exec sleep infinity")

    said = eventually(lambda: kubectl.run("logs", "web", "-c", "look").stdout, lambda text: "ps ax" in text)
    assert said.splitlines()[1].startswith("/bin/sh -c trap")


def test_a_node_can_be_debugged(kubectl, eventually):
    script = "ls /host; hostname; ip -br link show cni0; exec sleep infinity"
    kubectl.ok("debug", "node/node-1", "--image=busybox", "--", "sh", "-c", script)
    pods = kubectl.ok("get", "pods", "-o", "name").split()
    (pod,) = (name for name in pods if "node-debugger" in name)

    said = eventually(lambda: kubectl.run("logs", pod).stdout, lambda text: "cni0" in text)

    assert {"etc", "usr", "var", "node-1"} <= set(said.split())
    assert {"root", "home", "pods"}.isdisjoint(said.split())


def test_a_container_that_must_not_be_root_waits_with_kubernetes_words(kubectl, eventually):
    waiting = eventually(
        lambda: kubectl.read(".status.containerStatuses[0].state.waiting", "pod", "not-root"),
        lambda text: "Error" in text,
    )

    assert "CreateContainerConfigError" in waiting
    assert "container has runAsNonRoot and image will run as root (pod:" in waiting


def test_a_pod_with_a_sysctl_of_the_kernel_is_refused(kubectl, eventually):
    reason = eventually(lambda: kubectl.read(".status.reason", "pod", "forbidden"))
    message = kubectl.read(".status.message", "pod", "forbidden")

    assert reason == "SysctlForbidden"
    assert 'forbidden sysctl: "kernel.msgmax" not allowlisted' in message


def test_a_container_that_fills_its_disk_is_told_so_and_goes_on(kubectl, eventually):
    eventually(lambda: kubectl.read(".status.phase", "pod", "full"), "Succeeded".__eq__)

    said = kubectl.ok("logs", "full")

    assert "No space left on device" in said
    assert said.endswith("1\ngoes on\n")
