"""Pods go where their volumes are, and wait for claims that have none, in Kubernetes' words."""

from __future__ import annotations

import pytest

from netemu.api.kinds import PERSISTENT_VOLUME, PERSISTENT_VOLUME_CLAIM, POD, STORAGE_CLASS
from netemu.informer.cache import Cache
from netemu.scheduler.fit import Unschedulable, Wish, decide, nowhere
from netemu.scheduler.volumes import Unready, read_volumes
from netemu.testing import builders

BOUND = {"pv.kubernetes.io/bind-completed": "yes"}
SELECTED = {"volume.kubernetes.io/selected-node": "node-2"}
UNBOUND = "pod has unbound immediate PersistentVolumeClaims"
NOT_THERE = "node(s) didn't find available persistent volumes to bind"


def claim(name="data", *, marks=None, ending=False, phase="Pending", mode="ReadWriteOnce", **spec):
    meta = {"name": name, "namespace": "default", "uid": f"uid-{name}", "annotations": marks or {}}
    asked = {"accessModes": [mode], "resources": {"requests": {"storage": "1Gi"}}, **spec}
    return {
        "metadata": meta | ({"deletionTimestamp": "now"} if ending else {}),
        "spec": asked,
        "status": {"phase": phase},
    }


def volume(name="disk", node="", zone="", **spec):
    terms = [{"matchExpressions": [{"key": "kubernetes.io/hostname", "operator": "In", "values": [node]}]}]
    affinity = {"nodeAffinity": {"required": {"nodeSelectorTerms": terms}}} if node else {}
    labels = {"topology.kubernetes.io/zone": zone} if zone else {}
    made = {"accessModes": ["ReadWriteOnce"], "capacity": {"storage": "1Gi"}, **affinity, **spec}
    return {"metadata": {"name": name, "labels": labels}, "spec": made, "status": {"phase": "Available"}}


def storage_class(name, provisioner, mode="WaitForFirstConsumer"):
    return {"metadata": {"name": name}, "provisioner": provisioner, "volumeBindingMode": mode}


def pod(*names, name="p", **fields):
    mounted = [{"name": each, "persistentVolumeClaim": {"claimName": each}} for each in names or ("data",)]
    return builders.stored(builders.pod(name, volumes=mounted, **fields), name)


@pytest.fixture
def cache():
    made = Cache()
    for each in (
        storage_class("slow", "netemu.io/local-path"),
        storage_class("local", "kubernetes.io/no-provisioner"),
        storage_class("now", "csi.example.com", "Immediate"),
    ):
        made.apply(STORAGE_CLASS, each)
    return made


@pytest.fixture
def decided(cluster, cache):
    """Decide on a pod next to what the cache has, on three nodes in two zones."""
    for name, zone in (("node-1", "a"), ("node-2", "b"), ("node-3", "b")):
        cluster.node(name, zone)

    def decide_on(obj):
        try:
            volumes = read_volumes(cache, obj)
        except Unready as err:
            return nowhere(cluster.occupancy, str(err)).sentence
        decision = decide(Wish(cluster.occupancy, cluster.pod(), None, volumes))
        return decision.sentence if isinstance(decision, Unschedulable) else decision.node

    return decide_on


def test_a_pod_without_claims_asks_for_no_volumes(cache):
    assert read_volumes(cache, builders.pod("p")) is None


@pytest.mark.parametrize(
    ("present", "reason"),
    [
        pytest.param([], 'persistentvolumeclaim "data" not found', id="none"),
        pytest.param([claim()], UNBOUND, id="no-class"),
        pytest.param([claim(storageClassName="now")], UNBOUND, id="immediate"),
        pytest.param([claim(ending=True)], 'persistentvolumeclaim "data" is being deleted', id="ending"),
        pytest.param(
            [claim(phase="Lost", volumeName="disk")],
            'persistentvolumeclaim "data" bound to non-existent persistentvolume "disk"',
            id="lost",
        ),
    ],
)
def test_a_pod_waits_for_its_claim(cache, decided, present, reason):
    for each in present:
        cache.apply(PERSISTENT_VOLUME_CLAIM, each)

    assert decided(pod()) == f"0/3 nodes are available: {reason}."


def test_a_pods_own_volume_waits_for_its_claim(decided):
    obj = builders.stored(builders.pod("p", volumes=[{"name": "v", "ephemeral": {}}]), "p")

    words = 'waiting for ephemeral volume controller to create the persistentvolumeclaim "p-v"'
    assert decided(obj) == f"0/3 nodes are available: {words}."


@pytest.mark.parametrize(
    ("present", "outcome"),
    [
        pytest.param(volume(node="node-2"), "node-2", id="its-node"),
        pytest.param(
            volume(node="gone"),
            "0/3 nodes are available: 3 node(s) didn't match PersistentVolume's node affinity.",
            id="no-node",
        ),
        pytest.param(volume(zone="b"), "node-2", id="its-zone"),
        pytest.param(
            volume(zone="c"),
            "0/3 nodes are available: 3 node(s) had no available volume zone.",
            id="no-zone",
        ),
    ],
)
def test_a_pod_goes_where_its_volume_is(cache, decided, present, outcome):
    cache.apply(PERSISTENT_VOLUME_CLAIM, claim(marks=BOUND, volumeName="disk"))
    cache.apply(PERSISTENT_VOLUME, present)

    assert decided(pod()) == outcome


@pytest.mark.parametrize(
    ("wanted", "present", "outcome"),
    [
        pytest.param(claim(storageClassName="slow"), [], "node-1", id="made-anywhere"),
        pytest.param(claim(storageClassName="slow", marks=SELECTED), [], "node-2", id="being-made"),
        pytest.param(
            claim(storageClassName="local"),
            [volume(node="node-3", storageClassName="local")],
            "node-3",
            id="found",
        ),
        pytest.param(
            claim(storageClassName="local"), [], f"0/3 nodes are available: 3 {NOT_THERE}.", id="none"
        ),
        pytest.param(
            claim(storageClassName="slow"),
            [
                volume(
                    node="node-3",
                    storageClassName="slow",
                    claimRef={"namespace": "default", "name": "data", "uid": "uid-data"},
                )
            ],
            "node-3",
            id="reserved",
        ),
    ],
)
def test_a_claim_that_waits_for_its_pod_has_a_say_in_where_it_goes(cache, decided, wanted, present, outcome):
    cache.apply(PERSISTENT_VOLUME_CLAIM, wanted)
    for each in present:
        cache.apply(PERSISTENT_VOLUME, each)

    assert decided(pod()) == outcome


def test_two_claims_of_a_pod_do_not_count_on_the_same_volume(cache, decided):
    for name in ("one", "two"):
        cache.apply(PERSISTENT_VOLUME_CLAIM, claim(name, storageClassName="local"))
    cache.apply(PERSISTENT_VOLUME, volume(storageClassName="local"))

    assert decided(pod("one", "two")) == f"0/3 nodes are available: 3 {NOT_THERE}."


def test_a_claim_for_one_pod_is_had_by_one(cache, decided):
    cache.apply(PERSISTENT_VOLUME_CLAIM, claim(marks=BOUND, volumeName="disk", mode="ReadWriteOncePod"))
    cache.apply(PERSISTENT_VOLUME, volume())
    cache.apply(POD, pod(name="first", nodeName="node-3"))

    words = "node has pod using PersistentVolumeClaim with the same name and ReadWriteOncePod access mode"
    assert decided(pod()) == f"0/3 nodes are available: 3 {words}."
