"""[IO] Requests for what the API says about itself: health, discovery, OpenAPI."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from aiohttp import web

from netemu.api.errors import MethodNotAllowedError
from netemu.api.resources import listed_group_versions, served_paths
from netemu.api.served import ServedKinds
from netemu.apiserver import answers, discovery, health
from netemu.apiserver.aggregation.discovery import find_group, with_remote_groups, with_remote_items
from netemu.apiserver.aggregation.openapi import Get, RemoteDocuments
from netemu.apiserver.aggregation.remotes import Remotes
from netemu.apiserver.negotiation import JSON, MediaType, choose, render
from netemu.apiserver.openapi import OpenApiRequests
from netemu.apiserver.tagged import tagged_answer

AGGREGATED = "APIGroupDiscoveryList"

_PLAIN = MediaType(JSON, {})
_DISCOVERY = (
    *(MediaType(JSON, {"g": "apidiscovery.k8s.io", "v": v, "as": AGGREGATED}) for v in ("v2", "v2beta1")),
    _PLAIN,
)

Parts = tuple[str, ...]


class DocumentRequests:
    """Answers requests for documents; ``kinds`` gives the kinds that are served at that moment,
    ``get`` asks other API servers.
    """

    def __init__(
        self, kinds: Callable[[], ServedKinds], waits_for: Callable[[], str], remotes: Remotes, get: Get
    ) -> None:
        self._kinds = kinds
        self._remotes = remotes
        self._waits_for = waits_for
        self._openapi = OpenApiRequests(kinds, RemoteDocuments(remotes, get))

    async def answer(self, request: web.BaseRequest) -> web.Response | None:
        """Answer a request for a document; ``None`` when the path is no document's.

        Raises:
            ApiError: there is no such document, or not in the form that the client wants.

        """
        parts = tuple(part for part in request.path.split("/") if part)
        if parts and parts[0] in health.PROBES:
            return self._probe(_readable(request), parts)
        if parts[:1] == ("openapi",):
            return await self._openapi.answer(_readable(request), parts[1:])
        found = self._discovery(request, parts)
        return None if found is None else tagged_answer(_readable(request), *found)

    def _probe(self, request: web.BaseRequest, parts: Parts) -> web.Response:
        name, check = parts[0], "/".join(parts[1:])
        query = request.query
        excluded = frozenset(query.getall("exclude", []))
        found = health.probe(name, check, self._waits_for(), verbose="verbose" in query, excluded=excluded)
        answer = answers.text_answer(found.text, status=200 if found.is_ok else 500)
        answer.headers["X-Content-Type-Options"] = "nosniff"
        return answer

    def _discovery(self, request: web.BaseRequest, parts: Parts) -> tuple[bytes, str] | None:
        kinds = self._kinds()
        match parts:
            case ():
                return _encoded({"paths": _paths(kinds)})
            case ("version",):
                return _encoded(discovery.version())
            case ("api",):
                return self._root(request, discovery.core_versions(), core=True)
            case ("apis",):
                groups = with_remote_groups(discovery.group_list(kinds), self._remotes)
                return self._root(request, groups, core=False)
            case ("api", version):
                return _encoded(discovery.find_resources(kinds, "", version))
            case ("apis", group):
                return _encoded(discovery.find_group(kinds, group) or find_group(self._remotes, group))
            case ("apis", group, version):
                return _encoded(discovery.find_resources(kinds, group, version))
        return None

    def _root(
        self, request: web.BaseRequest, legacy: discovery.Document, *, core: bool
    ) -> tuple[bytes, str] | None:
        wanted = choose(request.headers.get("Accept", ""), _DISCOVERY)
        if wanted is _PLAIN:
            return _encoded(legacy)
        document = discovery.aggregated(self._kinds(), wanted.parameters["v"], core=core)
        if not core:
            document = with_remote_items(document, self._remotes)
        return answers.encode_json(document), render(wanted)


def _paths(kinds: ServedKinds) -> list[str]:
    probes = [f"/{name}" for name in health.PROBES]
    probes += [f"/{name}/{check}" for name in health.PROBES for check in health.CHECKS[name]]
    return sorted(
        ["/api", "/apis", "/openapi/v2", "/openapi/v3", "/version", *probes]
        + [f"/apis/{group}" for group in listed_group_versions(kinds) if group]
        + list(served_paths(kinds))
    )


def _readable(request: web.BaseRequest) -> web.BaseRequest:
    if request.method not in ("GET", "HEAD"):
        raise MethodNotAllowedError("the server does not allow this method on the requested resource")
    return request


def _encoded(document: Mapping[str, object] | None) -> tuple[bytes, str] | None:
    return None if document is None else (answers.encode_json(document), JSON)
