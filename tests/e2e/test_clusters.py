"""Clusters come, go, die and return, and leave no trace."""

import json
import os
import signal
import subprocess
from pathlib import Path

import pytest


def _machine():
    """Give everything of this machine's own network that must not change."""
    commands = (
        ["ip", "-o", "address"],
        ["ip", "route", "show", "table", "all"],
        ["ip", "-6", "route", "show", "table", "all"],
        ["ip", "rule"],
        ["nft", "list", "ruleset"],
        ["bridge", "link"],
    )
    seen = {
        " ".join(command): subprocess.run(command, capture_output=True, text=True, check=True).stdout
        for command in commands
    }
    modules = Path("/proc/modules")
    lines = modules.read_text().splitlines() if modules.exists() else []
    seen["modules"] = sorted(line.split()[0] for line in lines)
    seen["sysctls"] = _sysctls()
    return seen


def _sysctls():
    """Read the settings of the network that are the same all day."""
    kept = (
        "net.ipv4.ip_forward",
        "net.ipv4.neigh.default.gc_thresh3",
        "net.ipv4.conf.all.rp_filter",
        "net.ipv4.ip_local_port_range",
    )
    kept += (
        "net.bridge.bridge-nf-call-iptables",
        "net.ipv6.conf.all.forwarding",
        "kernel.hostname",
        "fs.inotify.max_user_instances",
    )
    files = {name: Path("/proc/sys", name.replace(".", "/")) for name in kept}
    return {name: file.read_text() for name, file in files.items() if file.exists()}


def _traces(name):
    """Find whatever carries a cluster's name: namespaces, links, mounts, processes, files."""
    found = [entry for entry in os.listdir("/run/netns") if entry.startswith(f"ne-{name}-")]
    found += [line for line in Path("/proc/self/mountinfo").read_text().splitlines() if name in line]
    links = subprocess.run(["ip", "-d", "link"], capture_output=True, text=True, check=True).stdout
    found += [line for line in links.splitlines() if name in line]
    found += [path for path in (f"/run/netemu/{name}", f"/var/lib/netemu/{name}") if os.path.exists(path)]
    return found + [command for command in _commands() if f"/{name}" in command or f"ne-{name}-" in command]


def _commands():
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            yield Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue


def _answers(handle, shell="shell-1"):
    return "Pod: web-" in handle.inside(shell, "curl", "-s", "--max-time", "20", "http://web/").stdout


def _fill(handle, manifests):
    handle.apply(manifests / "tests/world.yaml")
    handle.wait("condition=Ready", "pod", "--all")
    handle.ok("rollout", "status", "deployment/web")


def _addresses(handle):
    return {pod["metadata"]["name"]: pod["status"]["podIP"] for pod in handle.get("pods", "-A")}


def test_coming_and_going_leaves_the_machine_as_it_was(netemu, manifests):
    before, handle = _machine(), netemu()

    handle.ok("up")
    _fill(handle, manifests)
    assert _machine() == before
    handle.ok("down")

    assert _machine() == before
    assert _traces(handle.name) == []


def test_down_removes_everything_after_every_process_was_killed(netemu, manifests):
    handle = netemu()
    handle.ok("up", "--nodes", "2")
    handle.ok("create", "deployment", "web", "--image", "nginx", "--replicas", "4")
    handle.ok("rollout", "status", "deployment/web")

    for pid in handle.processes().values():
        os.kill(pid, signal.SIGKILL)
    handle.ok("down")

    assert _traces(handle.name) == []


def test_down_removes_what_is_left_of_a_half(netemu):
    handle = netemu()
    handle.ok("up", "--nodes", "2")
    for pid in handle.processes().values():
        os.kill(pid, signal.SIGKILL)
    subprocess.run(["ip", "netns", "delete", f"ne-{handle.name}-node-1"], check=True)

    handle.ok("down")

    assert _traces(handle.name) == []


def test_down_twice_and_down_of_nothing_are_no_errors(netemu):
    handle = netemu()

    assert handle.run("down").returncode == 0
    handle.ok("up", "--nodes", "1")
    handle.ok("down")
    assert handle.run("down").returncode == 0


def test_up_twice_is_one_cluster(netemu):
    handle = netemu()
    handle.ok("up", "--nodes", "2")
    before = (_addresses(handle), handle.processes()["daemon"])

    handle.ok("up")
    handle.ok("up", "--nodes", "2")

    assert (_addresses(handle), handle.processes()["daemon"]) == before


