"""What is left of owners' objects and of namespaces does not depend on the order of deletions."""

from __future__ import annotations

from netemu.api.errors import ApiError
from netemu.api.kinds import CONFIG_MAP, DEPLOYMENT, NAMESPACE, POD, REPLICA_SET, SECRET
from netemu.testing import builders
from netemu.testing.convergence import Story, check_any_order


def config_map(name, namespace="default", *owners):
    references = [
        {"apiVersion": "v1", "kind": "Secret", "name": o["metadata"]["name"], "uid": o["metadata"]["uid"]}
        for o in owners
    ]
    return {"metadata": {"name": name, "namespace": namespace, "ownerReferences": references}}


async def create(world, kind, obj):
    """Create what may be there already, or may not be made now."""
    try:
        return await world.create(kind, obj)
    except ApiError:
        return None


async def delete(world, kind, name, namespace="default", propagation=""):
    if name in await world.names(kind, namespace):
        await world.client.delete(kind, namespace, name, propagation=propagation)


async def test_dependents_go_with_the_last_of_their_owners():
    async def begin(world):
        owners = [await world.create(SECRET, {"metadata": {"name": n, "namespace": "default"}}) for n in "ab"]
        await world.create(CONFIG_MAP, config_map("of-a", "default", owners[0]))
        await world.create(CONFIG_MAP, config_map("of-b", "default", owners[1]))
        await world.create(CONFIG_MAP, config_map("of-both", "default", *owners))
        await world.create(CONFIG_MAP, config_map("of-nobody"))

    async def late(world):
        """A dependent of an owner that may be gone already, under another name."""
        ghost = {"metadata": {"name": "a", "uid": "gone"}}
        await create(world, CONFIG_MAP, config_map("late", "default", ghost))

    async def wish(world):
        for name in "ab":
            await delete(world, SECRET, name)

    async def sight(world):
        return await world.names(SECRET), await world.names(CONFIG_MAP)

    story = Story(
        begin=begin,
        cases={
            "a goes": lambda world: delete(world, SECRET, "a", propagation="Background"),
            "b goes after its own": lambda world: delete(world, SECRET, "b", propagation="Foreground"),
            "a dependent goes": lambda world: delete(world, CONFIG_MAP, "of-both"),
            "one comes late": late,
        },
        wish=wish,
        sight=sight,
        reconcilers=(),
    )
    await check_any_order(story)


async def test_a_namespace_goes_with_all_that_is_in_it_and_can_come_again():
    async def begin(world):
        await create(world, NAMESPACE, builders.namespace("team"))
        await create(world, CONFIG_MAP, config_map("one", "team"))

    async def deploy(world):
        made = builders.deployment()
        await create(world, DEPLOYMENT, {**made, "metadata": {**made["metadata"], "namespace": "team"}})

    async def wish(world):
        await delete(world, NAMESPACE, "team", "")
        await world.converge()
        await begin(world)

    async def sight(world):
        kinds = (CONFIG_MAP, DEPLOYMENT, REPLICA_SET, POD)
        return [await world.names(kind, "team") for kind in kinds], "team" in await world.names(NAMESPACE, "")

    story = Story(
        begin=begin,
        cases={
            "it is deleted": lambda world: delete(world, NAMESPACE, "team", ""),
            "it comes": begin,
            "a workload comes": deploy,
            "another object comes": lambda world: create(world, CONFIG_MAP, config_map("two", "team")),
            "agents act": lambda world: world.run_agents(),
        },
        wish=wish,
        sight=sight,
    )
    await check_any_order(story, rounds=3)
