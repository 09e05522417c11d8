"""What is stored, and what is known of it: who owns what, which addresses, quotas and definitions there are.

A write is checked against all of that, stored, and noted there, without anything in between.
"""

from __future__ import annotations

import random
from contextlib import AbstractContextManager, nullcontext

from netemu.api.client import Object
from netemu.api.kinds import CUSTOM_RESOURCE_DEFINITION, NAMESPACE, SERVICE, Kind
from netemu.apiserver import changes, services, words
from netemu.apiserver.aggregation.remotes import Remotes
from netemu.apiserver.crds import Definitions
from netemu.apiserver.emptying import EndingNamespaces
from netemu.apiserver.flows.matching import Flows
from netemu.apiserver.hooks.index import HookIndex
from netemu.apiserver.ipobjects import IpObjects
from netemu.apiserver.keys import key_of, prefix_of
from netemu.apiserver.options import TRUSTED, WriteOptions
from netemu.apiserver.owners import Owners
from netemu.apiserver.quotakeeper import Quotas
from netemu.apiserver.selection import EVERYTHING, Selection
from netemu.clock import Clock
from netemu.naming import Revision
from netemu.settings import Settings
from netemu.store.errors import CompareFailedError
from netemu.store.store import ABSENT, Entry, Listing, Store


class Ledger:
    """All objects of one cluster, and the indexes that follow every write."""

    def __init__(self, store: Store, settings: Settings, clock: Clock, rng: random.Random) -> None:
        self.store = store
        self.definitions = Definitions(store.range(f"{CUSTOM_RESOURCE_DEFINITION.key}/").values, clock)
        self.ips = IpObjects(store, clock, self._note)
        self.owners = Owners(self.definitions.kinds, self.find)
        self.ending = EndingNamespaces(self.owners.wake)
        self.quotas = Quotas(
            lambda kind, namespace: self.selected(kind, namespace).values, self.definitions.kinds.stored
        )
        self._addresses = services.ServiceAddresses(settings, rng)
        self.hooks = HookIndex()
        self.flows = Flows()
        self.remotes = Remotes()
        for kind in self.definitions.kinds.stored():
            for obj in store.range(f"{kind.key}/").values:
                self._note(kind, None, obj)

    def find(self, kind: Kind, namespace: str, name: str) -> Object | None:
        """Read one object, if there is one."""
        entry = self.store.get(key_of(kind, namespace, name))
        return entry.value if entry is not None else None

    def entry(self, kind: Kind, namespace: str, name: str) -> Entry:
        """Read one object with its revision.

        Raises:
            NotFoundError: there is none.

        """
        entry = self.store.get(key_of(kind, namespace, name))
        if entry is None:
            raise words.not_found(kind, name)
        return entry

    def selected(
        self, kind: Kind, namespace: str, selection: Selection = EVERYTHING, at: Revision | None = None
    ) -> Listing:
        """Read what is selected of a kind, of one namespace or (empty) of all."""
        listing = self.store.range(prefix_of(kind, namespace), at)
        if selection is EVERYTHING:
            return listing
        return Listing([obj for obj in listing.values if selection.selects(obj)], listing.revision)

    def check_open(self, kind: Kind, namespace: str, name: str) -> None:
        """Refuse new objects of a definition, or in a namespace, that is going away.

        Raises:
            MethodNotAllowedError, NotFoundError, ForbiddenError: as Kubernetes.

        """
        self.definitions.check_open(kind)
        if kind.namespaced:
            found = self.entry(NAMESPACE, "", namespace)
            if "deletionTimestamp" in found.value["metadata"]:
                raise words.namespace_terminating(kind, name, namespace)

    async def add(self, kind: Kind, namespace: str, name: str, obj: Object, options: WriteOptions) -> Object:
        """Store a new object.

        Raises:
            AlreadyExistsError: someone else was faster.

        """
        with self._claimed(kind, obj, None, options) as assigned:
            if options.dry_run:
                return assigned
            try:
                made = (await self.store.put(key_of(kind, namespace, name), assigned, expected=ABSENT)).value
            except CompareFailedError as err:
                raise words.already_exists(kind, name) from err
        self._note(kind, None, made)
        await self.ips.follow(kind, None, made)
        return made

    async def put(self, kind: Kind, new: Object, entry: Entry, options: WriteOptions = TRUSTED) -> Object:
        """Store an object in place of the one that was read; one that is the same is not written.

        Raises:
            CompareFailedError: someone else was faster.

        """
        if changes.is_same(new, entry.value):
            return entry.value
        options.check_allowed(kind, new, entry.value)
        with self._claimed(kind, new, entry.value, options) as assigned:
            if options.dry_run:
                return assigned
            meta = assigned["metadata"]
            fresh = {**assigned, "metadata": {**meta}}  # the store writes the revision into it
            key = key_of(kind, meta.get("namespace", ""), meta["name"])
            written = (await self.store.put(key, fresh, expected=entry.revision)).value
        self._note(kind, entry.value, written)
        await self.ips.follow(kind, entry.value, written)
        return written

    async def remove(self, kind: Kind, entry: Entry) -> Object:
        """Remove an object as it was read; give it as it was at last.

        Raises:
            CompareFailedError: someone else was faster.

        """
        meta = entry.value["metadata"]
        key = key_of(kind, meta.get("namespace", ""), meta["name"])
        last = await self.store.delete(key, expected=entry.revision)
        self._note(kind, last.value, None)
        await self.ips.follow(kind, entry.value, None)
        return last.value

    def _note(self, kind: Kind, old: Object | None, new: Object | None) -> None:
        self.owners.note(kind, old, new)
        self.ending.note(kind, old, new)
        self._addresses.note(kind, old, new)
        self.quotas.note(kind, old, new)
        self.hooks.note(kind, new, old)
        self.flows.note(kind, new, old)
        self.remotes.note(kind, new, old)

    def _claimed(
        self, kind: Kind, new: Object, old: Object | None, options: WriteOptions
    ) -> AbstractContextManager[Object]:
        keep = not options.dry_run
        self.quotas.check(kind, new, old)
        if kind is SERVICE:
            return self._addresses.claim(new, old, keep=keep)
        if kind is CUSTOM_RESOURCE_DEFINITION:
            return self.definitions.claim(new, keep=keep)
        return nullcontext(new)
