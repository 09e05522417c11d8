"""Volumes as directories: what containers find where they mount them."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from netemu.agent.environment import ConfigError
from netemu.agent.projections import File, VolumeError
from netemu.agent.volumes import Volumes, sandbox_path, write_files
from netemu.testing import builders

OBJECTS = {("ConfigMap", "default", "conf"): {"data": {"key": "value"}}}


@pytest.fixture
def volumes(tmp_path):
    return Volumes(tmp_path / "node", lambda *key: OBJECTS.get(key), lambda *_: "token")


@pytest.fixture
def mounts(volumes, tmp_path):
    """Mount one volume into a container; gives what the sandbox is told."""

    def mounted(volume, **mount):
        pod = builders.pod("web", volumes=[{"name": "v", **volume}])
        container = {"volumeMounts": [{"name": "v", "mountPath": "/data", **mount}]}
        return volumes.mounts(pod, container, tmp_path / "pod", {"WHERE": "here"})

    return mounted


def test_a_config_map_is_seen_at_its_mount_path(mounts):
    (mount,) = mounts({"configMap": {"name": "conf"}})

    assert (mount.target, mount.read_only) == ("/data", True)
    assert Path(mount.source, "key").read_text() == "value"


def test_one_key_can_be_mounted_alone(mounts):
    (mount,) = mounts({"configMap": {"name": "conf"}}, subPath="key", mountPath="/etc/app.conf")

    assert Path(mount.source).read_text() == "value"
    assert not os.path.islink(mount.source)


def test_a_missing_object_is_told_with_the_volumes_name(mounts, volumes):
    words = 'MountVolume.SetUp failed for volume "v" : configmap "none" not found'
    with pytest.raises(VolumeError, match=words):
        mounts({"configMap": {"name": "none"}})
    with pytest.raises(VolumeError, match=words):
        volumes.check(pod_with(MISSING))


def test_nobody_misses_a_volume_that_no_container_mounts(volumes):
    volumes.check(builders.pod("web", volumes=[MISSING]))


MISSING = {"name": "v", "configMap": {"name": "none"}}


def pod_with(*volumes):
    """Give a pod whose container mounts these volumes."""
    mounts = [{"name": volume["name"], "mountPath": f"/{volume['name']}"} for volume in volumes]
    container = {"name": "c", "image": "nginx", "volumeMounts": mounts}
    return builders.pod("web", volumes=list(volumes), containers=[container])


def test_checking_makes_no_file_and_asks_for_no_token(volumes, tmp_path):
    token = {"name": "t", "projected": {"sources": [{"serviceAccountToken": {"path": "token"}}]}}
    volumes.check(pod_with(token, {"name": "c", "configMap": {"name": "conf"}}))

    assert list(tmp_path.iterdir()) == []


def test_an_empty_directory_is_for_everyone_and_keeps_its_files(mounts):
    (mount,) = mounts({"emptyDir": {}})
    Path(mount.source, "left").touch()
    (again,) = mounts({"emptyDir": {}})

    assert os.listdir(again.source) == ["left"]
    assert os.stat(mount.source).st_mode & 0o777 == 0o777
    assert not mount.read_only


def test_a_part_of_a_volume_is_made_when_it_is_missing(mounts):
    (mount,) = mounts({"emptyDir": {}}, subPathExpr="$(WHERE)/deep", readOnly=True)

    assert mount.source.endswith("/here/deep")
    assert os.path.isdir(mount.source)
    assert mount.read_only


def test_a_part_whose_name_is_not_known_is_none(mounts):
    with pytest.raises(ConfigError, match="missing value for NAME, NONE"):
        mounts({"emptyDir": {}}, subPathExpr="$(WHERE)/$(NONE)/$(NAME)/$$(TEXT)")


@pytest.fixture
def image(tmp_path):
    """Give the root of an image that is loaded."""
    root = tmp_path / "images/box"
    (root / "etc").mkdir(parents=True)
    (root / "etc/conf").write_text("value")
    (root / "link").symlink_to("/etc")
    return root


def mounted_image(root, tmp_path, **mount):
    volumes = Volumes(tmp_path / "node", lambda *_: None, lambda *_: "token", {"box:v1": root}.get)
    pod = builders.pod("web", volumes=[{"name": "v", "image": {"reference": "box:v1"}}])
    container = {"volumeMounts": [{"name": "v", "mountPath": "/data", **mount}]}
    return volumes.mounts(pod, container, tmp_path / "pod", {})


@pytest.mark.parametrize("part", ["", "etc", "etc/conf", "link/conf"])
def test_an_image_or_a_part_of_it_is_mounted_to_be_read(image, tmp_path, part):
    (mount,) = mounted_image(image, tmp_path, subPath=part)

    assert (mount.read_only, mount.no_exec, mount.below) == (True, True, str(image))
    assert Path(mount.source) == image / part


def test_a_part_that_an_image_has_not_is_not_made(image, tmp_path):
    with pytest.raises(ConfigError, match='stat subpath "no/such": no such file or directory') as refused:
        mounted_image(image, tmp_path, subPath="no/such")

    assert refused.value.reason == "CreateContainerError"


def test_what_is_not_among_the_machines_programs_is_not_made_there(mounts):
    with pytest.raises(VolumeError, match="hostPath /usr/share/no-such does not exist"):
        mounts({"hostPath": {"path": "/usr/share/no-such"}})


def test_a_volume_is_mounted_from_below_what_containers_cannot_replace(mounts, tmp_path):
    (own,) = mounts({"emptyDir": {}}, subPath="a/b")
    (nodes,) = mounts({"hostPath": {"path": "/data", "type": "DirectoryOrCreate"}})
    (machines,) = mounts({"hostPath": {"path": "/usr/share"}})

    assert own.below == str(tmp_path / "pod/volumes/v")
    assert nodes.below == str(tmp_path / "node")
    assert machines.below == ""


@pytest.mark.parametrize("path", ["../x", "/etc", "a/../../x"])
def test_no_part_leads_out_of_its_volume(mounts, path):
    with pytest.raises(ConfigError, match="SubPath `"):
        mounts({"emptyDir": {}}, subPath=path)


def test_a_node_has_a_file_of_hosts(mounts):
    (mount,) = mounts({"hostPath": {"path": "/etc/hosts"}})

    assert "localhost" in Path(mount.source).read_text()


def test_no_link_leads_out_of_its_volume(mounts):
    (mount,) = mounts({"emptyDir": {}})
    os.symlink("/etc", f"{mount.source}/link")

    with pytest.raises(VolumeError, match="leads out"):
        mounts({"emptyDir": {}}, subPath="link/passwd")


def test_nothing_is_made_behind_a_link_that_leads_out_of_its_volume(mounts, tmp_path):
    (mount,) = mounts({"emptyDir": {}})
    os.symlink(tmp_path, f"{mount.source}/link")

    with pytest.raises(VolumeError, match="leads out"):
        mounts({"emptyDir": {}}, subPath="link/new")
    assert not (tmp_path / "new").exists()


def test_links_in_a_circle_are_no_path_of_a_node_or_volume(mounts, tmp_path):
    (mount,) = mounts({"emptyDir": {}})
    (tmp_path / "node").mkdir()
    for place in (mount.source, tmp_path / "node"):
        os.symlink("round", f"{place}/round")

    for volume, wanted in (
        ({"emptyDir": {}}, {"subPath": "round"}),
        ({"hostPath": {"path": "/round/x"}}, {}),
    ):
        with pytest.raises(VolumeError):
            mounts(volume, **wanted)


def test_a_path_of_the_host_is_one_of_the_nodes_own(mounts, tmp_path):
    (mount,) = mounts({"hostPath": {"path": "/etc/cni/net.d", "type": "DirectoryOrCreate"}})

    assert mount.source == str(tmp_path / "node/etc/cni/net.d")
    assert not mount.read_only


def test_programs_are_the_machines_and_only_read(mounts):
    (mount,) = mounts({"hostPath": {"path": "/usr/share", "type": "Directory"}})

    assert (mount.source, mount.read_only) == ("/usr/share", True)


@pytest.mark.parametrize("path", ["/proc/1", "/dev", "/run/netns", "/a/../../etc", "/pods"])
def test_the_machines_own_parts_are_not_for_pods(mounts, path):
    with pytest.raises(VolumeError, match="is not for pods"):
        mounts({"hostPath": {"path": path}})


@pytest.mark.parametrize("kind", ["Directory", "File", "Socket", "CharDevice"])
def test_a_path_must_be_what_its_type_says(mounts, kind):
    with pytest.raises(VolumeError, match="hostPath type check failed"):
        mounts({"hostPath": {"path": "/nothing", "type": kind}})


def test_volumes_that_are_not_emulated_are_named(mounts):
    with pytest.raises(VolumeError, match="volumes of type nfs are not emulated"):
        mounts({"nfs": {"server": "s", "path": "/"}})


def test_the_temporary_directory_of_a_node_is_everyones(mounts, tmp_path):
    mounts({"hostPath": {"path": "/tmp/mine"}})

    assert (tmp_path / "node/tmp").stat().st_mode & 0o7777 == 0o1777


def test_outer_mounts_come_before_inner_ones(volumes, tmp_path):
    pod = builders.pod("web", volumes=[{"name": "v", "emptyDir": {}}])
    paths = ["/a/b/c", "/a", "/a/b"]
    container = {"volumeMounts": [{"name": "v", "mountPath": path} for path in paths]}

    found = volumes.mounts(pod, container, tmp_path / "pod", {})

    assert [mount.target for mount in found] == ["/a", "/a/b", "/a/b/c"]


@pytest.mark.parametrize(
    ("path", "seen"),
    [
        ("/var/run/secrets/x", "/run/secrets/x"),
        ("/var/lock", "/run/lock"),
        ("data/", "/data"),
        ("/var/running", "/var/running"),
    ],
)
def test_links_of_the_root_are_followed(path, seen):
    assert sandbox_path(path) == seen


def test_all_files_of_a_volume_change_at_once(tmp_path):
    write_files(tmp_path, {"a": File(b"1", 0o644), "deep/b": File(b"2", 0o600)})
    before = os.readlink(tmp_path / "..data")
    write_files(tmp_path, {"a": File(b"one", 0o644), "c": File(b"3", 0o400)})

    assert sorted(name for name in os.listdir(tmp_path) if not name.startswith("..")) == ["a", "c"]
    assert (tmp_path / "a").read_bytes() == b"one"
    assert (tmp_path / "c").stat().st_mode & 0o777 == 0o400
    assert not (tmp_path / before).exists()


def test_files_that_did_not_change_are_not_written_again(tmp_path):
    write_files(tmp_path, {"a": File(b"1", 0o644)})
    before = os.readlink(tmp_path / "..data")
    write_files(tmp_path, {"a": File(b"1", 0o644)})

    assert os.readlink(tmp_path / "..data") == before


def test_files_follow_their_object_and_outlive_it(volumes, mounts, tmp_path, monkeypatch):
    (mount,) = mounts({"configMap": {"name": "conf"}})
    pod = builders.pod("web", volumes=[{"name": "v", "configMap": {"name": "conf"}}])

    monkeypatch.setitem(OBJECTS, ("ConfigMap", "default", "conf"), {"data": {"key": "new"}})
    volumes.refresh(pod, tmp_path / "pod")
    assert Path(mount.source, "key").read_text() == "new"

    monkeypatch.delitem(OBJECTS, ("ConfigMap", "default", "conf"))
    volumes.refresh(pod, tmp_path / "pod")
    assert Path(mount.source, "key").read_text() == "new"


def test_a_volume_that_nobody_mounted_yet_is_not_made_by_a_change(volumes, tmp_path):
    volumes.refresh(
        builders.pod("web", volumes=[{"name": "v", "configMap": {"name": "conf"}}]), tmp_path / "pod"
    )

    assert not (tmp_path / "pod").exists()


def test_a_token_is_renewed_when_most_of_its_life_is_over(tmp_path):
    issued = iter(["first", "second"])
    volumes = Volumes(tmp_path / "node", lambda *_: None, lambda *_: next(issued))
    source = {"serviceAccountToken": {"path": "token", "expirationSeconds": 1000}}
    pod = builders.pod("web", volumes=[{"name": "t", "projected": {"sources": [source]}}])
    (mount,) = volumes.mounts(pod, {"volumeMounts": [{"name": "t", "mountPath": "/t"}]}, tmp_path, {})
    made_s = Path(mount.source, "..data").lstat().st_mtime

    volumes.renew(pod, tmp_path, made_s + 790)
    assert Path(mount.source, "token").read_text() == "first"
    volumes.renew(pod, tmp_path, made_s + 810)
    assert Path(mount.source, "token").read_text() == "second"
