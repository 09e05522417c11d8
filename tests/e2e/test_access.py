"""The API over TLS: for the machine's users, for pods, and for nobody without a credential."""

from __future__ import annotations

import json
import os
import shutil
import signal
import ssl
import subprocess
import urllib.error
import urllib.request

import pytest

SECRETS = "/var/run/secrets/kubernetes.io/serviceaccount"
CURL = (
    f"curl -sS --max-time 20 --cacert {SECRETS}/ca.crt"
    f' -H "Authorization: Bearer $(cat {SECRETS}/token)" https://kubernetes.default.svc'
)
PYTHON = f"""
import json, os, ssl, urllib.request
where = f"https://{{os.environ['KUBERNETES_SERVICE_HOST']}}:{{os.environ['KUBERNETES_SERVICE_PORT']}}"
token = open("{SECRETS}/token").read()
request = urllib.request.Request(where + "/api/v1/namespaces/default/pods")
request.add_header("Authorization", "Bearer " + token)
trusted = ssl.create_default_context(cafile="{SECRETS}/ca.crt")
print(json.load(urllib.request.urlopen(request, context=trusted, timeout=30))["kind"])
"""
SHELL = {"image": "busybox", "command": ["sleep", "3600"]}


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """Where kubectl keeps its cache, instead of in the home of who runs the tests."""
    return {**os.environ, "HOME": str(tmp_path_factory.mktemp("home"))}


@pytest.fixture(scope="module")
def config(cluster, home):
    """The kubeconfig that ``up`` wrote, as JSON."""
    done = subprocess.run(
        ["kubectl", "config", "view", "--raw", "-o", "json", "--kubeconfig", str(cluster.kubeconfig)],
        env=home,
        capture_output=True,
        text=True,
        check=True,
    )
    return json.loads(done.stdout)


@pytest.fixture(scope="module")
def kubectl(cluster, home):
    """Run the machine's kubectl with the kubeconfig that ``up`` wrote."""
    assert shutil.which("kubectl"), "these tests run the real kubectl"

    def run(*words, stdin=""):
        return subprocess.run(
            ["kubectl", *words],
            input=stdin,
            env={**home, "KUBECONFIG": str(cluster.kubeconfig)},
            capture_output=True,
            text=True,
            timeout=180,
            check=False,
        )

    return run


@pytest.fixture
def shell(cluster, namespace):
    """Make a pod that sleeps; ``spec`` is added to it, ``container`` to its container."""

    def make(name="shell", container=None, **spec):
        pod = {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {"name": name, "namespace": namespace, "labels": {"app": name}},
            "spec": {
                "terminationGracePeriodSeconds": 0,
                "containers": [{"name": "c", **SHELL, **(container or {})}],
                **spec,
            },
        }
        cluster.apply(json.dumps(pod), namespace)
        return name

    return make


@pytest.fixture
def inside(cluster, namespace):
    """Run a shell command in a pod, and give what it printed."""

    def run(pod, command):
        done = cluster.inside(pod, "sh", "-c", command, namespace=namespace)
        assert done.returncode == 0, done.stderr
        return done.stdout

    return run


def test_kubectl_finds_the_cluster_and_may_do_everything(kubectl, cluster):
    assert kubectl("config", "current-context").stdout.strip() == f"netemu-{cluster.name}"
    assert "node-1" in kubectl("get", "nodes").stdout
    assert kubectl("auth", "can-i", "delete", "nodes").stdout.strip() == "yes"


def test_commands_and_logs_of_pods_come_over_tls(kubectl, shell, cluster, namespace, eventually):
    shell(container={"command": ["sh", "-c", "echo hello; sleep 3600"]})
    cluster.wait("condition=Ready", "-n", namespace, "pod/shell")

    assert kubectl("exec", "-n", namespace, "shell", "--", "echo", "hi").stdout == "hi\n"
    eventually(lambda: kubectl("logs", "-n", namespace, "shell").stdout, "hello\n".__eq__)


@pytest.mark.parametrize(("path", "status"), [("/version", 200), ("/api/v1/namespaces", 401)])
def test_who_has_no_credential_learns_the_version_and_nothing_else(config, tmp_path, path, status):
    tls = ssl.create_default_context()
    tls.check_hostname, tls.verify_mode = False, ssl.CERT_NONE
    try:
        answered = urllib.request.urlopen(
            config["clusters"][0]["cluster"]["server"] + path, context=tls, timeout=30
        ).status
    except urllib.error.HTTPError as err:
        answered = err.code

    assert answered == status


def test_a_pod_reaches_the_api_by_its_name_with_its_own_token(shell, cluster, namespace, inside):
    shell()
    cluster.wait("condition=Ready", "-n", namespace, "pod/shell")

    listed = json.loads(inside("shell", f"{CURL}/api/v1/namespaces/{namespace}/pods"))
    assert [pod["metadata"]["name"] for pod in listed["items"]] == ["shell"]
    assert inside("shell", f"cat {SECRETS}/namespace") == namespace


def test_a_client_library_in_a_pod_finds_its_cluster(shell, cluster, namespace):
    shell()
    cluster.wait("condition=Ready", "-n", namespace, "pod/shell")
    done = cluster.inside("shell", "python3", "-c", PYTHON, namespace=namespace)

    assert done.stdout == "PodList\n", done.stderr


