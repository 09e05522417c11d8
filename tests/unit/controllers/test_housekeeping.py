"""Namespaces, owners, nodes that are gone, and what nobody serves."""

from __future__ import annotations

import pytest

from netemu.api.errors import NotFoundError
from netemu.api.kinds import (
    CONFIG_MAP,
    DEPLOYMENT,
    EVENT,
    INGRESS,
    NAMESPACE,
    NODE,
    POD,
    REPLICA_SET,
    SERVICE_ACCOUNT,
)
from netemu.testing import builders


def config_map(name="c", namespace="shop", **meta):
    metadata = {"name": name, "namespace": namespace, **meta}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata}


async def test_each_namespace_has_a_default_service_account(world):
    await world.create(NAMESPACE, builders.namespace("shop"))
    await world.settle()

    assert await world.names(SERVICE_ACCOUNT, "shop") == ["default"]

    await world.client.delete(SERVICE_ACCOUNT, "shop", "default")
    await world.settle()
    assert await world.names(SERVICE_ACCOUNT, "shop") == ["default"]


async def test_a_namespace_that_ends_is_emptied_before_it_goes(world):
    await world.create(NAMESPACE, builders.namespace("shop"))
    await world.create(CONFIG_MAP, config_map())
    deployment = builders.deployment(replicas=2)
    deployment["metadata"]["namespace"] = "shop"
    await world.create(DEPLOYMENT, deployment)
    await world.converge()
    await world.recorder.flush()

    await world.client.delete(NAMESPACE, "", "shop")
    await world.settle()
    assert await world.names(CONFIG_MAP, "shop") == []
    assert await world.names(NAMESPACE, "") == ["default", "shop"]  # its pods still terminate
    await world.converge()

    assert await world.names(NAMESPACE, "") == ["default"]
    assert await world.names(EVENT, "shop") == []


async def test_what_a_deleted_owner_owned_goes_with_all_that_it_owned(world):
    await world.create(DEPLOYMENT, builders.deployment(replicas=2))
    await world.converge()

    await world.client.delete(DEPLOYMENT, "default", "web")
    await world.converge()

    assert await world.names(REPLICA_SET) == []
    assert await world.names(POD) == []


async def test_an_object_whose_owner_never_was_is_collected(world):
    owner = {"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "gone", "uid": "1-2"}
    await world.create(CONFIG_MAP, config_map(namespace="default", ownerReferences=[owner]))
    await world.settle()

    assert await world.names(CONFIG_MAP) == []


@pytest.mark.parametrize(
    "owner",
    [
        pytest.param(
            {"apiVersion": "example.org/v1", "kind": "Thing", "name": "x", "uid": "1"}, id="unknown-kind"
        ),
        pytest.param({"apiVersion": "v1", "kind": "Node", "name": "node-1"}, id="there"),
    ],
)
async def test_an_object_with_an_owner_that_may_exist_stays(world, owner):
    node = await world.get(NODE, "node-1", "")
    await world.create(
        CONFIG_MAP,
        config_map(namespace="default", ownerReferences=[{"uid": node["metadata"]["uid"], **owner}]),
    )
    await world.settle()

    assert await world.names(CONFIG_MAP) == ["c"]


async def test_an_owner_that_only_the_cache_does_not_know_yet_counts(world):
    owner = await world.create(CONFIG_MAP, config_map("owner", "default"))
    await world.observe()
    world.cache.apply(CONFIG_MAP, None, key=next(iter(world.cache.keys(CONFIG_MAP))))
    ref = {"apiVersion": "v1", "kind": "ConfigMap", "name": "owner", "uid": owner["metadata"]["uid"]}
    await world.create(CONFIG_MAP, config_map("owned", "default", ownerReferences=[ref]))
    await world.settle()

    assert await world.names(CONFIG_MAP) == ["owned", "owner"]


async def test_pods_of_a_node_that_is_gone_are_deleted_at_once(world):
    await world.create(POD, builders.pod("lost", node="node-1"))
    await world.create(POD, builders.pod("waiting"))
    await world.settle()

    await world.client.delete(NODE, "", "node-1")
    await world.settle()

    assert await world.names(POD) == ["waiting"]


async def test_an_ingress_that_nobody_serves_says_so_once_for_each_spec(world):
    await world.create(INGRESS, builders.ingress(class_name="ambassador"))
    await world.settle()
    await world.edit(INGRESS, "web", {"metadata": {"labels": {"a": "b"}}})
    await world.settle()
    await world.recorder.flush()

    (event,) = await world.list(EVENT)
    assert (event["reason"], event["count"]) == ("NoController", 1)
    assert 'no IngressClass "ambassador"' in event["message"]


async def test_a_namespace_without_finalizers_is_deleted_again(world):
    await world.create(NAMESPACE, builders.namespace("shop"))
    await world.client.delete(NAMESPACE, "", "shop")
    await world.settle()

    with pytest.raises(NotFoundError):
        await world.get(NAMESPACE, "shop", "")
