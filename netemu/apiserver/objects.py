"""[IO] Requests about objects: the REST API's verbs, each handed to the registry."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

from aiohttp import web
from msgspec import structs

from netemu.api import schema
from netemu.api.advice import advice
from netemu.api.client import Object, PatchType
from netemu.api.errors import (
    BadRequestError,
    ConflictError,
    MethodNotAllowedError,
    UnsupportedMediaTypeError,
)
from netemu.api.kinds import (
    CERTIFICATE_SIGNING_REQUEST,
    COMPONENT_STATUS,
    JOB,
    NAMESPACE,
    POD,
    REPLICATION_CONTROLLER,
    SERVICE,
    SERVICE_ACCOUNT,
    Kind,
)
from netemu.apiserver import bodies, changes, forms, words
from netemu.apiserver.auth.guard import CHECK_CREATE, CHECK_GRANT, USER
from netemu.apiserver.components import component_answer
from netemu.apiserver.encodings import no_protobuf, object_answer
from netemu.apiserver.evicting import evict
from netemu.apiserver.forms import Form
from netemu.apiserver.hooks.attempt import CONTROLLERS, Caller, posted_of
from netemu.apiserver.hooks.conversion import converts
from netemu.apiserver.listanswers import list_answer
from netemu.apiserver.listoptions import list_options, refuse_future, watch_options
from netemu.apiserver.options import DeleteOptions, WriteOptions
from netemu.apiserver.outcomes import Deletion
from netemu.apiserver.paging import Page
from netemu.apiserver.registry import ATTEMPTS, Registry
from netemu.apiserver.routes import ObjectPath
from netemu.apiserver.selection import Selection, parse_selection
from netemu.apiserver.signingrequests import requested_by
from netemu.apiserver.versions import Version, deprecations, version_of
from netemu.apiserver.watch import EventLines, WatchRequest, stream_watch
from netemu.apiserver.writeoptions import apply_options, field_manager, refuse_force
from netemu.clock import Clock

APPLY_PATCH = "application/apply-patch+yaml"

PODS_STAY = (
    "child pods are preserved by default when jobs are deleted; set propagationPolicy=Background to remove"
    " them or set propagationPolicy=Orphan to suppress this warning"
)

# Kubernetes answers the deletion of these with the object, that of others with a Status.
_RETURNED_WHEN_GONE = (POD, SERVICE, SERVICE_ACCOUNT, NAMESPACE)


class ObjectRequests:
    """Answers requests about one registry's objects."""

    def __init__(self, registry: Registry, clock: Clock) -> None:
        self._registry = registry
        self._clock = clock
        self._lines = EventLines()

    async def answer(self, request: web.BaseRequest, path: ObjectPath) -> web.StreamResponse:
        """Fulfil a request.

        Raises:
            ApiError: it cannot be fulfilled.

        """
        form = _form(request)
        if form.encoding == "protobuf" and path.kind.custom is not None:
            raise no_protobuf()
        if path.watched:
            if request.method != "GET":
                raise not_allowed(path.kind)
            return await self._collection(request, path)
        if path.kind is COMPONENT_STATUS:
            return await component_answer(request, path, form, self._registry.revision, self._clock())
        return await self._verb(request, path)

    async def _verb(self, request: web.BaseRequest, path: ObjectPath) -> web.StreamResponse:
        match (request.method, bool(path.name), path.subresource):
            case ("GET", False, ""):
                return await self._collection(request, path)
            case ("GET", True, "" | "status" | "approval" | "scale" | "ephemeralcontainers" | "resize"):
                return await self._object(request, path)
            case ("POST", _, "binding"):
                return await self._bind(request, path)
            case ("POST", False, _):
                return await self._create(request, path)
            case ("POST", True, "eviction"):
                return await self._evict(request, path)
            case (
                "PUT",
                True,
                "" | "status" | "approval" | "scale" | "finalize" | "ephemeralcontainers" | "resize",
            ):
                return await self._update(request, path)
            case ("PATCH", True, "" | "status" | "approval" | "scale" | "ephemeralcontainers" | "resize"):
                return await self._patch(request, path)
            case ("DELETE", True, ""):
                return await self._delete(request, path)
            case ("DELETE", False, ""):
                return await self._delete_collection(request, path)
            case _:
                raise not_allowed(path.kind)

    async def _collection(self, request: web.BaseRequest, path: ObjectPath) -> web.StreamResponse:
        query, kind, version = request.query, path.kind, version_of(path.kind)
        selection = _selection(kind, query, path.name)
        form = _form(request)
        if path.watched or bodies.parse_bool(query, "watch"):
            wanted = WatchRequest(
                version=version,
                namespace=path.namespace,
                selection=selection,
                options=watch_options(query),
                form=form,
                clock=self._clock,
                warnings=deprecations(kind),
            )
            return await stream_watch(request, self._registry, wanted, self._lines)
        options = list_options(query, self._registry.revision)
        page = self._registry.page(version.stored, path.namespace, selection, options)
        page = page._replace(items=await self._served_all(version, page.items))
        listing = forms.render_list(kind, page, form, self._clock())
        return await list_answer(request, listing, warnings=deprecations(kind))

    async def _object(self, request: web.BaseRequest, path: ObjectPath) -> web.Response:
        version = version_of(path.kind)
        refuse_future(request.query, self._registry.revision)
        obj = self._registry.get(version.stored, path.namespace, path.name, subresource=path.subresource)
        return self._answer_object(request, path, await self._served(version, obj))

    async def _served(self, version: Version, obj: Object) -> Object:
        """Give a stored object as a client sees it."""
        return (await self._served_all(version, [obj]))[0]

    async def _served_all(self, version: Version, objects: list[Object]) -> list[Object]:
        if converts(version.served):
            return await self._registry.converter.converted(version.served, objects)
        return version.serve_all(objects)

    async def _stored(self, version: Version, obj: Object) -> Object:
        """Read what a client sends as what is stored."""
        if converts(version.stored) and obj.get("kind") == version.stored.kind:
            return (await self._registry.converter.converted(version.stored, [obj]))[0]
        return version.store(obj)

    def _answer_object(
        self,
        request: web.BaseRequest,
        path: ObjectPath,
        obj: Object,
        *,
        status: int = 200,
        warnings: Sequence[str] = (),
    ) -> web.Response:
        said = [*deprecations(path.kind), *warnings]
        form = _form(request)
        if path.subresource != "scale":
            obj = forms.render_object(path.kind, obj, form, self._clock())
        return object_answer(obj, form.encoding, status=status, warnings=said)

    async def _create(self, request: web.BaseRequest, path: ObjectPath) -> web.Response:
        _check_namespace_given(path)
        version = version_of(path.kind)
        options = _write_options(request, path)
        body = bodies.parse_object(await request.read(), request.content_type, options)
        stored = await self._stored(version, body)
        if path.kind is CERTIFICATE_SIGNING_REQUEST:
            stored = requested_by(_caller(request, path).user, stored)
        obj = await self._registry.create(version.stored, stored, namespace=path.namespace, options=options)
        said = _warnings(options, version.stored, obj)
        return self._answer_object(request, path, await self._served(version, obj), status=201, warnings=said)

    async def _bind(self, request: web.BaseRequest, path: ObjectPath) -> web.Response:
        body = bodies.parse_object(await request.read(), request.content_type)
        schema.check_sent("Binding", "", "v1", body)
        name = path.name or bodies.name_of(body)
        binding = bodies.addressed(body, path.namespace, name)
        options = _write_options(request, path)
        await self._pass_gate(request, path._replace(name=name), "binding", binding)
        await self._registry.update(
            path.kind, binding, namespace=path.namespace, subresource="binding", options=options
        )
        return object_answer(_success(), _form(request).encoding, status=201)

    async def _evict(self, request: web.BaseRequest, path: ObjectPath) -> web.Response:
        body = bodies.parse_object(await request.read(), request.content_type)
        schema.check_sent("Eviction", "policy", "v1", body)
        eviction = bodies.addressed(body, path.namespace, path.name)
        options = bodies.delete_options(eviction.get("deleteOptions"), request.query)
        await self._pass_gate(request, path, "eviction", eviction)
        await evict(self._registry, path.namespace, path.name, options)
        return object_answer(_success(), _form(request).encoding, status=201)

    async def _pass_gate(
        self, request: web.BaseRequest, path: ObjectPath, subresource: str, obj: Object
    ) -> None:
        """Ask those who want to be asked about what is sent here and not stored."""
        gate = self._registry.gate
        if not gate.is_open_to(path.kind):
            caller = _caller(request, path)
            attempt = posted_of(path.kind, path.namespace, path.name, subresource, obj, caller)
            await gate.check(await gate.mutated(attempt))

    async def _update(self, request: web.BaseRequest, path: ObjectPath) -> web.Response:
        version = version_of(path.kind)
        options = _write_options(request, path)
        body = bodies.parse_object(await request.read(), request.content_type, options)
        obj = await self._registry.update(
            version.stored,
            await self._stored(version, bodies.addressed(body, path.namespace, path.name)),
            namespace=path.namespace,
            subresource=path.subresource,
            options=options,
        )
        said = _warnings(options, version.stored, obj, path.subresource)
        return self._answer_object(request, path, await self._served(version, obj), warnings=said)

    async def _patch(self, request: web.BaseRequest, path: ObjectPath) -> web.Response:
        if request.content_type == APPLY_PATCH:
            return await self._apply(request, path)
        version = version_of(path.kind)
        options = _write_options(request, path)
        patch_type = _patch_type(request, path.kind)
        refuse_force(request.query)
        if converts(path.kind) and path.subresource != "scale":
            patch = bodies.parse_checked(await request.read(), patch_type, options)
            obj = await self._patched_version(path, version, patch, patch_type, options)
            return self._answer_object(request, path, obj, warnings=_warnings(options, path.kind, obj))
        patch = version.store_patch(bodies.parse_checked(await request.read(), patch_type, options))
        obj = await self._registry.patch(
            version.stored,
            path.namespace,
            path.name,
            patch,
            patch_type=patch_type,
            subresource=path.subresource,
            options=options,
        )
        said = _warnings(options, version.stored, obj, path.subresource)
        return self._answer_object(request, path, await self._served(version, obj), warnings=said)

    async def _patched_version(
        self, path: ObjectPath, version: Version, patch: Any, patch_type: PatchType, options: WriteOptions
    ) -> Object:
        """Patch an object in the version that its client sees, which is not the stored one."""
        for _ in range(ATTEMPTS):
            current = self._registry.get(version.stored, path.namespace, path.name)
            seen = await self._served(version, current)
            changed = changes.patched(path.kind, seen, patch, patch_type)
            try:
                written = await self._registry.update(
                    version.stored,
                    await self._stored(version, changed),
                    namespace=path.namespace,
                    subresource=path.subresource,
                    options=options,
                )
            except ConflictError:
                if changed["metadata"].get("resourceVersion") != seen["metadata"]["resourceVersion"]:
                    raise
                continue
            return await self._served(version, written)
        raise words.modified(path.kind, path.name)

    async def _apply(self, request: web.BaseRequest, path: ObjectPath) -> web.Response:
        version = version_of(path.kind)
        force = apply_options(request.query)
        options = _write_options(request, path)
        body = bodies.parse_object(await request.read(), "application/yaml", options)
        applied = await self._registry.apply(
            version.stored,
            await self._stored(version, bodies.addressed(body, path.namespace, path.name)),
            namespace=path.namespace,
            subresource=path.subresource,
            force=force,
            options=options,
        )
        status = 201 if applied.created else 200
        warnings = _warnings(options, version.stored, applied.object, path.subresource)
        shown = await self._served(version, applied.object)
        return self._answer_object(request, path, shown, status=status, warnings=warnings)

    async def _delete(self, request: web.BaseRequest, path: ObjectPath) -> web.Response:
        version = version_of(path.kind)
        body = bodies.parse_body(await request.read(), request.content_type)
        asked = bodies.delete_options(body, request.query)
        options = _with_default_policy(path.kind, asked)
        caller = _caller(request, path)
        deletion = await self._registry.delete(version.stored, path.namespace, path.name, options, caller)
        said = (*((PODS_STAY,) if path.kind is JOB and not asked.policy else ()), *caller.warnings)
        if deletion.gone and path.kind not in _RETURNED_WHEN_GONE:
            warnings = (*deprecations(path.kind), *said)
            return object_answer(_deleted(path.kind, deletion), _form(request).encoding, warnings=warnings)
        shown = await self._served(version, deletion.object)
        return self._answer_object(request, path, shown, warnings=said)

    async def _delete_collection(self, request: web.BaseRequest, path: ObjectPath) -> web.StreamResponse:
        if path.kind is NAMESPACE or (path.kind.namespaced and not path.namespace):
            raise not_allowed(path.kind)
        version = version_of(path.kind)
        body = bodies.parse_body(await request.read(), request.content_type)
        options = _with_default_policy(path.kind, bodies.delete_options(body, request.query))
        selection = _selection(path.kind, request.query)
        caller = _caller(request, path)
        deleted = await self._registry.delete_collection(
            version.stored, path.namespace, selection, options, caller
        )
        page = Page(await self._served_all(version, deleted.items), deleted.revision)
        listing = forms.render_list(path.kind, page, _form(request), self._clock())
        return await list_answer(request, listing, warnings=deprecations(path.kind))


