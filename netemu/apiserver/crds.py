"""The CustomResourceDefinitions of one registry, and the kinds that they add to what is served."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from netemu.api.client import Object
from netemu.api.crd import names
from netemu.api.crd.definition import has_condition, is_terminating, kinds_of
from netemu.api.errors import MethodNotAllowedError
from netemu.api.kinds import Kind
from netemu.api.served import ServedKinds
from netemu.clock import Clock


class Definitions:
    """Decides names, and keeps ``kinds`` equal to what is stored.

    The state is what the store has: the definitions, by name.
    """

    def __init__(self, stored: Iterable[Object], clock: Clock) -> None:
        self.kinds = ServedKinds()
        self._clock = clock
        self._crds: dict[str, Object] = {}
        self._emptying: set[str] = set()
        for crd in stored:
            self._hold(crd)

    @contextmanager
    def claim(self, new: Object, *, keep: bool) -> Iterator[Object]:
        """Give a definition with its names decided; with ``keep`` it is served when the block ends well."""
        decided = self.decided(new)
        yield decided
        if keep:
            self._hold(decided)

    def decided(self, crd: Object) -> Object:
        """Give a definition with its names decided."""
        return crd if is_terminating(crd) else names.named(crd, self._crds.values(), self._clock())

    def unnamed(self) -> list[str]:
        """Name the definitions that want names which others have, or had."""
        return [name for name, crd in self._crds.items() if not has_condition(crd, "NamesAccepted")]

    def forget(self, crd: Object) -> None:
        """Serve a deleted definition no longer."""
        name = crd["metadata"]["name"]
        self._crds.pop(name, None)
        self.kinds.forget(name)

    def check_open(self, kind: Kind) -> None:
        """Refuse new objects of a definition that is going away.

        Raises:
            MethodNotAllowedError: it is.

        """
        if self.is_ending(kind):
            raise MethodNotAllowedError(
                "create not allowed while custom resource definition is terminating",
                group=kind.group,
                kind=kind.resource,
            )

    def is_ending(self, kind: Kind) -> bool:
        """Tell whether a kind's definition is going away."""
        crd = self._crds.get(kind.custom.definition) if kind.custom is not None else None
        return crd is not None and is_terminating(crd)

    def is_last_awaited(self, kind: Kind) -> bool:
        """Tell whether a kind's definition waits for its objects to go, one by one."""
        return (
            self.is_ending(kind) and kind.custom is not None and kind.custom.definition not in self._emptying
        )

    @contextmanager
    def emptying(self, name: str) -> Iterator[None]:
        """Wait for no object while the block deletes them all."""
        self._emptying.add(name)
        try:
            yield
        finally:
            self._emptying.discard(name)

    def kind_of(self, crd: Object) -> Kind | None:
        """Give the kind that a definition's objects are stored as."""
        kinds = kinds_of(crd)
        return (kinds[0].stored or kinds[0]) if kinds else None

    def _hold(self, crd: Object) -> None:
        name = crd["metadata"]["name"]
        had = self._crds.get(name)
        self._crds[name] = crd
        if had is None or any(had.get(part) != crd.get(part) for part in ("spec", "status")):
            self.kinds.define(name, kinds_of(crd))
