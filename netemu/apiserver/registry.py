"""The meaning of Kubernetes' verbs over a store.

Every write reads the current object, decides what becomes of it, and puts it with the revision
that it read; when someone else was faster, and the caller named no version, it decides again.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Any

from netemu.api.apply import Writer
from netemu.api.client import Object, ObjectList, PatchType
from netemu.api.crd import names
from netemu.api.defaulting import default
from netemu.api.errors import AlreadyExistsError, ApiError, ExpiredError, NotFoundError
from netemu.api.kinds import CUSTOM_RESOURCE_DEFINITION, NAMESPACE, SERVICE, Kind
from netemu.api.served import ServedKinds
from netemu.apiserver import applying, changes, deletion, metadata, paging, services, words
from netemu.apiserver.crds import Definitions
from netemu.apiserver.emptying import EndingNamespaces
from netemu.apiserver.ipobjects import IpObjects
from netemu.apiserver.keys import key_of, prefix_of
from netemu.apiserver.options import BACKGROUND, TRUSTED, DeleteOptions, WriteOptions
from netemu.apiserver.outcomes import Application, Deletion
from netemu.apiserver.owners import Owners
from netemu.apiserver.paging import Page, PageRequest
from netemu.apiserver.quotakeeper import Quotas
from netemu.apiserver.selection import EVERYTHING, Selection
from netemu.clock import Clock, format_rfc3339
from netemu.naming import Revision
from netemu.settings import Settings
from netemu.store.errors import CompareFailedError
from netemu.store.store import ABSENT, Entry, Event, Listing, Store
from netemu.store.watch import Watch

Find = Callable[[Kind, str, str], Object]
Admission = Callable[[Kind, Object, Find], Object]
"""Completes or refuses a new object, reading what others are there."""

ATTEMPTS = 10
"""How often a write that named no version is decided again before it is a conflict."""

Change = Callable[[Object], Object]


class Registry:
    """All objects of one cluster."""

    def __init__(
        self,
        store: Store,
        settings: Settings,
        clock: Clock,
        *,
        rng: random.Random | None = None,
        admit: Admission | None = None,
    ) -> None:
        self._store = store
        self._clock = clock
        self._rng = rng or random.Random()
        self._admit = admit
        self._addresses = services.ServiceAddresses(settings, self._rng)
        self.ips = IpObjects(store, clock, self._note)
        self._definitions = Definitions(store.range(f"{CUSTOM_RESOURCE_DEFINITION.key}/").values, clock)
        self.owners = Owners(self._definitions.kinds, self._find)
        self.ending = EndingNamespaces(self.owners.wake)
        self.quotas = Quotas(lambda kind, namespace: self.list(kind, namespace).items, self.kinds.stored)
        for kind in self._definitions.kinds.stored():
            for obj in store.range(f"{kind.key}/").values:
                self._note(kind, None, obj)

    @property
    def kinds(self) -> ServedKinds:
        """The kinds that are served now."""
        return self._definitions.kinds

    @property
    def revision(self) -> Revision:
        """The revision of the last write."""
        return self._store.revision

    def get(self, kind: Kind, namespace: str, name: str, *, subresource: str = "") -> Object:
        """Read one object, or its ``scale``.

        Raises:
            NotFoundError: there is none.

        """
        return changes.part(kind, self._entry(kind, namespace, name).value, subresource)

    def list(self, kind: Kind, namespace: str = "", selection: Selection = EVERYTHING) -> ObjectList:
        """Read all objects of a kind, of one namespace or (empty) of all."""
        values, revision = self._selected(kind, namespace, selection, None)
        return ObjectList(values, revision)

    def page(self, kind: Kind, namespace: str, selection: Selection, wanted: PageRequest) -> Page:
        """Read a part of a list, as it was when its first page was read.

        Raises:
            ExpiredError: that is too long ago; the error says how to go on all the same.

        """
        try:
            values, revision = self._selected(kind, namespace, selection, wanted.revision)
        except ExpiredError as err:
            if wanted.start is None:
                raise
            token = paging.render_token(paging.Start(paging.CURRENT, wanted.start.key))
            raise ExpiredError(paging.TOO_OLD, continue_token=token) from err
        return paging.cut(values, revision, wanted, is_counted=selection is EVERYTHING)

    def _selected(self, kind: Kind, namespace: str, selection: Selection, at: Revision | None) -> Listing:
        listing = self._store.range(prefix_of(kind, namespace), at)
        if selection is EVERYTHING:
            return listing
        return Listing([obj for obj in listing.values if selection.selects(obj)], listing.revision)

    def watch(self, kind: Kind, namespace: str = "", *, revision: Revision) -> Watch[Event]:
        """Follow all writes of a kind after a revision.

        Raises:
            ExpiredError: they are no longer all kept.

        """
        return self._store.watch(prefix_of(kind, namespace), after=revision)

    def end_lists(self, before: Revision) -> None:
        """Let no list go on that shows what was before a revision."""
        self._store.end_lists(before)

    async def create(
        self, kind: Kind, obj: Object, *, namespace: str = "", options: WriteOptions = TRUSTED
    ) -> Object:
        """Create an object; ``metadata.generateName`` is honoured.

        Raises:
            AlreadyExistsError, InvalidError, BadRequestError: as Kubernetes.
            NotFoundError, ForbiddenError: its namespace does not exist, or is going away.

        """
        obj = options.checked(kind, changes.shaped(kind, obj))
        namespace = metadata.namespace_of(kind, obj, namespace)
        metadata.check_named(kind, obj["metadata"])
        self._definitions.check_open(kind)
        if kind.namespaced:
            self._check_namespace(kind, namespace, obj["metadata"].get("name", ""))
        if obj["metadata"].get("name"):
            return await self._create_named(kind, obj, namespace, options)
        return await self._create_generated(kind, obj, namespace, options)

    async def update(
        self,
        kind: Kind,
        obj: Object,
        *,
        namespace: str = "",
        subresource: str = "",
        options: WriteOptions = TRUSTED,
    ) -> Object:
        """Replace an object, or only its ``status``, ``scale``, ``finalize`` or ``binding``.

        Raises:
            ConflictError: ``metadata.resourceVersion`` or ``uid`` is set and not the current one.
            NotFoundError, InvalidError, BadRequestError: as Kubernetes.

        """
        changes.check_subresource(kind, subresource)
        shaped = (
            obj if subresource in ("scale", "binding") else options.checked(kind, changes.shaped(kind, obj))
        )
        namespace = metadata.namespace_of(kind, shaped, namespace)
        name = shaped["metadata"].get("name", "")

        def change(current: Object) -> Object:
            return self._replaced(kind, shaped, current, subresource, options)

        written = await self._change(kind, namespace, name, change, options=options)
        return changes.part(kind, written, subresource)

    async def patch(
        self,
        kind: Kind,
        namespace: str,
        name: str,
        patch: Any,
        *,
        patch_type: PatchType = "application/merge-patch+json",
        subresource: str = "",
        options: WriteOptions = TRUSTED,
    ) -> Object:
        """Change parts of an object, of its status or of its scale.

        Raises:
            ConflictError: the patch sets ``metadata.resourceVersion``, and it is not the current one.
            NotFoundError, InvalidError, BadRequestError: as Kubernetes.

        """
        changes.check_subresource(kind, subresource)

        def change(current: Object) -> Object:
            patched = changes.patched(kind, changes.part(kind, current, subresource), patch, patch_type)
            if subresource != "scale":
                patched = options.checked(kind, changes.shaped(kind, patched))
            return self._replaced(kind, patched, current, subresource, options)

        written = await self._change(kind, namespace, name, change, options=options)
        return changes.part(kind, written, subresource)

    async def apply(
        self,
        kind: Kind,
        wish: Object,
        *,
        namespace: str = "",
        subresource: str = "",
        force: bool = False,
        options: WriteOptions,
    ) -> Application:
        """Make an object what one manager wishes, as far as the wish goes (server-side apply).

        Raises:
            ConflictError: other managers own what is to change, and ``force`` does not say to take it.
            NotFoundError, InvalidError, BadRequestError: as Kubernetes.

        """
        changes.check_subresource(kind, subresource)
        wish = applying.shaped(kind, wish, subresource, options)
        namespace = metadata.namespace_of(kind, wish, namespace)
        name = wish["metadata"]["name"]
        if self._store.get(key_of(kind, namespace, name)) is None:
            if subresource or wish["metadata"].get("uid"):
                raise words.not_found(kind, name)
            options.check_may_create(kind, namespace, name)
            self._definitions.check_open(kind)
            if kind.namespaced:
                self._check_namespace(kind, namespace, name)
            made = await self._create_named(kind, wish, namespace, options, is_applied=True)
            return Application(made, created=True)

        def change(current: Object) -> Object:
            writer = self._writer(subresource, options)
            live = changes.as_stored(kind, current)
            return applying.applied(kind, live, wish, writer, force=force)

        written = await self._change(kind, namespace, name, change, options=options)
        return Application(changes.part(kind, written, subresource), created=False)

    async def delete(
        self, kind: Kind, namespace: str, name: str, options: DeleteOptions = BACKGROUND
    ) -> Deletion:
        """Delete an object, gracefully where its kind says so, when finalizers allow.

        Raises:
            ConflictError: a precondition does not hold.
            NotFoundError, ForbiddenError: as Kubernetes.

        """
        deletion.check_options(options)
        for _ in range(ATTEMPTS):
            entry = self._entry(kind, namespace, name)
            deletion.check_deletable(kind, entry.value, options)
            left = deletion.plan_deletion(kind, entry.value, options, self._clock())
            if options.dry_run:
                return Deletion(left or entry.value, gone=left is None)
            try:
                if left is None:
                    return Deletion(await self._remove(kind, entry), gone=True)
                marked = await self._put(kind, left, entry)
                if kind is CUSTOM_RESOURCE_DEFINITION:
                    await self._empty_definition(marked)
                return Deletion(marked, gone=False)
            except CompareFailedError:
                continue
        raise words.modified(kind, name)

    async def delete_collection(
        self,
        kind: Kind,
        namespace: str,
        selection: Selection = EVERYTHING,
        options: DeleteOptions = BACKGROUND,
    ) -> ObjectList:
        """Delete every selected object; give them as they were."""
        listing = self.list(kind, namespace, selection)
        for obj in listing.items:
            meta = obj["metadata"]
            try:
                await self.delete(kind, meta.get("namespace", ""), meta["name"], options)
            except NotFoundError:
                continue  # someone else was faster
        return listing

    async def _create_generated(
        self, kind: Kind, obj: Object, namespace: str, options: WriteOptions
    ) -> Object:
        taken: ApiError | None = None
        for _ in range(ATTEMPTS):
            name = metadata.generated_name(obj["metadata"]["generateName"], self._rng)
            named = {**obj, "metadata": {**obj["metadata"], "name": name}}
            try:
                return await self._create_named(kind, named, namespace, options)
            except AlreadyExistsError as err:
                taken = err
        assert taken is not None
        raise taken

    async def _create_named(
        self,
        kind: Kind,
        given: Object,
        namespace: str,
        options: WriteOptions,
        *,
        is_applied: bool = False,
    ) -> Object:
        name = given["metadata"]["name"]
        if self._store.get(key_of(kind, namespace, name)) is not None:
            raise words.already_exists(kind, name)
        meta = metadata.new_metadata(kind, given["metadata"], namespace, self._clock())
        obj = default(kind, {**metadata.without_status(kind, given), "metadata": meta})
        if self._admit is not None:
            obj = self._admit(kind, obj, self.get)
        changes.check_valid(kind, obj, None)
        options.check_allowed(kind, obj, None)
        if options.manager:
            writer = self._writer("", options)
            obj = applying.created(kind, obj, given if is_applied else None, writer)
        with self._claimed(kind, obj, None, options) as assigned:
            if options.dry_run:
                return assigned
            try:
                made = (await self._store.put(key_of(kind, namespace, name), assigned, expected=ABSENT)).value
            except CompareFailedError as err:
                raise words.already_exists(kind, name) from err
        self._note(kind, None, made)
        await self.ips.follow(kind, None, made)
        return made

    async def _change(
        self, kind: Kind, namespace: str, name: str, change: Change, *, options: WriteOptions
    ) -> Object:
        for _ in range(ATTEMPTS):
            entry = self._entry(kind, namespace, name)
            new = change(entry.value)
            try:
                if deletion.is_released(new) and not options.dry_run:
                    return await self._remove(kind, entry)
                return await self._put(kind, new, entry, options)
            except CompareFailedError:
                continue
        raise words.modified(kind, name)

    async def _put(self, kind: Kind, new: Object, entry: Entry, options: WriteOptions = TRUSTED) -> Object:
        if changes.is_same(new, entry.value):
            return entry.value
        options.check_allowed(kind, new, entry.value)
        with self._claimed(kind, new, entry.value, options) as assigned:
            if options.dry_run:
                return assigned
            meta = assigned["metadata"]
            fresh = {**assigned, "metadata": {**meta}}  # the store writes the revision into it
            key = key_of(kind, meta.get("namespace", ""), meta["name"])
            written = (await self._store.put(key, fresh, expected=entry.revision)).value
        self._note(kind, entry.value, written)
        await self.ips.follow(kind, entry.value, written)
        return written

    async def _remove(self, kind: Kind, entry: Entry) -> Object:
        meta = entry.value["metadata"]
        key = key_of(kind, meta.get("namespace", ""), meta["name"])
        last = await self._store.delete(key, expected=entry.revision)
        self._note(kind, last.value, None)
        await self.ips.follow(kind, entry.value, None)
        if kind is CUSTOM_RESOURCE_DEFINITION:
            self._definitions.forget(entry.value)
            for name in self._definitions.unnamed():
                await self._change(kind, "", name, self._definitions.decided, options=TRUSTED)
        elif kind.custom is not None and self._definitions.is_last_awaited(kind):
            await self._end_definition(kind.custom.definition, kind)
        return last.value

    async def _empty_definition(self, crd: Object) -> None:
        """Delete all objects of a definition that is deleted; it goes with the last of them."""
        kind = self._definitions.kind_of(crd)
        name = crd["metadata"]["name"]
        if kind is not None:
            with self._definitions.emptying(name):
                await self.delete_collection(kind, "")
        await self._end_definition(name, kind)

    async def _end_definition(self, name: str, kind: Kind | None) -> None:
        """Let go of a definition that is deleted, once it has no objects."""
        if kind is None or not self.list(kind).items:
            await self._change(CUSTOM_RESOURCE_DEFINITION, "", name, names.emptied, options=TRUSTED)

    def _note(self, kind: Kind, old: Object | None, new: Object | None) -> None:
        self.owners.note(kind, old, new)
        self.ending.note(kind, old, new)
        self._addresses.note(kind, old, new)
        self.quotas.note(kind, old, new)

    def _replaced(
        self, kind: Kind, given: Object, current: Object, subresource: str, options: WriteOptions
    ) -> Object:
        is_client = bool(options.manager)
        new = changes.replaced(kind, given, current, subresource, self._clock(), is_client=is_client)
        return self._noted(kind, current, new, subresource, options)

    def _noted(self, kind: Kind, old: Object, new: Object, subresource: str, options: WriteOptions) -> Object:
        """Note who set what, if the writer is one whose fields are noted."""
        if not options.manager or changes.is_same(new, old):
            return new
        return applying.noted(kind, old, new, self._writer(subresource, options))

    def _writer(self, subresource: str, options: WriteOptions) -> Writer:
        return Writer(options.manager, subresource, format_rfc3339(self._clock()))

    def _claimed(
        self, kind: Kind, new: Object, old: Object | None, options: WriteOptions
    ) -> AbstractContextManager[Object]:
        keep = not options.dry_run
        self.quotas.check(kind, new, old)
        if kind is SERVICE:
            return self._addresses.claim(new, old, keep=keep)
        if kind is CUSTOM_RESOURCE_DEFINITION:
            return self._definitions.claim(new, keep=keep)
        return nullcontext(new)

    def _find(self, kind: Kind, namespace: str, name: str) -> Object | None:
        entry = self._store.get(key_of(kind, namespace, name))
        return entry.value if entry is not None else None

    def _entry(self, kind: Kind, namespace: str, name: str) -> Entry:
        entry = self._store.get(key_of(kind, namespace, name))
        if entry is None:
            raise words.not_found(kind, name)
        return entry

    def _check_namespace(self, kind: Kind, namespace: str, name: str) -> None:
        found = self._entry(NAMESPACE, "", namespace)
        if "deletionTimestamp" in found.value["metadata"]:
            raise words.namespace_terminating(kind, name, namespace)