def test_other_settings_for_a_cluster_that_runs_are_refused_by_name(netemu):
    handle = netemu()
    handle.ok("up", "--nodes", "2")

    errors = handle.fails("up", "--nodes", "3", "--pod-cidr", "10.200.0.0/16")

    assert "--nodes is 2, not 3" in errors
    assert "--pod-cidr is 10.244.0.0/16, not 10.200.0.0/16" in errors
    assert len(handle.get("nodes")) == 2


def test_two_clusters_run_side_by_side(netemu):
    one, two = netemu(), netemu()
    for handle, image in ((one, "nginx"), (two, "whoami")):
        handle.ok("up", "--nodes", "2")
        handle.ok("create", "deployment", f"only-{image}", "--image", image, "--port", "80")
        handle.ok("rollout", "status", f"deployment/only-{image}")

    assert "only-whoami" not in one.ok("get", "pods")
    one.ok("down")
    assert "only-whoami" in two.ok("get", "pods")
    assert two.status()["state"] == "running"


def test_a_killed_daemon_leaves_pods_and_connections_and_finds_them_again(netemu, manifests, eventually):
    handle = netemu()
    handle.ok("up")
    _fill(handle, manifests)
    handle.apply(manifests / "tests/keeper.yaml")
    handle.wait("condition=Ready", "pod/keeper")
    eventually(lambda: "answer 5\n" in handle.ok("logs", "keeper"))
    before = _addresses(handle)
    port = handle.field(".spec.ports[0].nodePort", "service", "web")
    pids = handle.processes()

    os.kill(pids["daemon"], signal.SIGKILL)
    answer = handle.on("outside", "curl", "-s", "--max-time", "20", f"http://172.30.0.11:{port}/")
    assert "Pod: web-" in answer.stdout  # rules and stand-ins need no daemon
    handle.ok("up")

    assert _addresses(handle) == before
    after = handle.processes()
    assert {name: pid for name, pid in after.items() if name != "daemon"} == {
        name: pid for name, pid in pids.items() if name != "daemon"
    }
    lines = len(handle.ok("logs", "keeper").splitlines())
    eventually(lambda: len(handle.ok("logs", "keeper").splitlines()) > lines + 5)
    assert handle.field(".status.phase", "pod", "keeper") == "Running"
    assert {pod["status"]["containerStatuses"][0]["restartCount"] for pod in handle.get("pods", "-A")} == {0}


def test_what_changed_while_the_daemon_was_away_is_made_good(netemu, manifests, eventually):
    handle = netemu()
    handle.ok("up", "--nodes", "2")
    handle.ok("create", "deployment", "web", "--image", "nginx", "--replicas", "2", "--port", "80")
    handle.ok("rollout", "status", "deployment/web")
    processes = handle.processes()

    os.kill(processes["daemon"], signal.SIGKILL)
    os.kill(processes["standin"], signal.SIGKILL)
    handle.ok("up")

    handle.ok("rollout", "status", "deployment/web")
    handle.ok("expose", "deployment", "web", "--type", "NodePort")
    port = handle.field(".spec.ports[0].nodePort", "service", "web")
    eventually(lambda: handle.on("outside", "curl", "-s", "-m", "5", f"http://172.30.0.11:{port}/").stdout)


@pytest.mark.parametrize("victim", ["standin", "shim-node-1", "dns"])
def test_each_helper_comes_back_when_it_is_killed(netemu, manifests, eventually, victim):
    handle = netemu()
    handle.ok("up")
    _fill(handle, manifests)
    pid = handle.processes()[victim]

    os.kill(pid, signal.SIGKILL)

    eventually(lambda: handle.processes().get(victim) not in {None, pid})
    eventually(lambda: _answers(handle))
    eventually(lambda: _answers(handle, "shell-2"))
    handle.wait("condition=Ready", "pod", "--all")
    handle.wait("condition=Ready", "pod", "--all", "-n", "kube-system")


