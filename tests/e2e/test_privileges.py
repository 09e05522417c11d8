"""What pods may that ask for more than the default: privileged, with users of their own, debugging."""

import json
from functools import partial

import pytest

POD = """
apiVersion: v1
kind: Pod
metadata: {{name: {name}}}
spec:
  {spec}
  terminationGracePeriodSeconds: 0
  containers:
    - name: box
      image: busybox
      command: [sleep, infinity]
      securityContext: {context}
      volumeMounts: [{{name: data, mountPath: /data}}]
  volumes: [{{name: data, emptyDir: {{}}}}]
---
"""
PODS = "".join(
    (
        POD.format(name="web", spec="restartPolicy: Always", context="{}"),
        POD.format(name="privileged", spec="restartPolicy: Always", context="{privileged: true}"),
        POD.format(name="shared", spec="shareProcessNamespace: true", context="{privileged: true}"),
        POD.format(name="mapped", spec="hostUsers: false", context="{procMount: Unmasked}"),
        POD.format(name="daemon", spec="hostNetwork: true", context="{privileged: true}"),
    )
)
PROFILES = ("legacy", "general", "baseline", "restricted", "netadmin", "sysadmin")


@pytest.fixture(scope="module")
def kubectl(new_kubectl):
    new_kubectl.ok("apply", "-f", "-", stdin=PODS)
    new_kubectl.ok("wait", "--for=condition=Ready", "pod", "--all", "--timeout=120s")
    return new_kubectl


def inside(kubectl, pod, script):
    return kubectl.ok("exec", pod, "--", "sh", "-c", f"({script}) 2>&1").split()


@pytest.mark.parametrize("pod", ["privileged", "shared"])
def test_a_privileged_pod_may_mount_trace_and_change_its_network(kubectl, pod):
    script = """
        mount -t tmpfs none /mnt && echo mounted
        ip link add br9 type bridge && ip link show br9 >/dev/null && echo linked
        setpriv --reuid=1000 --clear-groups sleep 30 >/dev/null 2>&1 & readlink /proc/$!/cwd
        echo x >/data/file && stat -c %u /data/file
        getent hosts kubernetes.default | wc -l
    """
    assert inside(kubectl, pod, script) == ["mounted", "linked", "/", "0", "1"]
    assert "CapabilitiesNotGiven" not in kubectl.ok("events", "--for", f"pod/{pod}")


def test_a_pod_with_users_of_its_own_is_root_there_alone(kubectl):
    script = "cat /proc/self/uid_map; id -u; echo x >/data/file; stat -c %u /data/file"
    first, here, count, *root = inside(kubectl, "mapped", script)

    assert (first, count, root) == ("0", "65536", ["0", "0"])
    assert int(here) >= 65536
    assert inside(kubectl, "web", "cat /proc/self/uid_map") == ["0", "0", "4294967295"]


def test_a_daemon_of_a_node_may_change_its_network_and_is_told_what_it_may_not(kubectl):
    script = """
        ip link add nb9 type bridge && ip link del nb9 && echo changed
        mount -t tmpfs none /mnt 2>/dev/null || echo refused
    """

    assert inside(kubectl, "daemon", script) == ["changed", "refused"]
    said = kubectl.ok("events", "--for", "pod/daemon")
    assert "privileged (here: the default capabilities, IPC_LOCK, IPC_OWNER, LEASE, NET_ADMIN" in said


def test_every_profile_of_kubectl_debug_gives_a_shell(kubectl, eventually, tmp_path):
    shell = ("--", "sh", "-c", "ip -br addr show eth0; echo shell of $(id -u)")
    for profile in PROFILES:
        asked = (
            "--profile",
            profile,
            "--custom",
            custom(tmp_path, profile),
            "--image=busybox",
            "-c",
            profile,
        )
        kubectl.ok("debug", "web", *asked, *shell)

    for profile in PROFILES:
        look = partial(kubectl.run, "logs", "web", "-c", profile)
        assert "eth0" in eventually(look, lambda done: "shell of" in done.stdout).stdout


def custom(directory, profile):
    """Say who somebody is where a profile forbids to be root; kubectl leaves that to people."""
    path = directory / profile
    path.write_text(json.dumps({"securityContext": {"runAsUser": 1000}} if profile == "restricted" else {}))
    return str(path)


def test_a_node_is_debugged_with_the_power_over_its_network(kubectl, eventually):
    script = "sysctl -w net.ipv4.ip_forward=1; ls /host; echo end"
    asked = ("--profile", "sysadmin", "--image=busybox")
    kubectl.ok("debug", "node/node-1", *asked, "--", "sh", "-c", script)
    (pod,) = (name for name in kubectl.ok("get", "pods", "-o", "name").split() if "node-debugger" in name)
    said = eventually(lambda: kubectl.run("logs", pod), lambda done: "end" in done.stdout).stdout

    assert "net.ipv4.ip_forward = 1" in said
    assert "etc" in said.split()
