"""The kinds that an API serves right now: the built-in ones, and those of CustomResourceDefinitions."""

from __future__ import annotations

from collections.abc import Iterable

from netemu.api.crd.definition import version_rank
from netemu.api.kinds import KINDS, Kind


class ServedKinds:
    """All kinds, by group, version and resource or kind; ``define`` and ``forget`` change them in place.

    ``generation`` grows with every change: documents made from the kinds can be kept until then.
    """

    def __init__(self, built_in: Iterable[Kind] = KINDS) -> None:
        self._built_in = tuple(built_in)
        self._defined: dict[str, tuple[Kind, ...]] = {}
        self.generation = 0
        self._index()

    @property
    def all(self) -> tuple[Kind, ...]:
        """Every kind in every version; of one group the preferred version comes first."""
        return self._all

    @property
    def groups(self) -> tuple[str, ...]:
        """The names of all groups but the core one."""
        return tuple(group for group in self._versions if group)

    def versions(self, group: str) -> tuple[str, ...]:
        """Give a group's versions, the preferred one first; none for an unknown group."""
        return self._versions.get(group, ())

    def find(self, group: str, version: str, resource: str) -> Kind | None:
        """Find the kind that a path names."""
        return self._by_resource.get((group, version, resource))

    def find_kind(self, group: str, version: str, kind: str) -> Kind | None:
        """Find the kind that an object's ``apiVersion`` and ``kind`` name."""
        return self._by_kind.get((group, version, kind))

    def stored(self) -> Iterable[Kind]:
        """Give one kind for each resource, the one that objects are stored as."""
        return dict.fromkeys(kind.stored or kind for kind in self._all)

    def define(self, definition: str, kinds: Iterable[Kind]) -> None:
        """Serve the kinds of a definition, in place of those that it had."""
        self._defined[definition] = tuple(kinds)
        self._index()

    def forget(self, definition: str) -> None:
        """Serve the kinds of a definition no longer."""
        self._defined.pop(definition, None)
        self._index()

    def _index(self) -> None:
        defined = [kind for kinds in self._defined.values() for kind in kinds]
        self._all = (*self._built_in, *defined)
        self._by_resource = {(k.group, k.version, k.resource): k for k in self._all}
        self._by_kind = {(k.group, k.version, k.kind): k for k in self._all}
        self._versions: dict[str, tuple[str, ...]] = {}
        for group in dict.fromkeys(kind.group for kind in self._all):
            names = {kind.version for kind in self._all if kind.group == group}
            self._versions[group] = tuple(sorted(names, key=version_rank, reverse=True))
        self.generation += 1


BUILT_IN = ServedKinds()
"""The kinds of an API without definitions; never changed."""