def test_without_a_cni_pods_wait_until_one_is_installed(netemu, eventually):
    handle = netemu()
    handle.ok("up", "--cni", "none", "--nodes", "2")
    handle.ok("run", "p", "--image", "whoami")

    nodes = handle.get("nodes")
    ready = [next(c for c in node["status"]["conditions"] if c["type"] == "Ready") for node in nodes]
    assert {condition["status"] for condition in ready} == {"False"}
    assert all("cni plugin not initialized" in condition["message"] for condition in ready)
    eventually(lambda: "ContainerCreating" in handle.ok("get", "pod", "p"))
    eventually(lambda: "cni plugin not initialized" in handle.ok("describe", "pod", "p"))

    handle.ok("cni", "install")

    handle.wait("condition=Ready", "nodes", "--all")
    handle.wait("condition=Ready", "pod/p")
    handle.wait("condition=Ready", "pod", "--all", "-n", "kube-system")


# A plugin of somebody else's, in a language that looks itself up in /proc by its number, as Go does.
PLUGIN = """#!/bin/sh
readlink /proc/$$/task/$$/ns/net >/dev/null || { echo '{"code": 100, "msg": "not in /proc"}'; exit 1; }
exec /opt/cni/bin/netemu-bridge
"""
CONFIGURATION = """{"cniVersion": "1.0.0", "name": "theirs", "plugins": [
  {"type": "theirs", "bridge": "cni0", "isDefaultGateway": true, "hairpinMode": true,
   "ipam": {"type": "netemu-ipam", "ranges": [[{"subnet": "{{.PodCIDR}}"}]]}}]}"""


def test_plugins_of_others_wire_pods(netemu, tmp_path, eventually):
    handle, file = netemu(), tmp_path / "10-theirs.conflist"
    file.write_text(CONFIGURATION)
    assert "there is no plugin 'theirs'" in handle.fails("up", "--cni", str(file))
    assert handle.run("status").returncode == 1
    (tmp_path / "theirs").write_text(PLUGIN)
    (tmp_path / "theirs").chmod(0o755)

    handle.ok("up", "--nodes", "2", "--cni", str(file))

    handle.ok("create", "deployment", "web", "--image", "nginx", "--port", "80", "--replicas", "2")
    handle.ok("expose", "deployment", "web")
    handle.ok("run", "shell-1", "--image", "busybox")
    handle.wait("condition=Ready", "pod", "--all")
    eventually(lambda: _answers(handle))


def test_the_cluster_domain_is_a_setting(netemu, eventually):
    handle = netemu()
    handle.ok("up", "--cluster-domain", "k8sprod.adaltas.cloud", "--nodes", "2")
    handle.ok("create", "namespace", "prodns")
    handle.ok("create", "deployment", "mysql", "--image", "echo", "--port", "3306", "-n", "prodns")
    handle.ok("expose", "deployment", "mysql", "--port", "3306", "-n", "prodns")
    handle.ok("run", "shell", "--image", "busybox", "--command", "--", "sleep", "infinity")
    handle.wait("condition=Ready", "pod/shell")
    address = handle.field(".spec.clusterIP", "service", "mysql", "-n", "prodns")

    for name in ("mysql.prodns.svc.k8sprod.adaltas.cloud", "mysql.prodns"):
        eventually(lambda name=name: address in handle.inside("shell", "getent", "hosts", name).stdout)
    answer = handle.inside("shell", "dig", "mysql.prodns.svc.cluster.local").stdout
    assert address not in answer


@pytest.mark.parametrize("options", [["--overlay", "host-gw"], ["--overlay", "vxlan"]])
def test_both_overlays_carry_pods_between_nodes(netemu, manifests, eventually, options):
    handle = netemu()
    handle.ok("up", *options)
    _fill(handle, manifests)

    for shell in ("shell-1", "shell-2", "shell-3"):
        eventually(lambda shell=shell: _answers(handle, shell))
    for pod in handle.get("pods", "-l", "app=web"):
        words = ("curl", "-s", "-m", "5", f"http://{pod['status']['podIP']}:8080/")
        name = pod["metadata"]["name"]
        eventually(
            lambda words=words: handle.inside("shell-1", *words).stdout, lambda said, n=name: n in said
        )


