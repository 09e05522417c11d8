"""[IO] The kinds that a cluster serves beyond the built-in ones."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import cache

from netemu.api.client import Object
from netemu.api.kinds import CUSTOM_RESOURCE_DEFINITION, Kind
from netemu.cli.resources import Query
from netemu.cli.session import NotRunningError, Session, run_with_session
from netemu.cli.target import Target

More = Callable[[], tuple[Kind, ...]]
"""Gives kinds that are not built in; asked only when a word means none of those."""


def custom_kinds(target: Target) -> More:
    """Ask the target's API, once and only when it matters; a cluster that does not run has none."""

    @cache
    def find() -> tuple[Kind, ...]:
        try:
            return run_with_session(target, _fetch)
        except NotRunningError:
            return ()

    return find


def kinds_defined_by(crds: Iterable[Object]) -> tuple[Kind, ...]:
    """Give the kinds of some definitions, the preferred version of each first."""
    from netemu.api.crd.definition import kinds_of

    return tuple(kind for crd in crds for kind in kinds_of(crd))


async def _fetch(session: Session) -> tuple[Kind, ...]:
    return kinds_defined_by((await session.list(Query(kind=CUSTOM_RESOURCE_DEFINITION))).items)
