"""What a delete request does at once, and what it leaves to others."""

from __future__ import annotations

import pytest

from netemu.api.errors import ConflictError, ForbiddenError, InvalidError, NotFoundError
from netemu.api.kinds import CONFIG_MAP, NAMESPACE, POD
from netemu.apiserver.options import DeleteOptions, Preconditions


@pytest.fixture
def make_pod(registry):
    async def make(node="node-1", phase="Running", **meta):
        spec = {"containers": [{"name": "c", "image": "nginx"}]}
        if node:
            spec["nodeName"] = node
        await registry.create(POD, {"metadata": {"name": "p", "namespace": "default", **meta}, "spec": spec})
        return await registry.patch(POD, "default", "p", {"status": {"phase": phase}}, subresource="status")

    return make


def config_map(**meta):
    return {"metadata": {"name": "c", "namespace": "default", **meta}}


async def test_an_object_without_finalizers_goes_at_once(registry):
    await registry.create(CONFIG_MAP, config_map())

    deleted = await registry.delete(CONFIG_MAP, "default", "c")

    assert deleted.gone
    with pytest.raises(NotFoundError):
        registry.get(CONFIG_MAP, "default", "c")


async def test_an_object_with_a_finalizer_stays_until_it_is_let_go(registry):
    await registry.create(CONFIG_MAP, config_map(finalizers=["example.com/hold"]))

    deleted = await registry.delete(CONFIG_MAP, "default", "c")
    again = await registry.delete(CONFIG_MAP, "default", "c")
    await registry.patch(CONFIG_MAP, "default", "c", {"metadata": {"finalizers": None}})

    assert deleted.object["metadata"]["deletionTimestamp"] == "2023-11-14T22:13:20Z"
    assert (deleted.gone, again.gone) == (False, False)
    with pytest.raises(NotFoundError):
        registry.get(CONFIG_MAP, "default", "c")


async def test_a_running_pod_is_marked_and_given_its_time(registry, make_pod):
    await make_pod()

    deleted = await registry.delete(POD, "default", "p")

    meta = deleted.object["metadata"]
    assert not deleted.gone
    assert meta["deletionGracePeriodSeconds"] == 30
    assert meta["deletionTimestamp"] == "2023-11-14T22:13:50Z"
    assert meta["generation"] == 2


async def test_the_agent_ends_it_with_no_grace(registry, make_pod):
    await make_pod()
    await registry.delete(POD, "default", "p")

    assert (await registry.delete(POD, "default", "p", DeleteOptions(grace_period_seconds=0))).gone


@pytest.mark.parametrize(
    ("asked", "left"),
    [pytest.param(5, 5, id="shorter"), pytest.param(90, 30, id="longer"), pytest.param(None, 30, id="same")],
)
async def test_a_second_request_can_only_shorten_the_time(registry, make_pod, asked, left):
    await make_pod()
    await registry.delete(POD, "default", "p")

    again = await registry.delete(POD, "default", "p", DeleteOptions(grace_period_seconds=asked))

    assert again.object["metadata"]["deletionGracePeriodSeconds"] == left


@pytest.mark.parametrize(
    ("node", "phase"),
    [
        pytest.param("", "Pending", id="unscheduled"),
        pytest.param("node-1", "Succeeded", id="succeeded"),
        pytest.param("node-1", "Failed", id="failed"),
    ],
)
async def test_a_pod_that_runs_nowhere_goes_at_once(registry, make_pod, node, phase):
    await make_pod(node, phase)

    assert (await registry.delete(POD, "default", "p")).gone


async def test_a_pod_with_a_finalizer_outlives_its_grace(registry, make_pod):
    await make_pod(finalizers=["example.com/hold"])
    await registry.delete(POD, "default", "p")

    ended = await registry.delete(POD, "default", "p", DeleteOptions(grace_period_seconds=0))
    await registry.patch(POD, "default", "p", {"metadata": {"finalizers": []}})

    assert not ended.gone
    with pytest.raises(NotFoundError):
        registry.get(POD, "default", "p")