def not_allowed(kind: Kind) -> MethodNotAllowedError:
    """Say that a resource has no such verb."""
    return MethodNotAllowedError(
        "the server does not allow this method on the requested resource",
        group=kind.group,
        kind=kind.resource,
    )


def _selection(kind: Kind, query: bodies.Query, name: str = "") -> Selection:
    version = version_of(kind)
    fields = version.fields(query.get("fieldSelector", ""))
    if name:
        fields = f"{fields},metadata.name={name}".removeprefix(",")
    return parse_selection(version.stored, query.get("labelSelector", ""), fields)


def _form(request: web.BaseRequest) -> Form:
    accept = request.headers.get("Accept", "")
    return forms.parse_form(accept, request.query.get("includeObject", "")) if accept else forms.WHOLE


def _caller(request: web.BaseRequest, path: ObjectPath) -> Caller:
    return Caller(request.get(USER, CONTROLLERS), path.kind)


def _write_options(request: web.BaseRequest, path: ObjectPath) -> WriteOptions:
    options = bodies.write_options(request.query)
    manager = field_manager(request.query, request.headers.get("User-Agent", ""))
    checks = {"check_grant": request.get(CHECK_GRANT), "check_create": request.get(CHECK_CREATE)}
    return structs.replace(options, manager=manager, caller=_caller(request, path), **checks)


