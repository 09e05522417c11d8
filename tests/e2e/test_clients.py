"""The client libraries that Python programs use, outside of the cluster and in a pod."""

from __future__ import annotations

import json
import tempfile
import urllib.request
from pathlib import Path
from types import SimpleNamespace

import kr8s
import kubernetes
import lightkube
import pytest
import yaml
from kr8s.objects import Pod as Kr8sPod
from kubernetes.stream import stream
from lightkube.models.meta_v1 import ObjectMeta
from lightkube.resources.core_v1 import ConfigMap
from lightkube.resources.core_v1 import Pod as LightkubePod
from lightkube.types import PatchType

SHELL = {"name": "shell", "image": "busybox", "command": ["sh", "-c", "echo hello; sleep 3600"]}
WEB = {"name": "web", "image": "nginx", "ports": [{"containerPort": 80}]}
# Of what is installed: what no client needs, and takes long to copy.
LARGE = ("kubernetes", "aio", "mypy", "mypyc", "hypothesis", "pip", "setuptools")
IN_A_POD = """
import warnings
warnings.simplefilter("ignore")
import kubernetes.client, kubernetes.config, kr8s, lightkube
from lightkube.resources.core_v1 import ConfigMap

kubernetes.config.load_incluster_config()
maps = kubernetes.client.CoreV1Api().list_namespaced_config_map("{namespace}")
print("kubernetes", [each.metadata.name for each in maps.items])
print("kr8s", [each.name for each in kr8s.get("configmaps", namespace=kr8s.api().namespace)])
print("lightkube", [each.metadata.name for each in lightkube.Client().list(ConfigMap)])
"""


def pod(name, namespace, *containers):
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {"terminationGracePeriodSeconds": 0, "containers": list(containers)},
    }


@pytest.fixture
def core(cluster):
    """The official client."""
    loaded = kubernetes.config.new_client_from_config(config_file=str(cluster.kubeconfig))
    yield kubernetes.client.CoreV1Api(loaded)
    loaded.close()


@pytest.fixture
def light(cluster, namespace):
    """A lightkube client that keeps to the test's namespace."""
    config = lightkube.KubeConfig.from_dict(yaml.safe_load(cluster.kubeconfig.read_text()))
    with lightkube.Client(config=config, namespace=namespace, field_manager="tests") as client:
        yield client


@pytest.fixture
def official_pod(core, namespace):
    """A pod that the official client made and saw running."""
    core.create_namespaced_pod(namespace, pod("mine", namespace, SHELL))
    watch = kubernetes.watch.Watch()
    events = watch.stream(core.list_namespaced_pod, namespace, timeout_seconds=120)
    assert "Running" in (event["object"].status.phase for event in events)
    return SimpleNamespace(name="mine", namespace=namespace)


def test_the_official_client_lists_patches_replaces_and_deletes(core, namespace):
    made = core.create_namespaced_config_map(namespace, {"metadata": {"name": "mine"}, "data": {"a": "b"}})
    assert core.patch_namespaced_config_map("mine", namespace, {"data": {"c": "d"}}).data == {
        "a": "b",
        "c": "d",
    }

    with pytest.raises(kubernetes.client.ApiException, match="Conflict") as refused:
        core.replace_namespaced_config_map("mine", namespace, made)
    assert refused.value.status == 409

    assert "mine" in [
        each.metadata.name for each in core.list_namespaced_config_map(namespace, limit=500).items
    ]
    core.delete_namespaced_config_map("mine", namespace)
    with pytest.raises(kubernetes.client.ApiException, match="Not Found"):
        core.read_namespaced_config_map("mine", namespace)


def test_the_official_client_watches_until_a_pod_runs_and_reads_what_it_says(core, official_pod, eventually):
    where = official_pod.name, official_pod.namespace
    eventually(lambda: core.read_namespaced_pod_log(*where), lambda said: said == "hello\n")


def test_the_official_client_talks_to_a_command_and_learns_how_it_ended(core, official_pod):
    where = (core.connect_get_namespaced_pod_exec, official_pod.name, official_pod.namespace)
    command = ["sh", "-c", "read line; echo got $line; exit 3"]
    talk = stream(
        *where, command=command, stdin=True, stdout=True, stderr=True, tty=False, _preload_content=False
    )

    talk.write_stdin("this\n")
    talk.run_forever(timeout=60)

    assert talk.read_stdout() == "got this\n"
    assert talk.returncode == 3


