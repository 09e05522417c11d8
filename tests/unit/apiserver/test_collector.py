"""What becomes of owners and of what they own."""

from __future__ import annotations

import pytest

from netemu.api.errors import NotFoundError
from netemu.api.kinds import CONFIG_MAP, NAMESPACE, SECRET
from netemu.apiserver.collector import Collector
from netemu.apiserver.options import DeleteOptions
from netemu.apiserver.registry import Registry
from netemu.settings import Settings


@pytest.fixture
def collector(registry):
    return Collector(registry)


@pytest.fixture
def make(registry):
    async def make(name, *owners, kind=CONFIG_MAP, blocks=True, **meta):
        refs = [
            {
                "apiVersion": owner["apiVersion"],
                "kind": owner["kind"],
                "name": owner["metadata"]["name"],
                "uid": owner["metadata"]["uid"],
                "blockOwnerDeletion": blocks,
            }
            for owner in owners
        ]
        owned = {"ownerReferences": refs} if refs else {}
        return await registry.create(
            kind, {"metadata": {"name": name, "namespace": "default", **owned, **meta}}
        )

    return make


def names(registry, kind=CONFIG_MAP):
    return [obj["metadata"]["name"] for obj in registry.list(kind).items]


def metadata(registry, name):
    return registry.get(CONFIG_MAP, "default", name)["metadata"]


async def delete(registry, name, policy):
    return await registry.delete(CONFIG_MAP, "default", name, DeleteOptions(propagation_policy=policy))


async def test_in_the_background_dependents_follow_their_owner(registry, collector, make):
    await make("child", await make("middle", await make("owner")))

    await delete(registry, "owner", "Background")
    await collector.collect()

    assert names(registry) == []


async def test_kinds_that_nobody_plans_from_are_collected_too(registry, collector, make):
    await make("child", await make("owner"), kind=SECRET)

    await delete(registry, "owner", "Background")
    await collector.collect()

    assert names(registry, SECRET) == []


async def test_in_the_foreground_an_owner_goes_last(registry, collector, make):
    held = await make("middle", await make("owner"))
    await make("child", held, finalizers=["example.com/hold"])

    await delete(registry, "owner", "Foreground")
    await collector.collect()

    assert names(registry) == ["child", "middle", "owner"]
    assert metadata(registry, "middle")["finalizers"] == ["foregroundDeletion"]
    await registry.patch(CONFIG_MAP, "default", "child", {"metadata": {"finalizers": None}})
    await collector.collect()
    assert names(registry) == []


async def test_in_the_foreground_only_those_that_block_are_waited_for(registry, collector, make):
    await make("child", await make("owner"), blocks=False, finalizers=["example.com/hold"])

    await delete(registry, "owner", "Foreground")
    await collector.collect()

    assert names(registry) == ["child"]
    assert "deletionTimestamp" in metadata(registry, "child")


async def test_owners_in_a_circle_do_not_wait_for_each_other(registry, collector, make):
    first = await make("first")
    last = await make("last", await make("middle", first))
    ref = {"apiVersion": "v1", "kind": "ConfigMap", "name": "last", "uid": last["metadata"]["uid"]}
    circle = {"metadata": {"ownerReferences": [{**ref, "blockOwnerDeletion": True}]}}
    await registry.patch(CONFIG_MAP, "default", "first", circle)

    await delete(registry, "first", "Foreground")
    await collector.collect()

    assert names(registry) == []


async def test_orphaned_dependents_stay_without_the_reference(registry, collector, make):
    await make("child", await make("owner"))

    await delete(registry, "owner", "Orphan")
    await collector.collect()

    assert names(registry) == ["child"]
    assert "ownerReferences" not in metadata(registry, "child")


async def test_a_dependent_with_another_owner_stays_with_that_one(registry, collector, make):
    one, other = await make("one"), await make("other")
    await make("child", one, other)

    await delete(registry, "one", "Background")
    await collector.collect()

    assert [ref["name"] for ref in metadata(registry, "child")["ownerReferences"]] == ["other"]


async def test_an_owner_of_the_same_name_is_not_the_same(registry, collector, make):
    gone = await make("owner")
    await registry.delete(CONFIG_MAP, "default", "owner")
    await make("owner")
    await make("child", gone)
    await collector.collect()

    assert names(registry) == ["owner"]


async def test_an_owner_of_an_unknown_kind_counts_as_there(registry, collector):
    ref = {"apiVersion": "example.com/v1", "kind": "Thing", "name": "t", "uid": "u"}
    meta = {"name": "child", "namespace": "default", "ownerReferences": [ref]}
    await registry.create(CONFIG_MAP, {"metadata": meta})
    await collector.collect()

    assert names(registry) == ["child"]


async def test_what_was_lost_while_nobody_looked_is_collected_at_the_start(registry, store, clock, make):
    owner = await make("owner")
    await make("child", owner)
    await store.delete("configmaps/default/owner")

    later = Registry(store, Settings(), clock)
    await Collector(later).collect()

    with pytest.raises(NotFoundError):
        later.get(CONFIG_MAP, "default", "child")


async def terminating(registry, collector, *, finalizers=()):
    await registry.create(NAMESPACE, {"metadata": {"name": "shop"}})
    meta = {"name": "c", "namespace": "shop", "finalizers": list(finalizers)}
    await registry.create(CONFIG_MAP, {"metadata": meta})
    await registry.delete(NAMESPACE, "", "shop")
    await collector.collect()


async def test_a_namespace_that_ends_is_emptied_and_goes(registry, collector):
    await terminating(registry, collector)

    assert names(registry, NAMESPACE) == ["default"]
    assert names(registry) == []


async def test_a_namespace_says_what_it_waits_for(registry, collector):
    await terminating(registry, collector, finalizers=["example.com/hold"])

    said = {one["type"]: one for one in registry.get(NAMESPACE, "", "shop")["status"]["conditions"]}
    assert said["NamespaceContentRemaining"]["message"] == (
        "Some resources are remaining: configmaps. has 1 resource instances"
    )
    assert said["NamespaceFinalizersRemaining"]["message"] == (
        "Some content in the namespace has finalizers remaining: example.com/hold in 1 resource instances"
    )
    await registry.patch(CONFIG_MAP, "shop", "c", {"metadata": {"finalizers": None}})
    await collector.collect()
    assert names(registry, NAMESPACE) == ["default"]


async def test_an_owner_without_dependents_does_not_wait(registry, collector, make):
    await make("owner")
    await delete(registry, "owner", "Foreground")
    await collector.collect()

    assert names(registry) == []


async def test_what_fails_in_an_unknown_way_keeps_nothing_else_from_being_collected(
    registry, collector, make, monkeypatch
):
    await make("odd", await make("owner"))
    await make("even", registry.get(CONFIG_MAP, "default", "owner"))
    await delete(registry, "owner", "Background")
    really = registry.delete

    async def stumble(kind, namespace, name, *more):
        if name == "odd":
            raise KeyError(name)
        return await really(kind, namespace, name, *more)

    monkeypatch.setattr(registry, "delete", stumble)
    await collector.collect()

    assert names(registry) == ["odd"]
