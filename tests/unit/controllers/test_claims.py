"""Claims get volumes, or say why they wait; volumes are kept, released and deleted as asked."""

from __future__ import annotations

import pytest

from netemu.api.errors import NotFoundError
from netemu.api.kinds import PERSISTENT_VOLUME, PERSISTENT_VOLUME_CLAIM, POD, STORAGE_CLASS
from netemu.testing import builders

NO_CLASS = "no persistent volumes available for this claim and no storage class is set"
NO_SUCH_CLASS = 'storageclass.storage.k8s.io "fast" not found'
CONSUMER = "waiting for first consumer to be created before binding"
LOST = "Bound claim has lost its PersistentVolume. Data on the volume is lost!"
SELECTED = {"metadata": {"annotations": {"volume.kubernetes.io/selected-node": "node-1"}}}


def claim(name="data", size="1Gi", **spec):
    asked = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": size}}, **spec}
    meta = {"name": name, "namespace": "default"}
    return {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": meta, "spec": asked}


def volume(name="disk", size="1Gi", **spec):
    made = {
        "accessModes": ["ReadWriteOnce"],
        "capacity": {"storage": size},
        "hostPath": {"path": "/data"},
        **spec,
    }
    return {"apiVersion": "v1", "kind": "PersistentVolume", "metadata": {"name": name}, "spec": made}


def storage_class(name, provisioner, mode="WaitForFirstConsumer"):
    return {
        "apiVersion": "storage.k8s.io/v1",
        "kind": "StorageClass",
        "metadata": {"name": name},
        "provisioner": provisioner,
        "reclaimPolicy": "Delete",
        "volumeBindingMode": mode,
    }


async def claim_now(world, name="data"):
    found = await world.get(PERSISTENT_VOLUME_CLAIM, name)
    return found["status"]["phase"], found["spec"].get("volumeName")


async def volume_now(world, name="disk"):
    found = await world.get(PERSISTENT_VOLUME, name)
    return found["status"]["phase"], (found["spec"].get("claimRef") or {}).get("name")


@pytest.mark.parametrize(
    ("spec", "event"),
    [
        pytest.param({}, ("FailedBinding", NO_CLASS), id="no-class"),
        pytest.param({"storageClassName": "fast"}, ("ProvisioningFailed", NO_SUCH_CLASS), id="no-such-class"),
        pytest.param({"storageClassName": "slow"}, ("WaitForFirstConsumer", CONSUMER), id="no-pod-yet"),
    ],
)
async def test_a_claim_says_why_it_stays_pending(world, spec, event):
    await world.create(STORAGE_CLASS, storage_class("slow", "netemu.io/local-path"))
    await world.create(PERSISTENT_VOLUME_CLAIM, claim(**spec))
    await world.settle()

    assert event in await world.events()
    assert await claim_now(world) == ("Pending", None)


async def test_a_claim_gets_the_smallest_volume_that_serves_it(world):
    for name, size, more in (
        ("huge", "9Gi", {}),
        ("good", "2Gi", {}),
        ("small", "1Mi", {}),
        ("other-class", "1Gi", {"storageClassName": "fast"}),
        ("read-only", "1Gi", {"accessModes": ["ReadOnlyMany"]}),
        ("raw", "1Gi", {"volumeMode": "Block"}),
    ):
        await world.create(PERSISTENT_VOLUME, volume(name, size, **more))
    await world.settle()
    await world.create(PERSISTENT_VOLUME_CLAIM, claim())
    await world.settle()

    assert await claim_now(world) == ("Bound", "good")
    assert await volume_now(world, "good") == ("Bound", "data")
    assert await volume_now(world, "huge") == ("Available", None)
    bound = await world.get(PERSISTENT_VOLUME_CLAIM, "data")
    assert bound["status"]["capacity"] == {"storage": "2Gi"}
    assert bound["metadata"]["annotations"] == {
        "pv.kubernetes.io/bind-completed": "yes",
        "pv.kubernetes.io/bound-by-controller": "yes",
    }


async def test_a_volume_that_comes_later_serves_the_claim_that_waits(world):
    await world.create(PERSISTENT_VOLUME_CLAIM, claim())
    await world.settle()
    await world.create(PERSISTENT_VOLUME, volume())
    await world.settle()

    assert await claim_now(world) == ("Bound", "disk")


async def test_two_claims_never_have_one_volume(world):
    for name in ("one", "two"):
        await world.create(PERSISTENT_VOLUME_CLAIM, claim(name))
    await world.create(PERSISTENT_VOLUME, volume())
    await world.settle()

    states = {await claim_now(world, name) for name in ("one", "two")}
    assert states == {("Bound", "disk"), ("Pending", None)}


async def test_a_claim_that_names_a_volume_waits_for_it_and_takes_no_other(world):
    await world.create(PERSISTENT_VOLUME, volume("other"))
    await world.create(PERSISTENT_VOLUME_CLAIM, claim(volumeName="disk"))
    await world.settle()
    waiting = await claim_now(world)
    await world.create(PERSISTENT_VOLUME, volume())
    await world.settle()

    assert waiting == ("Pending", "disk")
    assert await claim_now(world) == ("Bound", "disk")


async def test_a_volume_that_is_too_small_for_who_names_it_says_so(world):
    await world.create(PERSISTENT_VOLUME, volume(size="1Mi"))
    await world.create(PERSISTENT_VOLUME_CLAIM, claim(volumeName="disk"))
    await world.settle()

    message = 'Cannot bind to requested volume "disk": requested PV is too small'
    assert ("VolumeMismatch", message) in await world.events()


async def test_a_volume_reserved_for_a_claim_goes_to_no_other(world):
    ref = {"namespace": "default", "name": "mine"}
    await world.create(PERSISTENT_VOLUME, volume(claimRef=ref))
    await world.create(PERSISTENT_VOLUME_CLAIM, claim())
    await world.create(PERSISTENT_VOLUME_CLAIM, claim("mine"))
    await world.settle()

    assert await claim_now(world) == ("Pending", None)
    assert await claim_now(world, "mine") == ("Bound", "disk")


async def test_a_claim_whose_volume_went_is_lost(world):
    await world.create(PERSISTENT_VOLUME, volume())
    await world.create(PERSISTENT_VOLUME_CLAIM, claim())
    await world.settle()
    await world.client.delete(PERSISTENT_VOLUME, "", "disk")
    await world.settle()

    assert await claim_now(world) == ("Lost", "disk")
    assert ("ClaimLost", LOST) in await world.events()


@pytest.mark.parametrize(
    ("policy", "path", "phase"),
    [
        pytest.param("Retain", "/data", "Released", id="retained"),
        pytest.param("Delete", "/data", "Failed", id="cannot-be-deleted"),
        pytest.param("Recycle", "/data", "Failed", id="cannot-be-recycled"),
    ],
)
async def test_what_a_claim_leaves_is_treated_as_its_policy_says(world, policy, path, phase):
    await world.create(
        PERSISTENT_VOLUME, volume(persistentVolumeReclaimPolicy=policy, hostPath={"path": path})
    )
    await world.create(PERSISTENT_VOLUME_CLAIM, claim())
    await world.settle()
    await world.client.delete(PERSISTENT_VOLUME_CLAIM, "default", "data")
    await world.settle()

    assert await volume_now(world) == (phase, "data")


async def test_a_volume_in_tmp_is_deleted_with_its_claim(world):
    spec = {"persistentVolumeReclaimPolicy": "Delete", "hostPath": {"path": "/tmp/data"}}
    await world.create(PERSISTENT_VOLUME, volume(**spec))
    await world.create(PERSISTENT_VOLUME_CLAIM, claim())
    await world.settle()
    await world.client.delete(PERSISTENT_VOLUME_CLAIM, "default", "data")
    await world.settle()

    with pytest.raises(NotFoundError):
        await world.get(PERSISTENT_VOLUME, "disk")


async def test_a_local_class_makes_a_directory_of_the_node_that_was_selected(world):
    await world.create(STORAGE_CLASS, storage_class("standard", "netemu.io/local-path"))
    made = await world.create(PERSISTENT_VOLUME_CLAIM, claim(storageClassName="standard"))
    await world.settle()
    await world.client.patch(PERSISTENT_VOLUME_CLAIM, "default", "data", SELECTED)
    await world.settle()

    name = f"pvc-{made['metadata']['uid']}"
    assert await claim_now(world) == ("Bound", name)
    assert await volume_now(world, name) == ("Bound", "data")
    spec = (await world.get(PERSISTENT_VOLUME, name))["spec"]
    assert spec["hostPath"]["path"] == f"/var/local-path-provisioner/{name}_default_data"
    assert spec["nodeAffinity"]["required"]["nodeSelectorTerms"][0]["matchExpressions"][0]["values"] == [
        "node-1"
    ]
    assert ("ProvisioningSucceeded", f"Successfully provisioned volume {name}") in await world.events()


async def test_a_claim_says_that_it_is_bound_when_its_volume_does(world):
    await world.create(PERSISTENT_VOLUME_CLAIM, claim())
    await world.create(PERSISTENT_VOLUME, volume())
    await world.settle()

    disk, data = await world.get(PERSISTENT_VOLUME, "disk"), await world.get(PERSISTENT_VOLUME_CLAIM, "data")
    assert int(disk["metadata"]["resourceVersion"]) < int(data["metadata"]["resourceVersion"])


@pytest.mark.parametrize("policy", ["Retain", "Delete"])
async def test_a_volume_that_is_to_go_waits_for_its_claim(world, policy):
    held = volume(persistentVolumeReclaimPolicy=policy)
    held["metadata"]["finalizers"] = ["kubernetes.io/pv-protection"]
    await world.create(PERSISTENT_VOLUME, held)
    await world.create(PERSISTENT_VOLUME_CLAIM, claim())
    await world.settle()
    await world.client.delete(PERSISTENT_VOLUME, "", "disk")
    await world.settle()
    assert await volume_now(world) == ("Bound", "data")
    await world.client.delete(PERSISTENT_VOLUME_CLAIM, "default", "data")
    await world.settle()

    with pytest.raises(NotFoundError):
        await world.get(PERSISTENT_VOLUME, "disk")


async def test_a_claim_in_use_goes_when_its_last_pod_does(world):
    mounted = [{"name": "v", "persistentVolumeClaim": {"claimName": "data"}}]
    held = claim()
    held["metadata"]["finalizers"] = ["kubernetes.io/pvc-protection"]
    await world.create(PERSISTENT_VOLUME_CLAIM, held)
    await world.create(POD, builders.pod("user", nodeName="node-1", volumes=mounted))
    await world.settle()
    await world.client.delete(PERSISTENT_VOLUME_CLAIM, "default", "data")
    await world.settle()
    assert (await world.get(PERSISTENT_VOLUME_CLAIM, "data"))["metadata"]["deletionTimestamp"]
    await world.client.delete(POD, "default", "user", grace_period_s=0)
    await world.settle()

    with pytest.raises(NotFoundError):
        await world.get(PERSISTENT_VOLUME_CLAIM, "data")


async def test_a_pods_own_volume_gets_a_claim_that_is_the_pods(world):
    template = {"metadata": {"labels": {"a": "b"}}, "spec": claim()["spec"]}
    volumes = [{"name": "scratch", "ephemeral": {"volumeClaimTemplate": template}}]
    pod = await world.create(POD, builders.pod("web", volumes=volumes))
    await world.settle()

    made = await world.get(PERSISTENT_VOLUME_CLAIM, "web-scratch")
    assert made["metadata"]["labels"] == {"a": "b"}
    assert [ref["uid"] for ref in made["metadata"]["ownerReferences"]] == [pod["metadata"]["uid"]]


async def test_a_volume_that_is_reserved_for_nobody_keeps_no_claim_waiting(world):
    await world.create(PERSISTENT_VOLUME, volume("odd", claimRef={"uid": "x"}))
    await world.create(PERSISTENT_VOLUME_CLAIM, claim())
    await world.create(PERSISTENT_VOLUME, volume())
    await world.settle()

    assert await claim_now(world) == ("Bound", "disk")
