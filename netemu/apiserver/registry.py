"""The meaning of Kubernetes' verbs over a store.

Every write reads the current object, decides what becomes of it, and puts it with the revision
that it read; when someone else was faster, and the caller named no version, it decides again.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from netemu.api.apply import Writer
from netemu.api.client import Object, ObjectList, PatchType
from netemu.api.crd import names
from netemu.api.defaulting import default
from netemu.api.errors import AlreadyExistsError, ApiError, ExpiredError, NotFoundError
from netemu.api.kinds import CUSTOM_RESOURCE_DEFINITION, Kind
from netemu.api.served import ServedKinds
from netemu.apiserver import applying, changes, deletion, metadata, paging, words
from netemu.apiserver.hooks.attempt import Caller, attempt_of, deletion_of
from netemu.apiserver.hooks.conversion import Converter
from netemu.apiserver.hooks.gate import Gate
from netemu.apiserver.keys import prefix_of
from netemu.apiserver.ledger import Ledger
from netemu.apiserver.options import BACKGROUND, TRUSTED, DeleteOptions, WriteOptions
from netemu.apiserver.outcomes import Application, Deletion
from netemu.apiserver.paging import Page, PageRequest
from netemu.apiserver.selection import EVERYTHING, Selection
from netemu.apiserver.topologylabels import told_where
from netemu.clock import Clock, format_rfc3339
from netemu.naming import Revision
from netemu.settings import Settings
from netemu.store.errors import CompareFailedError
from netemu.store.store import Entry, Event, Store
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
        self._clock = clock
        self._rng = rng or random.Random()
        self._admit = admit
        self._ledger = ledger = Ledger(store, settings, clock, self._rng)
        self._definitions = ledger.definitions
        self.converter = Converter()
        self.gate = Gate(
            ledger.hooks, self.kinds, ledger.find, lambda kind, where: ledger.selected(kind, where).values
        )
        self.owners, self.ending, self.quotas = ledger.owners, ledger.ending, ledger.quotas
        self.ips, self.flows, self.remotes = ledger.ips, ledger.flows, ledger.remotes

    @property
    def kinds(self) -> ServedKinds:
        """The kinds that are served now."""
        return self._definitions.kinds

    @property
    def revision(self) -> Revision:
        """The revision of the last write."""
        return self._ledger.store.revision

    def get(self, kind: Kind, namespace: str, name: str, *, subresource: str = "") -> Object:
        """Read one object, or its ``scale``.

        Raises:
            NotFoundError: there is none.

        """
        return changes.part(kind, self._ledger.entry(kind, namespace, name).value, subresource)

    def list(self, kind: Kind, namespace: str = "", selection: Selection = EVERYTHING) -> ObjectList:
        """Read all objects of a kind, of one namespace or (empty) of all."""
        listing = self._ledger.selected(kind, namespace, selection)
        return ObjectList(listing.values, listing.revision)

    def page(self, kind: Kind, namespace: str, selection: Selection, wanted: PageRequest) -> Page:
        """Read a part of a list, as it was when its first page was read.

        Raises:
            ExpiredError: that is too long ago; the error says how to go on all the same.

        """
        try:
            values, revision = self._ledger.selected(kind, namespace, selection, wanted.revision)
        except ExpiredError as err:
            if wanted.start is None:
                raise
            token = paging.render_token(paging.Start(paging.CURRENT, wanted.start.key))
            raise ExpiredError(paging.TOO_OLD, continue_token=token) from err
        return paging.cut(values, revision, wanted, is_counted=selection is EVERYTHING)

    def watch(self, kind: Kind, namespace: str = "", *, revision: Revision) -> Watch[Event]:
        """Follow all writes of a kind after a revision.

        Raises:
            ExpiredError: they are no longer all kept.

        """
        return self._ledger.store.watch(prefix_of(kind, namespace), after=revision)

    def end_lists(self, before: Revision) -> None:
        """Let no list go on that shows what was before a revision."""
        self._ledger.store.end_lists(before)

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
        self._ledger.check_open(kind, namespace, obj["metadata"].get("name", ""))
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
        if subresource == "binding":
            shaped = told_where(shaped, self.get)
        namespace = metadata.namespace_of(kind, shaped, namespace)
        name = shaped["metadata"].get("name", "")

        def change(current: Object) -> Object:
            return self._replaced(kind, shaped, current, subresource, options)

        written = await self._change(kind, namespace, name, change, options=options, subresource=subresource)
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

        written = await self._change(kind, namespace, name, change, options=options, subresource=subresource)
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
        if self._ledger.find(kind, namespace, name) is None:
            if subresource or wish["metadata"].get("uid"):
                raise words.not_found(kind, name)
            options.check_may_create(kind, namespace, name)
            self._ledger.check_open(kind, namespace, name)
            made = await self._create_named(kind, wish, namespace, options, is_applied=True)
            return Application(made, created=True)

        def change(current: Object) -> Object:
            writer = self._writer(subresource, options)
            live = changes.as_stored(kind, current)
            return applying.applied(kind, live, wish, writer, force=force)

        written = await self._change(kind, namespace, name, change, options=options, subresource=subresource)
        return Application(changes.part(kind, written, subresource), created=False)

    async def delete(
        self,
        kind: Kind,
        namespace: str,
        name: str,
        options: DeleteOptions = BACKGROUND,
        caller: Caller | None = None,
    ) -> Deletion:
        """Delete an object, gracefully where its kind says so, when finalizers allow.

        Raises:
            ConflictError: a precondition does not hold.
            NotFoundError, ForbiddenError: as Kubernetes.

        """
        deletion.check_options(options)
        for _ in range(ATTEMPTS):
            entry = self._ledger.entry(kind, namespace, name)
            deletion.check_deletable(kind, entry.value, options)
            if not self.gate.is_open_to(kind, is_own=caller is None):
                attempt = deletion_of(kind, entry.value, caller, dry_run=bool(options.dry_run))
                await self.gate.check(await self.gate.mutated(attempt))
            left = deletion.plan_deletion(kind, entry.value, options, self._clock())
            if options.dry_run:
                return Deletion(left or entry.value, gone=left is None)
            try:
                if left is None:
                    return Deletion(await self._remove(kind, entry), gone=True)
                marked = await self._ledger.put(kind, left, entry)
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
        caller: Caller | None = None,
    ) -> ObjectList:
        """Delete every selected object; give them as they were."""
        listing = self.list(kind, namespace, selection)
        for obj in listing.items:
            meta = obj["metadata"]
            try:
                await self.delete(kind, meta.get("namespace", ""), meta["name"], options, caller)
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
        if self._ledger.find(kind, namespace, name) is not None:
            raise words.already_exists(kind, name)
        meta = metadata.new_metadata(kind, given["metadata"], namespace, self._clock())
        obj = self._completed(kind, {**metadata.without_status(kind, given), "metadata": meta})
        attempt = None
        if not self.gate.is_open_to(kind, is_own=options.caller is None):
            attempt = await self.gate.mutated(attempt_of("CREATE", kind, obj, options))
            if attempt.object is not None and attempt.object is not obj:
                obj = self._completed(kind, metadata.kept_identity(attempt.object, obj))
        changes.check_valid(kind, obj, None)
        if attempt is not None:
            await self.gate.check(replace(attempt, object=obj))
        options.check_allowed(kind, obj, None)
        if options.manager:
            writer = self._writer("", options)
            obj = applying.created(kind, obj, given if is_applied else None, writer)
        return await self._ledger.add(kind, namespace, name, obj, options)

    def _completed(self, kind: Kind, obj: Object) -> Object:
        obj = default(kind, obj)
        return obj if self._admit is None else self._admit(kind, obj, self.get)

    async def _change(
        self,
        kind: Kind,
        namespace: str,
        name: str,
        change: Change,
        *,
        options: WriteOptions,
        subresource: str = "",
    ) -> Object:
        for _ in range(ATTEMPTS):
            entry = self._ledger.entry(kind, namespace, name)
            new = change(entry.value)
            if not self.gate.is_open_to(kind, is_own=options.caller is None, subresource=subresource):
                new = await self._passed(kind, new, entry.value, subresource, options)
            try:
                if deletion.is_released(new) and not options.dry_run:
                    return await self._remove(kind, entry)
                return await self._ledger.put(kind, new, entry, options)
            except CompareFailedError:
                continue
        raise words.modified(kind, name)

    async def _passed(
        self, kind: Kind, new: Object, old: Object, subresource: str, options: WriteOptions
    ) -> Object:
        """Give a changed object as those want it who are asked about changes.

        Raises:
            ApiError: they refuse it.

        """
        shown, had = (changes.part(kind, obj, subresource) for obj in (new, old))
        attempt = attempt_of("UPDATE", kind, shown, options, old=had, subresource=subresource)
        wanted = await self.gate.mutated(attempt)
        if wanted.object is not None and wanted.object is not shown:
            new = self._replaced(kind, wanted.object, old, subresource, options)
        await self.gate.check(replace(wanted, object=changes.part(kind, new, subresource)))
        return new

    async def _remove(self, kind: Kind, entry: Entry) -> Object:
        last = await self._ledger.remove(kind, entry)
        if kind is CUSTOM_RESOURCE_DEFINITION:
            self._definitions.forget(entry.value)
            for name in self._definitions.unnamed():
                await self._change(kind, "", name, self._definitions.decided, options=TRUSTED)
        elif kind.custom is not None and self._definitions.is_last_awaited(kind):
            await self._end_definition(kind.custom.definition, kind)
        return last

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