def _warnings(options: WriteOptions, kind: Kind, obj: Object, subresource: str = "") -> list[str]:
    checked = options.fields.warnings if options.fields is not None else []
    told = options.caller.warnings if options.caller is not None else ()
    return [*checked, *told, *(advice(kind, obj) if not subresource else ())]


def _with_default_policy(kind: Kind, options: DeleteOptions) -> DeleteOptions:
    """Let dependents of the oldest workloads be, unless the client says otherwise."""
    if options.policy or kind not in (JOB, REPLICATION_CONTROLLER):
        return options
    return structs.replace(options, propagation_policy="Orphan")


def _check_namespace_given(path: ObjectPath) -> None:
    if path.kind.namespaced and not path.namespace:
        raise BadRequestError(
            f"{path.kind.key} are created in a namespace",
            hint=f"POST …/namespaces/NAMESPACE/{path.kind.resource}",
        )


def _patch_type(request: web.BaseRequest, kind: Kind) -> PatchType:
    content_type = request.content_type
    known: tuple[str, ...] = bodies.PATCH_TYPES
    if kind.custom is not None:  # their lists have no merge keys
        known = tuple(name for name in known if name != bodies.STRATEGIC_PATCH)
    if content_type not in known:
        raise UnsupportedMediaTypeError(
            f"the body of the request was in an unknown format - {content_type}: accepted media types"
            f" include: {', '.join((*known, APPLY_PATCH))}"
        )
    return cast("PatchType", content_type)


def _success(**details: str) -> Object:
    status: Object = {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success"}
    return {**status, "details": details} if details else {**status, "code": 201}


def _deleted(kind: Kind, deletion: Deletion) -> Object:
    meta = deletion.object["metadata"]
    details = {"name": meta["name"], "group": kind.group, "kind": kind.resource, "uid": meta["uid"]}
    return _success(**{key: value for key, value in details.items() if value})
