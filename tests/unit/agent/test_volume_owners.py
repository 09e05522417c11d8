"""Whom volumes belong to, which are memory, and where paths of a node lead."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from netemu.agent.projections import VolumeError
from netemu.agent.volumes import Volumes, memory_bytes
from netemu.testing import builders

OBJECTS = {("Secret", "default", "keys"): {"data": {"key": "dmFsdWU="}}}
TOKEN = {"projected": {"sources": [{"serviceAccountToken": {"path": "token"}}]}}
GROUP = os.getgid()


@pytest.fixture
def mounts(tmp_path):
    volumes = Volumes(tmp_path / "node", lambda *key: OBJECTS.get(key), lambda *_: "token")

    def mounted(volume, security=None, **mount):
        pod = builders.pod("web", volumes=[{"name": "v", **volume}])
        pod["spec"]["securityContext"] = security or {}
        container = {"volumeMounts": [{"name": "v", "mountPath": "/data", **mount}]}
        return volumes.mounts(pod, container, tmp_path / "pod", {})

    return mounted


def mode(path):
    return f"{path.stat().st_mode & 0o7777:o}"


def test_a_group_may_write_into_an_empty_volume_and_owns_what_is_made_there(mounts):
    (mount,) = mounts({"emptyDir": {}}, {"fsGroup": GROUP})

    assert (mode(Path(mount.source)), Path(mount.source).stat().st_gid) == ("2777", GROUP)


def test_a_group_may_read_what_only_its_owner_could(mounts):
    volume = {"secret": {"secretName": "keys", "defaultMode": 0o400}}
    (mount,) = mounts(volume, {"fsGroup": GROUP})

    assert mode(Path(mount.source, "key")) == "440"
    assert mode(Path(mount.source)) == "2755"


@pytest.mark.parametrize(
    ("security", "wanted"),
    [({}, "644"), ({"runAsUser": os.getuid()}, "600"), ({"fsGroup": GROUP}, "640")],
    ids=["everybody", "the-user", "the-group"],
)
def test_a_token_is_for_the_pods_user_and_group_alone(mounts, security, wanted):
    (mount,) = mounts(TOKEN, security)

    assert mode(Path(mount.source, "token")) == wanted


@pytest.mark.parametrize(
    ("volume", "limit", "size_bytes"),
    [
        pytest.param({"emptyDir": {}}, None, 0, id="disk"),
        pytest.param({"configMap": {}}, None, 0, id="no-empty-volume"),
        pytest.param({"emptyDir": {"medium": "Memory", "sizeLimit": "1Mi"}}, None, 1 << 20, id="memory"),
        pytest.param({"emptyDir": {"sizeLimit": "2Mi"}}, None, 2 << 20, id="disk-of-limited-size"),
        pytest.param({"emptyDir": {"medium": "Memory"}}, "8Mi", 8 << 20, id="what-the-pod-may-use"),
    ],
)
def test_a_volume_that_is_memory_or_limited_has_a_size(volume, limit, size_bytes):
    container = {"name": "app", "resources": {"limits": {"memory": limit} if limit else {}}}

    assert memory_bytes(volume, {"spec": {"containers": [container]}}) == size_bytes


def test_a_directory_in_a_volume_that_is_memory_is_made_there_and_not_on_disk(mounts):
    (mount,) = mounts({"emptyDir": {"medium": "Memory"}}, subPath="deep/er")

    assert mount.source == f"{mount.memory_at}/deep/er"
    assert os.listdir(mount.memory_at) == []


def test_the_root_of_a_node_is_what_is_its_own_and_the_programs_that_it_shares(mounts, tmp_path):
    for name in ("etc", "pods", "var"):
        (tmp_path / "node" / name).mkdir(parents=True)
    made = {mount.target: mount for mount in mounts({"hostPath": {"path": "/"}}, mountPath="/host")}

    assert made["/host/etc"].source == str(tmp_path / "node/etc")
    assert made["/host/usr"].read_only
    assert {"/host/pods", "/host/root", "/host/home"}.isdisjoint(made)


@pytest.mark.parametrize("target", ["/root", "/etc", "../../.."])
def test_links_that_containers_make_lead_nowhere_out_of_the_node(mounts, tmp_path, target):
    (tmp_path / "node/var").mkdir(parents=True)
    (tmp_path / "node/var/evil").symlink_to(target)

    with pytest.raises(VolumeError, match="leads out of the node"):
        mounts({"hostPath": {"path": "/var/evil"}})
