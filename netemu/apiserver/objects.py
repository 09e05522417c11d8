"""[IO] Requests about objects: the REST API's verbs, each handed to the registry."""

from __future__ import annotations

from typing import cast

from aiohttp import web

from netemu.api.client import Object, ObjectList, PatchType
from netemu.api.errors import BadRequestError, MethodNotAllowedError, UnsupportedMediaTypeError
from netemu.api.kinds import NAMESPACE, POD, SERVICE, SERVICE_ACCOUNT, Kind
from netemu.apiserver import answers, bodies
from netemu.apiserver.options import WriteOptions
from netemu.apiserver.registry import Deletion, Registry
from netemu.apiserver.routes import ObjectPath
from netemu.apiserver.selection import Selection, parse_selection
from netemu.apiserver.tables import IncludeObject, table
from netemu.apiserver.watch import EventLines, Render, WatchRequest, stream_watch
from netemu.clock import Clock

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
        match (request.method, bool(path.name), path.subresource):
            case ("GET", False, _):
                return await self._collection(request, path)
            case ("GET", True, "" | "status" | "scale"):
                return self._object(request, path)
            case ("POST", False, _):
                return await self._create(request, path)
            case ("POST", True, "binding"):
                return await self._bind(request, path)
            case ("PUT", True, "" | "status" | "scale" | "finalize"):
                return await self._update(request, path)
            case ("PATCH", True, "" | "status" | "scale"):
                return await self._patch(request, path)
            case ("DELETE", True, ""):
                return await self._delete(request, path)
            case ("DELETE", False, _):
                return await self._delete_collection(request, path)
            case _:
                raise not_allowed(path.kind)

    async def _collection(self, request: web.BaseRequest, path: ObjectPath) -> web.StreamResponse:
        query = request.query
        selection = _selection(path.kind, query)
        as_table = _table_wish(request)
        if bodies.parse_bool(query, "watch"):
            wanted = self._watch_request(query, path, selection, as_table)
            return await stream_watch(request, self._registry, wanted, self._lines)
        listing = self._registry.list(path.kind, path.namespace, selection)
        return answers.collection_answer(path.kind, listing, as_table=as_table, now_s=self._clock())

    def _watch_request(
        self, query: bodies.Query, path: ObjectPath, selection: Selection, as_table: IncludeObject | None
    ) -> WatchRequest:
        return WatchRequest(
            kind=path.kind,
            namespace=path.namespace,
            selection=selection,
            revision=bodies.parse_revision(query),
            initial_events=bodies.parse_bool(query, "sendInitialEvents"),
            bookmarks=bodies.parse_bool(query, "allowWatchBookmarks"),
            timeout_s=bodies.parse_int(query, "timeoutSeconds"),
            render=self._table_render(path.kind, as_table) if as_table else None,
        )

    def _table_render(self, kind: Kind, include: IncludeObject) -> Render:
        def render(obj: Object, is_first: bool) -> Object:
            made = table(kind, [obj], self._clock(), include)
            made["metadata"] = {"resourceVersion": obj["metadata"]["resourceVersion"]}
            return made if is_first else {**made, "columnDefinitions": []}

        return render

    def _object(self, request: web.BaseRequest, path: ObjectPath) -> web.Response:
        obj = self._registry.get(path.kind, path.namespace, path.name, subresource=path.subresource)
        if path.subresource == "scale":
            return answers.json_answer(obj)
        return answers.object_answer(path.kind, obj, as_table=_table_wish(request), now_s=self._clock())

    async def _create(self, request: web.BaseRequest, path: ObjectPath) -> web.Response:
        _check_namespace_given(path)
        options = bodies.write_options(request.query)
        body = bodies.parse_object(await request.read(), request.content_type, options)
        obj = await self._registry.create(path.kind, body, namespace=path.namespace, options=options)
        return answers.json_answer(obj, status=201, warnings=_warnings(options))

    async def _bind(self, request: web.BaseRequest, path: ObjectPath) -> web.Response:
        body = bodies.parse_object(await request.read(), request.content_type)
        binding = bodies.addressed(body, path.namespace, path.name)
        await self._registry.update(path.kind, binding, namespace=path.namespace, subresource="binding")
        return answers.json_answer(_success(), status=201)

    async def _update(self, request: web.BaseRequest, path: ObjectPath) -> web.Response:
        options = bodies.write_options(request.query)
        body = bodies.parse_object(await request.read(), request.content_type, options)
        obj = await self._registry.update(
            path.kind,
            bodies.addressed(body, path.namespace, path.name),
            namespace=path.namespace,
            subresource=path.subresource,
            options=options,
        )
        return answers.json_answer(obj, warnings=_warnings(options))

    async def _patch(self, request: web.BaseRequest, path: ObjectPath) -> web.Response:
        options = bodies.write_options(request.query)
        patch_type = _patch_type(request)
        patch = bodies.parse_checked(await request.read(), patch_type, options)
        obj = await self._registry.patch(
            path.kind,
            path.namespace,
            path.name,
            patch,
            patch_type=patch_type,
            subresource=path.subresource,
            options=options,
        )
        return answers.json_answer(obj, warnings=_warnings(options))

    async def _delete(self, request: web.BaseRequest, path: ObjectPath) -> web.Response:
        body = bodies.parse_body(await request.read(), request.content_type)
        options = bodies.delete_options(body, request.query)
        deletion = await self._registry.delete(path.kind, path.namespace, path.name, options)
        return answers.json_answer(_deleted(path.kind, deletion))

    async def _delete_collection(self, request: web.BaseRequest, path: ObjectPath) -> web.Response:
        if path.kind in (NAMESPACE, SERVICE) or (path.kind.namespaced and not path.namespace):
            raise not_allowed(path.kind)
        body = bodies.parse_body(await request.read(), request.content_type)
        options = bodies.delete_options(body, request.query)
        selection = _selection(path.kind, request.query)
        deleted: ObjectList = await self._registry.delete_collection(
            path.kind, path.namespace, selection, options
        )
        return answers.json_answer(answers.list_object(path.kind, deleted))