@pytest.fixture
def kr8s_api(cluster, tmp_path, monkeypatch):
    """A kr8s client; it leaves the files behind that it writes credentials to."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    with pytest.warns(UserWarning, match="not supported"):  # it knows Kubernetes up to 1.35
        return kr8s.api(kubeconfig=str(cluster.kubeconfig))


def test_kr8s_makes_a_pod_waits_enters_reads_forwards_and_removes_it(kr8s_api, namespace, eventually):
    mine = Kr8sPod(pod("mine", namespace, WEB, SHELL), api=kr8s_api)
    mine.create()
    mine.wait("condition=Ready", timeout=120)

    assert mine.exec(["echo", "hi"], container="shell").stdout == b"hi\n"
    eventually(lambda: list(mine.logs(container="shell")), lambda said: said == ["hello"])
    mine.label({"color": "red"})
    assert [each.name for each in kr8s_api.get("pods", namespace=namespace, label_selector="color=red")] == [
        "mine"
    ]
    assert next(iter(kr8s_api.watch("pods", namespace=namespace)))[1].name == "mine"
    with (
        mine.portforward(80) as port,
        urllib.request.urlopen(f"http://127.0.0.1:{port}", timeout=30) as answer,
    ):
        assert b"Hostname: mine" in answer.read()

    mine.delete()
    mine.wait("delete", timeout=120)
    assert not mine.exists()


def test_lightkube_applies_patches_replaces_lists_watches_and_deletes(light, namespace):
    light.apply(ConfigMap(metadata=ObjectMeta(name="mine", namespace=namespace), data={"a": "b"}))
    light.patch(ConfigMap, "mine", {"data": {"c": "d"}}, patch_type=PatchType.MERGE)
    mine = light.get(ConfigMap, "mine")
    assert mine.data == {"a": "b", "c": "d"}

    mine.data = {"e": "f"}
    assert light.replace(mine).data == {"e": "f"}

    assert "mine" in [each.metadata.name for each in light.list(ConfigMap)]
    chosen = light.watch(ConfigMap, fields={"metadata.name": "mine"})
    assert next(iter(chosen))[1].data == {"e": "f"}
    light.delete(ConfigMap, "mine")
    with pytest.raises(lightkube.ApiError, match="not found"):
        light.get(ConfigMap, "mine")


def test_lightkube_waits_for_a_pod_and_reads_what_it_says(light, namespace, eventually):
    light.create(LightkubePod.from_dict(pod("mine", namespace, SHELL)))

    light.wait(LightkubePod, "mine", for_conditions=["Ready"])

    eventually(lambda: list(light.log("mine")), lambda said: said == ["hello\n"])


@pytest.fixture(scope="module")
def libraries(cluster):
    """A directory of node-1 with the clients, and all that they need."""
    site, target = Path(kubernetes.__file__).parent.parent, "/var/lib/libraries"
    most = [str(each) for each in site.iterdir() if each.name not in LARGE]
    official = [str(each) for each in (site / "kubernetes").iterdir() if each.name not in LARGE]
    for directory, sources in ((target, most), (f"{target}/kubernetes", official)):
        cluster.on("node-1", "mkdir", "-p", directory)
        copied = cluster.on("node-1", "cp", "-r", "--preserve=timestamps", "-t", directory, *sources)
        assert copied.returncode == 0, copied.stderr
    yield target
    cluster.on("node-1", "rm", "-r", target)


def test_in_a_pod_every_client_finds_the_api_by_the_mounted_token(cluster, namespace, libraries, eventually):
    command = ["python3", "-c", IN_A_POD.format(namespace=namespace)]
    container = {"name": "c", "image": "busybox", "command": command}
    container["env"] = [{"name": "PYTHONPATH", "value": "/libraries"}]
    container["volumeMounts"] = [{"name": "libraries", "mountPath": "/libraries", "readOnly": True}]
    mine = pod("mine", namespace, container)
    mine["spec"] |= {
        "nodeName": "node-1",
        "restartPolicy": "Never",
        "volumes": [{"name": "libraries", "hostPath": {"path": libraries}}],
    }
    cluster.apply(json.dumps(mine), namespace)

    ended = ("Succeeded", "Failed")
    eventually(lambda: cluster.field(".status.phase", "pod/mine", "-n", namespace), ended.__contains__)

    said = cluster.ok("logs", "-n", namespace, "mine")
    for client in ("kubernetes", "kr8s", "lightkube"):
        assert f"{client} ['kube-root-ca.crt']" in said