def test_settings_come_from_a_file(netemu, tmp_path):
    handle = netemu()
    file = tmp_path / "cluster.yaml"
    file.write_text(f"name: {handle.name}\nnodes: 1\nmaxPods: 20\nserviceCidr: 10.50.0.0/16\n")

    handle.ok("up", "--config", str(file), "--max-pods", "30")

    settings = handle.status()["settings"]
    assert (settings["nodes"], settings["maxPods"], settings["serviceCidr"]) == (1, 30, ["10.50.0.0/16"])
    assert handle.field(".spec.clusterIP", "service", "kube-dns", "-n", "kube-system") == "10.50.0.10"
    assert "maxPods" not in handle.fails("up", "--config", str(file), "--nodes", "2")


def test_a_reboot_brings_the_cluster_back_with_its_addresses(netemu, manifests, eventually):
    handle = netemu()
    handle.ok("up", "--nodes", "2")
    handle.ok("create", "deployment", "web", "--image", "nginx", "--replicas", "3", "--port", "80")
    handle.ok("rollout", "status", "deployment/web")
    services = {s["metadata"]["name"]: s["spec"]["clusterIP"] for s in handle.get("services", "-A")}

    # What a reboot takes: every process, every namespace, and /run.
    for pid in handle.processes().values():
        os.kill(pid, signal.SIGKILL)
    for name in [n for n in os.listdir("/run/netns") if n.startswith(f"ne-{handle.name}-")]:
        subprocess.run(["ip", "netns", "delete", name], check=True)
    subprocess.run(["rm", "-rf", f"/run/netemu/{handle.name}"], check=True)
    handle.ok("up")

    assert {s["metadata"]["name"]: s["spec"]["clusterIP"] for s in handle.get("services", "-A")} == services
    handle.ok("rollout", "status", "deployment/web")
    handle.wait("condition=Ready", "pod", "--all")


def test_host_access_lets_the_shell_reach_nodes(manifests):
    """In a private network namespace: the machine's own stays as it is."""
    script = """
        mount -t tmpfs tmpfs /run && mount -t tmpfs tmpfs /var/lib && ip link set lo up
        export NETEMU_CLUSTER=e2e-private KUBECONFIG=/run/kubeconfig
        trap '.venv/bin/netemu down' EXIT
        .venv/bin/netemu up --nodes 1 --host-access
        .venv/bin/netemu create deployment web --image nginx --port 80
        .venv/bin/netemu expose deployment web --type NodePort
        .venv/bin/netemu rollout status deployment/web
        port=$(.venv/bin/netemu get service web -o jsonpath='{.spec.ports[0].nodePort}')
        curl -s --retry 10 --retry-all-errors --retry-delay 1 http://172.30.0.11:$port/
        .venv/bin/netemu down
        trap - EXIT
        ip -o link
    """
    private = ["unshare", "--net", "--mount", "--pid", "--fork", "--mount-proc", "--kill-child"]
    done = subprocess.run(
        [*private, "sh", "-euc", script], capture_output=True, text=True, check=False, timeout=120
    )

    assert done.returncode == 0, done.stdout + done.stderr
    assert "Pod: web-" in done.stdout
    assert done.stdout.splitlines()[-1].startswith("1: lo:")


def test_status_is_for_people_and_programs(cluster):
    text, document = cluster.ok("status"), json.loads(cluster.ok("status", "-o", "json"))

    assert f"{cluster.name}, running" in text
    assert {node["name"] for node in document["nodes"]} == {"node-1", "node-2", "node-3", "outside", "fabric"}
    assert {"daemon", "standin", "shim-node-1", "shim-node-2", "shim-node-3", "dns"} == set(
        cluster.processes()
    )


def test_doctor_has_nothing_to_complain_of(cluster):
    assert "nftables nat" in cluster.ok("doctor")


def _mounts():
    """Give the machine's mounts, but for named namespaces: those of other clusters come and go."""
    lines = Path("/proc/self/mountinfo").read_text().splitlines()
    return sorted(line.split(" ", 2)[2] for line in lines if "/run/netns" not in line)


@pytest.mark.timeout(600)
def test_fifty_comings_and_goings_leave_nothing(netemu):
    machine, mounts, handle = _machine(), _mounts(), netemu()

    for number in range(50):
        handle.ok("up", "--nodes", "2")
        killed = list(handle.processes().values())[: number % 3 * 2]  # none, some, most of them
        for pid in killed:
            os.kill(pid, signal.SIGKILL)
        handle.ok("down")
        assert _traces(handle.name) == []

    assert _machine() == machine
    assert _mounts() == mounts
