"""[IO] Ask a router of a cluster what it knows, in the words of FRR's command line."""

from __future__ import annotations

import asyncio

from netemu.balancer.vty import RouterError, opened
from netemu.cluster.places import NoPlaceError
from netemu.cluster.saved import get_saved
from netemu.cluster.world import OUTSIDE, plan_world
from netemu.settings import Paths


def ask_router(name: str, paths: Paths, place: str, command: str) -> str:
    """Type one command, and give what is printed; nothing that is typed so changes a configuration.

    Raises:
        NoClusterError, NoPlaceError: there is no such router.
        RouterError: it does not run, or does not know the command.

    """
    settings = get_saved(name, paths)
    if settings.load_balancer != "bgp":
        raise NoPlaceError(
            f"cluster {name!r} has no routers that speak BGP", hint="netemu up --load-balancer bgp makes one."
        )
    places = [OUTSIDE, *(node.name for node in plan_world(settings).nodes)]
    if place not in places:
        raise NoPlaceError(f"there is no router named {place!r}", hint="Their names: " + ", ".join(places))
    status, said = asyncio.run(_ask(paths, place, command))
    if status != 0:
        raise RouterError(f"bgpd on {place} refuses {command!r}: {said.strip() or f'status {status}'}")
    return said


async def _ask(paths: Paths, place: str, command: str) -> tuple[int, str]:
    async with opened(paths.run / "frr" / place / "bgpd.vty") as vty:
        return await vty.ask(command)