def not_allowed(kind: Kind) -> MethodNotAllowedError:
    """Say that a resource has no such verb."""
    return MethodNotAllowedError(
        "the server does not allow this method on the requested resource",
        group=kind.group,
        kind=kind.resource,
    )


def _selection(kind: Kind, query: bodies.Query) -> Selection:
    return parse_selection(kind, query.get("labelSelector", ""), query.get("fieldSelector", ""))


def _table_wish(request: web.BaseRequest) -> IncludeObject | None:
    if not answers.wants_table(request.headers.get("Accept", "")):
        return None
    return answers.include_object(request.query.get("includeObject", ""))


def _warnings(options: WriteOptions) -> list[str]:
    return options.fields.warnings if options.fields is not None else []


def _check_namespace_given(path: ObjectPath) -> None:
    if path.kind.namespaced and not path.namespace:
        raise BadRequestError(
            f"{path.kind.key} are created in a namespace",
            hint=f"POST …/namespaces/NAMESPACE/{path.kind.resource}",
        )


def _patch_type(request: web.BaseRequest) -> PatchType:
    content_type = request.content_type
    if content_type in bodies.APPLY_TYPES:
        raise UnsupportedMediaTypeError(
            f"server-side apply ({content_type}) is not served yet",
            hint="Apply without --server-side.",
        )
    if content_type not in bodies.PATCH_TYPES:
        raise UnsupportedMediaTypeError(
            f"the body of the request was in an unknown format - {content_type}: accepted media types"
            f" include: {', '.join(bodies.PATCH_TYPES)}"
        )
    return cast("PatchType", content_type)


def _success(**details: str) -> Object:
    status: Object = {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success"}
    return {**status, "details": details} if details else {**status, "code": 201}


def _deleted(kind: Kind, deletion: Deletion) -> Object:
    if not deletion.gone or kind in _RETURNED_WHEN_GONE:
        return deletion.object
    meta = deletion.object["metadata"]
    details = {"name": meta["name"], "group": kind.group, "kind": kind.resource, "uid": meta["uid"]}
    return _success(**{key: value for key, value in details.items() if value})