def test_the_apis_endpoint_is_an_address_of_the_fabric(cluster):
    (endpoint,) = cluster.get("endpointslices", "kubernetes")["endpoints"]

    assert endpoint["addresses"] == ["172.30.0.2"]
    assert cluster.field(".subsets[0].addresses[0].ip", "endpoints", "kubernetes") == "172.30.0.2"


def test_a_pod_that_wants_no_token_has_none(shell, cluster, namespace):
    shell(automountServiceAccountToken=False)
    cluster.wait("condition=Ready", "-n", namespace, "pod/shell")

    assert cluster.inside("shell", "ls", SECRETS, namespace=namespace).returncode != 0


def test_config_maps_and_secrets_are_files_in_pods(kubectl, shell, cluster, namespace, inside):
    kubectl("create", "configmap", "conf", "--from-literal=key=value", "-n", namespace)
    kubectl("create", "secret", "generic", "keys", "--from-literal=password=hunter2", "-n", namespace)
    shell(
        container={
            "volumeMounts": [
                {"name": "conf", "mountPath": "/conf"},
                {"name": "conf", "mountPath": "/etc/one.conf", "subPath": "key"},
                {"name": "keys", "mountPath": "/keys"},
                {"name": "scratch", "mountPath": "/scratch"},
            ]
        },
        volumes=[
            {"name": "conf", "configMap": {"name": "conf"}},
            {"name": "keys", "secret": {"secretName": "keys", "defaultMode": 0o400}},
            {"name": "scratch", "emptyDir": {}},
        ],
    )
    cluster.wait("condition=Ready", "-n", namespace, "pod/shell")

    assert inside("shell", "cat /conf/key /etc/one.conf /keys/password") == "valuevaluehunter2"
    assert inside("shell", "stat -Lc %a /keys/password").strip() == "400"
    assert inside("shell", "echo x > /scratch/y && cat /scratch/y") == "x\n"
    assert cluster.inside("shell", "touch", "/conf/z", namespace=namespace).returncode != 0


def test_files_in_a_pod_follow_their_config_map(kubectl, shell, cluster, namespace, inside, eventually):
    kubectl("create", "configmap", "conf", "--from-literal=key=old", "-n", namespace)
    shell(
        container={"volumeMounts": [{"name": "conf", "mountPath": "/conf"}]},
        volumes=[{"name": "conf", "configMap": {"name": "conf"}}],
    )
    cluster.wait("condition=Ready", "-n", namespace, "pod/shell")
    patch = json.dumps({"data": {"key": "new"}})
    kubectl("patch", "configmap", "conf", "-n", namespace, "--type=merge", "-p", patch)

    assert eventually(lambda: inside("shell", "cat /conf/key"), lambda seen: seen != "old") == "new"


def test_a_pod_waits_for_its_config_map_and_says_so(kubectl, shell, cluster, namespace, eventually):
    shell(
        container={"volumeMounts": [{"name": "conf", "mountPath": "/conf"}]},
        volumes=[{"name": "conf", "configMap": {"name": "late"}}],
    )

    def events():
        return kubectl("get", "events", "-n", namespace).stdout

    eventually(events, lambda seen: 'volume "conf" : configmap "late" not found' in seen)
    reason = "{.status.containerStatuses[0].state.waiting.reason}"
    found = kubectl("get", "pod", "shell", "-n", namespace, "-o", f"jsonpath={reason}")
    assert found.stdout == "ContainerCreating"

    kubectl("create", "configmap", "late", "--from-literal=key=value", "-n", namespace)
    cluster.wait("condition=Ready", "-n", namespace, "pod/shell")


def test_a_token_can_be_had_and_asked_about(kubectl, namespace):
    token = kubectl("create", "token", "default", "-n", namespace).stdout.strip()
    review = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenReview", "spec": {"token": token}}

    answer = kubectl("create", "-f", "-", "-o", "json", stdin=json.dumps(review)).stdout

    user = json.loads(answer)["status"]["user"]
    assert user["username"] == f"system:serviceaccount:{namespace}:default"


def test_roles_are_enforced_where_that_is_asked_for_and_all_is_kept_over_a_restart(netemu, home, eventually):
    other = netemu()
    ranges = ("--host-cidr", "172.29.0.0/16", "--pod-cidr", "10.210.0.0/16", "--service-cidr", "10.97.0.0/16")
    other.ok("up", "--nodes", "1", "--authorization", "RBAC", *ranges)
    before = other.kubeconfig.read_text()

    def kubectl(*words):
        return subprocess.run(
            ["kubectl", "--kubeconfig", str(other.kubeconfig), *words],
            env=home,
            capture_output=True,
            text=True,
            timeout=180,
            check=False,
        )

    robot = ("--as", "system:serviceaccount:default:robot")
    kubectl("create", "serviceaccount", "robot")
    assert 'cannot list resource "pods" in API group "" in the namespace "default"' in (
        kubectl("get", "pods", *robot).stderr
    )
    kubectl("create", "rolebinding", "robot", "--clusterrole", "view", "--serviceaccount", "default:robot")
    eventually(lambda: kubectl("get", "pods", *robot).returncode == 0)

    os.kill(other.processes()["daemon"], signal.SIGKILL)
    other.ok("up")

    assert other.kubeconfig.read_text() == before
    eventually(lambda: kubectl("get", "pods", *robot).returncode == 0)
    other.ok("down")
    assert not other.kubeconfig.exists()
