"""Claims that nobody serves say so."""

from __future__ import annotations

import pytest

from netemu.api.kinds import PERSISTENT_VOLUME_CLAIM

NO_CLASS = "no persistent volumes available for this claim and no storage class is set"
NO_PROVISIONER = 'storageclass.storage.k8s.io "fast" has no provisioner in this cluster'


def claim(**spec):
    asked = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}, **spec}
    meta = {"name": "data", "namespace": "default"}
    return {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": meta, "spec": asked}


@pytest.mark.parametrize(
    ("spec", "event"),
    [
        pytest.param({}, ("FailedBinding", NO_CLASS), id="no-class"),
        pytest.param({"storageClassName": "fast"}, ("ProvisioningFailed", NO_PROVISIONER), id="a-class"),
    ],
)
async def test_a_claim_says_why_it_stays_pending(world, spec, event):
    await world.create(PERSISTENT_VOLUME_CLAIM, claim(**spec))
    await world.settle()

    assert await world.events() == [event]
    assert (await world.get(PERSISTENT_VOLUME_CLAIM, "data"))["status"]["phase"] == "Pending"


async def test_a_claim_of_a_volume_that_is_named_is_left_alone(world):
    await world.create(PERSISTENT_VOLUME_CLAIM, claim(volumeName="disk-1"))
    await world.settle()

    assert await world.events() == []
