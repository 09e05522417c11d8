"""[IO] Look whether other API servers answer, and say so in their APIServices.

Source: kube-aggregator ``pkg/controllers/status/remote`` (conditions, words).
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable

import msgspec

from netemu.api.client import Object
from netemu.api.errors import ApiError, NotFoundError
from netemu.api.kinds import API_SERVICE, ENDPOINT_SLICE, SERVICE
from netemu.apiserver.aggregation.remotes import Remote, is_available, remote_of
from netemu.apiserver.proxy.backends import is_slice_of
from netemu.apiserver.registry import Registry
from netemu.clock import Clock, format_rfc3339
from netemu.logs import Log

log = Log(__name__)

EVERY_S = 10.0
WHILE_ONE_IS_MISSING_S = 1.0
WITHIN_S = 5.0

Get = Callable[[Remote, str], Awaitable[tuple[int, bytes]]]
Condition = tuple[str, str, str]
"""Status, reason and message."""

PASSED: Condition = ("True", "Passed", "all checks passed")


class Availability:
    """Checks every APIService of another server, from time to time and after each change of one."""

    def __init__(self, registry: Registry, get: Get, clock: Clock) -> None:
        self._registry = registry
        self._get = get
        self._clock = clock

    async def run(self) -> None:
        """Check until cancelled."""
        watch = self._registry.watch(API_SERVICE, revision=self._registry.revision)
        try:
            while True:
                await self.check()
                services = self._registry.remotes.all()
                is_well = all(is_available(service) for service in services)
                wait_s = EVERY_S if is_well else WHILE_ONE_IS_MISSING_S
                try:
                    async with asyncio.timeout(wait_s if services else None):
                        await watch.take()
                except TimeoutError:
                    continue
        finally:
            watch.close()

    async def check(self) -> None:
        """Check all once."""
        for service in self._registry.remotes.all():
            remote = remote_of(service)
            try:
                condition = await self._condition(remote)
                await self._tell(remote.name, condition)
            except ApiError as err:
                log.info("aggregation.unchecked", service=remote.name, why=err.message)
            except Exception as err:  # one odd service must not end the looks at all others
                log.error("aggregation.failed", exc=err, service=remote.name)

    async def _condition(self, remote: Remote) -> Condition:
        condition = self._local_condition(remote)
        resources: list[Object] | None = None
        if condition is PASSED:
            condition, resources = await self._discovered(remote)
        if self._registry.remotes.resources.get(remote.name) != resources:
            self._registry.remotes.told(remote.name, resources)
        return condition

    def _local_condition(self, remote: Remote) -> Condition:
        where = f'service/{remote.service} in "{remote.namespace}"'
        try:
            service = self._registry.get(SERVICE, remote.namespace, remote.service)
        except NotFoundError:
            return "False", "ServiceNotFound", f"{where} is not present"
        ports = service["spec"].get("ports") or ()
        port = next((each for each in ports if each["port"] == remote.port), None)
        if port is None:
            why = f"{where} is not listening on port {remote.port}"
            return "False", "ServicePortError", why
        slices = self._registry.list(ENDPOINT_SLICE, remote.namespace).items
        own = [each for each in slices if is_slice_of(remote.service, each)]
        if not own:
            return "False", "EndpointsNotFound", f"cannot find endpointslices for {where}"
        if not any(_is_ready(each) for each in own):
            name = port.get("name", "")
            why = f'endpoints for {where} have no addresses with port name "{name}"'
            return "False", "MissingEndpoints", why
        return PASSED

    async def _discovered(self, remote: Remote) -> tuple[Condition, list[Object] | None]:
        url = f"https://{remote.host}:{remote.port}{remote.path}"
        try:
            async with asyncio.timeout(WITHIN_S):
                status, body = await self._get(remote, remote.path)
        except TimeoutError:
            return _failed(url, "context deadline exceeded"), None
        except ApiError as err:
            return _failed(url, err.message.removeprefix("error trying to reach service: ")), None
        if not 200 <= status < 300:
            return _failed(url, f"bad status from {url}: {status}"), None
        try:
            listed = msgspec.json.decode(body, type=_ResourceList).resources
        except msgspec.DecodeError as err:
            return _failed(url, str(err)), None
        return PASSED, listed

    async def _tell(self, name: str, condition: Condition) -> None:
        status, reason, message = condition
        current = self._registry.get(API_SERVICE, "", name)
        had: Iterable[Object] = (current.get("status") or {}).get("conditions") or ()
        old = next((each for each in had if each.get("type") == "Available"), None)
        since = format_rfc3339(self._clock())
        if old is not None and old.get("status") == status:
            since = old.get("lastTransitionTime") or since
        made = {
            "type": "Available",
            "status": status,
            "lastTransitionTime": since,
            "reason": reason,
            "message": message,
        }
        if made != old:
            others = [each for each in had if each.get("type") != "Available"]
            new = {**current, "status": {"conditions": [*others, made]}}
            await self._registry.update(API_SERVICE, new, subresource="status")


class _ResourceList(msgspec.Struct, frozen=True):
    resources: list[Object]


def _failed(url: str, why: str) -> Condition:
    return "False", "FailedDiscoveryCheck", f"failing or missing response from {url}: {why}"


def _is_ready(endpoint_slice: Object) -> bool:
    return any(
        (endpoint.get("conditions") or {}).get("ready") is not False
        for endpoint in endpoint_slice.get("endpoints") or ()
    )
