"""[IO] Requests that lead into pods: which way each goes."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping

from aiohttp import web

from netemu.api.client import Object
from netemu.api.kinds import NODE, Kind
from netemu.apiserver.auth.guard import USER
from netemu.apiserver.connections import be_patient
from netemu.apiserver.exec.http import attach_answer, exec_answer
from netemu.apiserver.hooks.attempt import CONTROLLERS, connection_of
from netemu.apiserver.kubelet import is_kubelet, kubelet_answer
from netemu.apiserver.objects import not_allowed
from netemu.apiserver.podaccess import PodAccess
from netemu.apiserver.podlogs import log_answer
from netemu.apiserver.portforward.http import portforward_answer
from netemu.apiserver.reachpaths import ReachPath, Way, parse_reach_path
from netemu.apiserver.registry import Registry

Answer = Callable[[web.BaseRequest, Object, PodAccess], Awaitable[web.StreamResponse]]

_ANSWERS: Mapping[Way, Answer] = {
    "log": log_answer,
    "exec": exec_answer,
    "attach": attach_answer,
    "portforward": portforward_answer,
}
_METHODS: Mapping[Way, tuple[str, ...]] = {"log": ("GET", "HEAD")}
_UPGRADING = ("GET", "POST")


class PodRequests:
    """Answers requests about pods that are not about objects."""

    def __init__(self, registry: Registry, pod_access: PodAccess) -> None:
        self._registry = registry
        self._pod_access = pod_access

    async def answer(self, request: web.BaseRequest) -> web.StreamResponse | None:
        """Answer a request; ``None`` when it is about objects.

        Raises:
            ApiError: the pod is not there, or cannot be reached this way.

        """
        path = parse_reach_path(request.rel_url.raw_path)
        if path is None:
            return None
        be_patient(request)
        await self._pass_gate(request, path)
        if path.way == "proxy":
            if path.kind is NODE and is_kubelet(path.name):
                return kubelet_answer(request, path, self._registry)
            from netemu.apiserver.proxy.http import proxy_answer  # its HTTP client is not needed to start

            return await proxy_answer(request, path, self._registry, self._pod_access)
        self._check_method(request, path.kind, path.way)
        pod = self._registry.get(path.kind, path.namespace, path.name)
        return await _ANSWERS[path.way](request, pod, self._pod_access)

    async def _pass_gate(self, request: web.BaseRequest, path: ReachPath) -> None:
        """Ask those who want to be asked about connections; a log is only read."""
        gate = self._registry.gate
        if path.way == "log" or gate.is_open_to(path.kind):
            return
        user = request.get(USER, CONTROLLERS)
        attempt = connection_of(path.kind, path.namespace, path.name, path.way, dict(request.query), user)
        await gate.check(await gate.mutated(attempt))

    def _check_method(self, request: web.BaseRequest, kind: Kind, way: Way) -> None:
        if request.method not in _METHODS.get(way, _UPGRADING):
            raise not_allowed(kind)
