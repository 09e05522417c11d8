"""Tell a controller's story in random order, and see that it ends in the same place.

A story is what was wished for once, what may happen to it, the wish that is left at the end, and
what can be seen then. Whatever happened in between, long-lived controllers must end where new
ones end that only ever knew the last wish; and controllers that start then must find nothing to do.
"""

from __future__ import annotations

import random
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from netemu.controllers.reconciler import Reconciler
from netemu.controllers.registry import RECONCILERS
from netemu.controllers.writes import EmitEvent, LookAgain
from netemu.testing.world import World

Act = Callable[[World], Awaitable[object]]
Sight = Callable[[World], Awaitable[Any]]

STEPS_BETWEEN = 8


@dataclass(frozen=True, kw_only=True)
class Story:
    """What is replayed.

    ``begin`` makes the objects, each of ``cases`` does something to them at any time (also
    twice, or when its object is as it wants it), ``wish`` leaves them as they are wanted at the
    end, and ``sight`` tells what is there then, without names, times and numbers that come by
    chance.
    """

    begin: Act
    cases: Mapping[str, Act]
    wish: Act
    sight: Sight
    reconcilers: Sequence[Reconciler] = RECONCILERS


async def tell(story: Story, names: Sequence[str], *, seed: int = 0) -> Any:
    """Let the named cases happen, with a few plans between them, and tell what is seen at the end."""
    world = await _begun(story, seed)
    for name in names:
        await story.cases[name](world)
        for _ in range(world.rng.randrange(STEPS_BETWEEN)):
            await world.step()
    return await _ended(story, world)


async def check_any_order(story: Story, *, rounds: int = 4, seed: int = 0) -> None:
    """Let all cases happen in random orders to one long-lived set of controllers.

    Raises:
        AssertionError: after some round they are not where new ones would be.

    """
    expected = await tell(story, [], seed=seed)
    order = random.Random(seed)
    world = await _begun(story, seed)
    for _ in range(rounds):
        names = order.sample(sorted(story.cases), len(story.cases))
        for name in names:
            await story.cases[name](world)
            for _ in range(order.randrange(STEPS_BETWEEN)):
                await world.step()
        seen = await _ended(story, world)
        assert seen == expected, f"after {names}:\n{seen}\nbut new controllers end with\n{expected}"
    await check_nothing_left(world)


async def check_nothing_left(world: World) -> None:
    """Start new controllers over what is there.

    Raises:
        AssertionError: one of them wants to write.

    """
    world.restart()
    await world.observe()
    for number, key in list(world.todo):
        reconciler = world.reconcilers[number]
        writes = reconciler.plan(world.cache, key, world.now_s)
        wanted = [write for write in writes if not isinstance(write, (EmitEvent, LookAgain))]
        assert not wanted, f"{reconciler.name} still wants for {key}: {wanted}"


async def _begun(story: Story, seed: int) -> World:
    world = await World(seed=seed, reconcilers=story.reconcilers).start()
    await story.begin(world)
    return world


async def _ended(story: Story, world: World) -> Any:
    await story.wish(world)
    world.retry()
    await world.heal()
    await world.converge()
    return await story.sight(world)
