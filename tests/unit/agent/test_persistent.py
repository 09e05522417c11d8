"""What stands behind a claim on a node, and what becomes of it."""

from __future__ import annotations

import asyncio

import pytest

from netemu.agent.persistent import Reclaimer, find_own_place
from netemu.agent.projections import VolumeError
from netemu.agent.volumes import Volumes
from netemu.api.errors import NotFoundError
from netemu.api.kinds import PERSISTENT_VOLUME
from netemu.apiserver.client import LocalClient
from netemu.apiserver.registry import Registry
from netemu.clock import system_clock
from netemu.informer.cache import Cache, Change, Key
from netemu.settings import Settings
from netemu.testing import builders
from netemu.testing.eventually import eventually
from netemu.testing.memory_store import MemoryStore

BOUND = {"pv.kubernetes.io/bind-completed": "yes"}
MADE = {
    "pv.kubernetes.io/provisioned-by": "netemu.io/local-path",
    "local.path.provisioner/selected-node": "node-1",
}
DIRECTORY = {"path": "/var/local-path-provisioner/disk_default_data", "type": "DirectoryOrCreate"}


def volume(marks=None, policy="Delete", **source):
    spec = {
        "capacity": {"storage": "1Gi"},
        "accessModes": ["ReadWriteOnce"],
        "persistentVolumeReclaimPolicy": policy,
        **source,
    }
    meta = {"name": "disk", "annotations": marks or {}}
    return {"apiVersion": "v1", "kind": "PersistentVolume", "metadata": meta, "spec": spec}


@pytest.fixture
def objects():
    claim = {"metadata": {"name": "data", "annotations": BOUND}, "spec": {"volumeName": "disk"}}
    return {("PersistentVolumeClaim", "default", "data"): claim}


@pytest.fixture
def mounted(objects, tmp_path):
    """Mount the claim into a container."""
    volumes = Volumes(tmp_path / "node", lambda *key: objects.get(key), lambda *_: "token")

    def mount(**more):
        source = {"persistentVolumeClaim": {"claimName": "data", **more}}
        pod = builders.pod("web", volumes=[{"name": "v", **source}])
        volumes.check(pod)
        container = {"volumeMounts": [{"name": "v", "mountPath": "/data"}]}
        (made,) = volumes.mounts(pod, container, tmp_path / "pod", {})
        return made

    return mount


@pytest.mark.parametrize(
    ("key", "change", "words"),
    [
        pytest.param(
            ("PersistentVolumeClaim", "default", "data"),
            None,
            'persistentvolumeclaim "data" not found',
            id="no-claim",
        ),
        pytest.param(
            ("PersistentVolumeClaim", "default", "data"),
            {"metadata": {}, "spec": {}},
            "PVC is not bound",
            id="unbound",
        ),
        pytest.param(("PersistentVolume", "", "disk"), None, 'failed to fetch PV "disk"', id="no-volume"),
    ],
)
def test_a_claim_without_a_volume_is_told(objects, mounted, key, change, words):
    objects[key] = change

    with pytest.raises(VolumeError, match=f"error processing PVC default/data: .*{words}"):
        mounted()


def test_a_volume_made_for_a_claim_is_a_directory_that_everyone_may_write(objects, mounted, tmp_path):
    objects["PersistentVolume", "", "disk"] = volume(MADE, hostPath=DIRECTORY)

    made = mounted()

    place = tmp_path / "node/var/local-path-provisioner/disk_default_data"
    assert (made.source, made.read_only) == (str(place), False)
    assert place.stat().st_mode & 0o777 == 0o777
    assert mounted(readOnly=True).read_only


def test_a_local_volume_must_be_there(objects, mounted, tmp_path):
    objects["PersistentVolume", "", "disk"] = volume(local={"path": "/mnt/disks/one"})

    with pytest.raises(VolumeError, match='path "/mnt/disks/one" does not exist'):
        mounted()
    (tmp_path / "node/mnt/disks/one").mkdir(parents=True)
    assert mounted().source == str(tmp_path / "node/mnt/disks/one")


def test_other_types_of_volumes_are_named(objects, mounted):
    objects["PersistentVolume", "", "disk"] = volume(csi={"driver": "d", "volumeHandle": "h"})

    with pytest.raises(VolumeError, match='for volume "disk" : volumes of type csi are not emulated'):
        mounted()


@pytest.fixture
async def released(tmp_path):
    """Give the API, a volume of node-1 that is released, and its directory."""
    client = LocalClient(Registry(MemoryStore(), Settings(), system_clock))
    place = tmp_path / DIRECTORY["path"].lstrip("/")
    place.mkdir(parents=True)
    (place / "file").write_text("content")
    made = await client.create(PERSISTENT_VOLUME, volume(MADE, hostPath=DIRECTORY))
    gone = await client.update(
        PERSISTENT_VOLUME, {**made, "status": {"phase": "Released"}}, subresource="status"
    )
    return client, gone, place


async def is_gone(client):
    try:
        await client.get(PERSISTENT_VOLUME, "", "disk")
    except NotFoundError:
        return True
    return False


@pytest.mark.parametrize("before", [True, False], ids=["while-it-was-off", "while-it-runs"])
async def test_a_node_removes_what_was_made_on_it_when_it_is_released(released, tmp_path, before):
    client, gone, place = released
    cache = Cache()
    reclaimer = Reclaimer("node-1", tmp_path, client, cache)
    cache.apply(PERSISTENT_VOLUME, gone)
    change = Change(PERSISTENT_VOLUME, Key("", "disk"), None, gone)
    for told in [change] * (not before):
        reclaimer.volume_changed(told)
    async with asyncio.TaskGroup() as group:
        task = group.create_task(reclaimer.run())
        await eventually(lambda: is_gone(client), bool)
        task.cancel()

    assert not place.exists()


async def test_a_node_leaves_the_volumes_of_others_alone(released, tmp_path):
    client, gone, place = released
    cache = Cache()
    cache.apply(PERSISTENT_VOLUME, gone)
    async with asyncio.TaskGroup() as group:
        task = group.create_task(Reclaimer("node-2", tmp_path, client, cache).run())
        await asyncio.sleep(0)
        task.cancel()

    assert place.exists()


@pytest.mark.parametrize(
    "source",
    [
        pytest.param({"hostPath": {"path": "/usr/local"}}, id="of-the-machine"),
        pytest.param({"hostPath": {"path": "/srv/data"}}, id="elsewhere-on-the-node"),
        pytest.param({"hostPath": {"path": "/var/local-path-provisioner"}}, id="of-all"),
        pytest.param(
            {"hostPath": {"path": "/var/local-path-provisioner/pvc-2_default_data"}}, id="another's"
        ),
        pytest.param({"hostPath": {"path": f"{DIRECTORY['path']}/../../../usr"}}, id="up-and-away"),
        pytest.param({"local": {"path": DIRECTORY["path"]}}, id="local"),
    ],
)
def test_what_was_not_made_for_a_claim_does_not_go_with_a_volume_that_says_so(tmp_path, source):
    with pytest.raises(VolumeError, match="no directory that was made for a claim"):
        find_own_place(tmp_path, volume(MADE, **source))