async def test_letting_go_of_a_finalizer_does_not_cut_a_pods_time_short(registry, make_pod):
    await make_pod(finalizers=["example.com/hold"])
    await registry.delete(POD, "default", "p")
    await registry.patch(POD, "default", "p", {"metadata": {"finalizers": []}})

    assert registry.get(POD, "default", "p")["metadata"]["deletionGracePeriodSeconds"] == 30


@pytest.mark.parametrize(
    "preconditions", [Preconditions(uid="other"), Preconditions(resource_version="1")], ids=["uid", "version"]
)
async def test_a_precondition_that_does_not_hold_is_a_conflict(registry, preconditions):
    await registry.create(CONFIG_MAP, config_map())

    with pytest.raises(ConflictError, match="Precondition failed"):
        await registry.delete(CONFIG_MAP, "default", "c", DeleteOptions(preconditions=preconditions))


@pytest.mark.parametrize(
    ("policy", "finalizers"),
    [
        pytest.param("Background", None, id="background"),
        pytest.param("Foreground", ["foregroundDeletion"], id="foreground"),
        pytest.param("Orphan", ["orphan"], id="orphan"),
    ],
)
async def test_the_policy_becomes_a_finalizer_for_the_collector(registry, policy, finalizers):
    await registry.create(CONFIG_MAP, config_map())

    deleted = await registry.delete(CONFIG_MAP, "default", "c", DeleteOptions(propagation_policy=policy))

    assert deleted.gone is (finalizers is None)
    assert deleted.object["metadata"].get("finalizers") == finalizers


@pytest.mark.parametrize(
    ("options", "said"),
    [
        pytest.param({"propagation_policy": "Never"}, 'Unsupported value: "Never"', id="unknown"),
        pytest.param(
            {"propagation_policy": "Orphan", "orphan_dependents": True}, "cannot be both set", id="twice"
        ),
    ],
)
async def test_a_policy_that_is_none_is_refused(registry, options, said):
    await registry.create(CONFIG_MAP, config_map())

    with pytest.raises(InvalidError, match=said):
        await registry.delete(CONFIG_MAP, "default", "c", DeleteOptions(**options))


async def test_the_systems_namespaces_cannot_be_deleted(registry):
    with pytest.raises(ForbiddenError, match='namespaces "default" is forbidden: this namespace may not'):
        await registry.delete(NAMESPACE, "", "default")


async def test_a_namespace_goes_when_it_has_been_emptied(registry):
    await registry.create(NAMESPACE, {"metadata": {"name": "old"}})
    deleted = await registry.delete(NAMESPACE, "", "old")
    emptied = {**deleted.object, "spec": {"finalizers": []}}

    await registry.update(NAMESPACE, emptied, subresource="finalize")

    assert deleted.object["status"]["phase"] == "Terminating"
    with pytest.raises(NotFoundError):
        registry.get(NAMESPACE, "", "old")


async def test_finalizers_of_a_namespace_are_not_for_ordinary_updates(registry):
    await registry.create(NAMESPACE, {"metadata": {"name": "old"}})

    made = await registry.update(NAMESPACE, {"metadata": {"name": "old"}, "spec": {"finalizers": []}})

    assert made["spec"]["finalizers"] == ["kubernetes"]


async def test_a_dry_run_deletes_nothing(registry):
    await registry.create(CONFIG_MAP, config_map())

    assert (await registry.delete(CONFIG_MAP, "default", "c", DeleteOptions(dry_run=("All",)))).gone
    assert registry.get(CONFIG_MAP, "default", "c")


async def test_a_collection_is_deleted_as_its_members_would_be(registry):
    for name in "ab":
        await registry.create(CONFIG_MAP, {"metadata": {"name": name, "namespace": "default"}})

    deleted = await registry.delete_collection(CONFIG_MAP, "default")

    assert [obj["metadata"]["name"] for obj in deleted.items] == ["a", "b"]
    assert registry.list(CONFIG_MAP).items == []
