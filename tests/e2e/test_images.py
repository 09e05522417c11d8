"""Images that users load: pods run from their files, are reached, and leave nothing."""

from __future__ import annotations

import gzip
import json
import os
import signal
from pathlib import Path

import pytest

from netemu.testing.images import busybox_layer, docker_archive

IMAGE = "registry.example/tests/box:v1"
PROCESS = {
    "Entrypoint": ["/bin/sh", "-c"],
    "Cmd": [
        "trap 'echo asked to quit; exit 0' QUIT; echo serving as $(id -un); httpd -p 8080; sleep 1000 & wait"
    ],
    "User": "web",
    "Env": ["GREETING=from the image"],
    "WorkingDir": "/www",
    "StopSignal": "SIGQUIT",
}
POD = f"""
apiVersion: v1
kind: Pod
metadata: {{name: box}}
spec:
  terminationGracePeriodSeconds: 30
  initContainers:
  - {{name: init, image: {IMAGE}, args: ["echo $(WHO) >/shared/page"], env: [{{name: WHO, value: init}}],
     volumeMounts: [{{name: shared, mountPath: /shared}}]}}
  containers:
  - name: c
    image: {IMAGE}
    imagePullPolicy: Always
    ports: [{{containerPort: 8080}}]
    readinessProbe: {{httpGet: {{port: 8080, path: /page}}, periodSeconds: 1, timeoutSeconds: 20}}
    livenessProbe: {{exec: {{command: [test, -f, /etc/passwd]}}, periodSeconds: 1, timeoutSeconds: 20}}
    volumeMounts: [{{name: shared, mountPath: /www}}, {{name: files, mountPath: /files, subPath: etc}}]
  volumes: [{{name: shared, emptyDir: {{}}}}, {{name: files, image: {{reference: {IMAGE}}}}}]
"""
UNKNOWN = """
apiVersion: v1
kind: Pod
metadata: {name: unknown}
spec: {containers: [{name: c, image: registry.example/tests/never}]}
"""


@pytest.fixture
def archive(tmp_path):
    """Give what ``docker save | gzip`` makes of the image."""
    docker_archive(tmp_path / "box.tar", [busybox_layer(www=None)], tags=[IMAGE], process=PROCESS)
    (tmp_path / "box.tar.gz").write_bytes(gzip.compress((tmp_path / "box.tar").read_bytes(), 1))
    return tmp_path / "box.tar.gz"


def scratches(cluster):
    """List what containers of images have of their own on disk."""
    return list(Path(cluster.status()["stateDirectory"]).glob("nodes/*/pods/*/containers/*"))


def test_a_loaded_image_runs_serves_and_goes(cluster, namespace, archive, eventually):
    assert cluster.ok("image", "load", str(archive)) == f"Loaded image: {IMAGE}\n"
    (listed,) = json.loads(cluster.ok("image", "ls", "-o", "json"))["images"]
    assert listed["repoTags"] == [IMAGE]

    cluster.apply(POD, namespace)
    cluster.wait("condition=Ready", "pod/box", "-n", namespace)

    (container,) = cluster.get("pod/box", "-n", namespace)["status"]["containerStatuses"]
    assert (container["image"], container["imageID"]) == (IMAGE, listed["id"])
    address = cluster.field(".status.podIP", "pod/box", "-n", namespace)
    assert cluster.inside("shell-1", "curl", "-s", f"http://{address}:8080/page").stdout == "init\n"
    eventually(lambda: cluster.ok("logs", "-n", namespace, "box", "-c", "c"), "serving as web\n".__eq__)
    said = cluster.inside(
        "box", "sh", "-c", "id -un; echo $GREETING; pwd; ls /usr; cat /www/page", namespace=namespace
    )
    assert (said.returncode, said.stdout) == (0, "web\nfrom the image\n/www\ninit\n")
    said = cluster.inside("box", "cmp", "/files/passwd", "/etc/passwd", namespace=namespace)
    assert (said.returncode, said.stdout) == (0, "")
    assert "is in use by pod" in cluster.fails("image", "rm", IMAGE)

    with open(f"/proc/{os.getpid()}/mounts") as mounts:
        assert "/containers/" not in mounts.read()
    cluster.ok("delete", "pod", "box", "-n", namespace)
    assert scratches(cluster) == []
    assert cluster.ok("image", "rm", IMAGE) == f"Untagged: {IMAGE}\nDeleted: {listed['id']}\n"
    assert cluster.ok("image", "ls").split() == ["IMAGE", "TAG", "IMAGE", "ID", "SIZE"]


def test_a_pod_whose_image_is_not_loaded_says_how_to_load_it(cluster, namespace, eventually):
    cluster.apply(UNKNOWN, namespace)

    def waiting():
        (container,) = cluster.get("pod/unknown", "-n", namespace)["status"].get("containerStatuses") or [{}]
        return container.get("state", {}).get("waiting", {})

    assert (
        "netemu image load"
        in eventually(waiting, lambda seen: "netemu" in seen.get("message", ""))["message"]
    )
    assert waiting()["reason"] in {"ErrImagePull", "ImagePullBackOff"}


def test_containers_of_images_outlive_the_daemon_and_end_with_their_shim(netemu, archive, eventually):
    own = netemu()
    own.ok("up", "--nodes", "1")
    own.ok("image", "load", str(archive))
    own.apply(POD)
    own.wait("condition=Ready", "pod/box")

    os.kill(own.processes()["daemon"], signal.SIGKILL)
    own.ok("up")
    assert own.inside("box", "cat", "/www/page").stdout == "init\n"
    assert own.field(".status.containerStatuses[0].restartCount", "pod/box") == "0"

    own.inside("box", "touch", "/tmp/mine")
    os.kill(own.processes()["shim-node-1"], signal.SIGKILL)
    eventually(lambda: own.field(".status.containerStatuses[0].restartCount", "pod/box"), "1".__eq__)
    own.wait("condition=Ready", "pod/box")
    assert own.inside("box", "ls", "/tmp").stdout == ""

    own.ok("down")
    assert not Path(f"/var/lib/netemu/{own.name}").exists()
