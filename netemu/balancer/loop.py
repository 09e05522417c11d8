"""[IO] Give Services their addresses, and have each answered for by one node."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Protocol

from netemu.api.client import Client, Object
from netemu.api.errors import ApiError, NotFoundError
from netemu.api.kinds import ENDPOINT_SLICE, NAMESPACE, NODE, SERVICE
from netemu.api.views.discovery import SERVICE_NAME_LABEL
from netemu.balancer.announcement import read_advertisements, read_node
from netemu.balancer.asked import ingress_of
from netemu.balancer.kinds import ADDRESS_POOL, L2_ADVERTISEMENT
from netemu.balancer.plan import Verdict, announce, judge
from netemu.balancer.pools import Address, Labels, Pool, read_pools
from netemu.balancer.speaker import Speaker
from netemu.balancer.telling import Teller
from netemu.errors import NetemuError
from netemu.events.loop import Recorder
from netemu.informer.cache import Cache, Change, Key, key_of, revision_of
from netemu.informer.watch import Informer
from netemu.logs import Log
from netemu.naming import NodeName, Revision

log = Log(__name__)

RETRY_S = 1.0
PERIOD_S = 30.0
# Names of this package's own: the cache is shared, and so are the names of its indexes.
_CONCERNED, _YES = "balancer.concerned", "yes"
_SLICES = "balancer.slices-of-service"


class Answers(Protocol):
    """One node's kernel."""

    def release(self, kept: Collection[Address]) -> None:
        """Answer for no others than these."""
        ...

    def hold(self, addresses: Collection[Address]) -> frozenset[Address]:
        """Answer for these addresses and no others; give those that are new."""
        ...

    def renew(self) -> None:
        """Put back what another hand took away."""
        ...


class Balancer:
    """Follows Services, pools and nodes for the whole cluster.

    ``informer`` feeds ``cache`` with Kubernetes' own kinds, ``settings`` the same cache with pools
    and advertisements. ``is_on`` tells whether a node's power is on, long before its condition does.
    """

    def __init__(
        self,
        client: Client,
        cache: Cache,
        informer: Informer,
        settings: Informer,
        recorder: Recorder,
        *,
        is_on: Callable[[NodeName], bool] = lambda _node: True,
        open_node: Callable[[NodeName, int], Answers] = Speaker,
        period_s: float = PERIOD_S,
        retry_s: float = RETRY_S,
    ) -> None:
        self._client = client
        self._cache = cache
        self._informer = informer
        self._settings = settings
        self._recorder = recorder
        self._is_on = is_on
        self._open_node = open_node
        self._period_s = period_s
        self._retry_s = retry_s
        self._nodes: dict[NodeName, Answers] = {}
        self._wake = asyncio.Event()
        self._teller = Teller(recorder)
        cache.add_index(SERVICE, _CONCERNED, _is_concerned)
        cache.add_index(ENDPOINT_SLICE, _SLICES, _service_of_slice)

    def add_node(self, node: NodeName, ns_fd: int) -> None:
        """Let a node answer; ``ns_fd``, its network namespace, must stay open."""
        self._nodes[node] = self._open_node(node, ns_fd)
        self._wake.set()

    def node_switched(self) -> None:
        """Look again at which nodes are on."""
        self._wake.set()

    async def run(self) -> None:
        """Follow changes until cancelled."""
        await self._informer.wait_synced()
        await self._settings.wait_synced()
        self._informer.on_change(SERVICE, self._service_changed)
        self._informer.on_change(ENDPOINT_SLICE, self._slice_changed)
        self._informer.on_change(NODE, self._node_changed)
        self._informer.on_change(NAMESPACE, self._namespace_changed)
        for kind in (ADDRESS_POOL, L2_ADVERTISEMENT):
            self._settings.on_change(kind, lambda _change: self._wake.set())
        async with asyncio.TaskGroup() as group:
            group.create_task(self._renew(), name="balancer's repairs")
            await self._follow()

    async def _renew(self) -> None:
        """Undo now and then what another hand did to the nodes."""
        while True:
            await asyncio.sleep(self._period_s)
            for answers in list(self._nodes.values()):
                try:
                    answers.renew()
                except NetemuError as err:
                    log.warning("balancer.unrepaired", code=err.code, error=err.message)

    async def _follow(self) -> None:
        while True:
            await self._wake.wait()
            self._wake.clear()
            try:
                await self._sync()
            except Exception as err:  # one odd object must not end what all Services share
                log.error("balancer.failed", exc=err, delay_s=self._retry_s)
                self._again()

    def _again(self) -> None:
        asyncio.get_running_loop().call_later(self._retry_s, self._wake.set)

    async def _sync(self) -> None:
        pools, problems = read_pools(self._cache.list(ADDRESS_POOL))
        faulty = [obj for obj in self._cache.list(ADDRESS_POOL) if obj["metadata"]["name"] in problems]
        for obj in faulty:
            self._teller.problem(obj, "InvalidPool", f"Pool is not used: {problems[obj['metadata']['name']]}")
        verdicts = judge(self._services(), pools, self._namespaces())
        refused = [verdict.service for verdict in verdicts if verdict.problem]
        self._teller.keep_problems([*faulty, *refused])
        await self._write(verdicts)
        self._announce(pools)

    def _services(self) -> list[Object]:
        keys = self._cache.by_index(SERVICE, _CONCERNED, _YES)
        return [obj for key in keys if (obj := self._cache.get(SERVICE, key)) is not None]

    def _namespaces(self) -> dict[str, Labels]:
        return {
            obj["metadata"]["name"]: obj["metadata"].get("labels") or {}
            for obj in self._cache.list(NAMESPACE)
        }

    async def _write(self, verdicts: Iterable[Verdict]) -> None:
        """Write what must be written, tell what is new, and wait until the cache has seen it."""
        newest = Revision(0)
        for service, ingress, given, problem in verdicts:
            if ingress is not None:
                patch = {"status": {"loadBalancer": {"ingress": ingress or None}}}
                try:
                    written = await self._client.patch(SERVICE, *key_of(service), patch, subresource="status")
                except NotFoundError:
                    continue  # it went meanwhile
                except ApiError as err:
                    log.warning("balancer.refused", service=key_of(service), code=err.code, error=err.message)
                    self._again()
                    continue
                newest = max(newest, revision_of(written))
                await asyncio.sleep(0)
            if problem:
                self._teller.problem(service, "AllocationFailed", problem)
            elif given:
                self._teller.given(service, given)
        await self._informer.wait_for(SERVICE, newest)

    def _announce(self, pools: tuple[Pool, ...]) -> None:
        """Have each address answered for by its node."""
        advertisements = read_advertisements(self._cache.list(L2_ADVERTISEMENT))
        nodes = [
            read_node(obj, is_on=self._is_on(obj["metadata"]["name"]))
            for obj in self._cache.list(NODE)
            if obj["metadata"]["name"] in self._nodes
        ]
        announced = announce(self._services(), pools, advertisements, nodes, self._local_nodes)
        wanted: dict[NodeName, set[Address]] = {name: set() for name in self._nodes}
        for address, node, _ in announced:
            if node is not None:
                wanted[NodeName(node)].add(address)
        new = self._hold(wanted)
        self._teller.announced(
            [each for each in announced if each.node in new], frozenset().union(*new.values())
        )

    def _hold(self, wanted: Mapping[NodeName, set[Address]]) -> dict[str, frozenset[Address]]:
        """Tell the nodes, first what to let go; give what is new on each that could do it."""
        new: dict[str, frozenset[Address]] = {}
        for name, answers in self._nodes.items():
            with self._tolerating(name):
                answers.release(wanted[name])
        for name, answers in self._nodes.items():
            with self._tolerating(name):
                new[name] = answers.hold(wanted[name])
        return new

    @contextmanager
    def _tolerating(self, node: NodeName) -> Iterator[None]:
        """Let a node that fails be tried again, without keeping the others waiting."""
        try:
            yield
        except NetemuError as err:
            log.warning("balancer.unanswered", node=node, code=err.code, error=err.message)
            self._again()

    def _local_nodes(self, service: Key) -> frozenset[str]:
        """Name the nodes that have a ready endpoint of a Service."""
        slices = (
            self._cache.get(ENDPOINT_SLICE, key)
            for key in self._cache.by_index(ENDPOINT_SLICE, _SLICES, str(service))
        )
        endpoints = (each for obj in slices if obj is not None for each in obj.get("endpoints") or ())
        return frozenset(
            each["nodeName"]
            for each in endpoints
            if each.get("nodeName") and (each.get("conditions") or {}).get("ready") is not False
        )

    def _service_changed(self, change: Change) -> None:
        if any(obj is not None and _is_concerned(obj) for obj in (change.old, change.new)):
            self._wake.set()

    def _slice_changed(self, change: Change) -> None:
        for obj in (change.old, change.new):
            for service in _service_of_slice(obj) if obj is not None else ():
                namespace, _, name = service.partition("/")
                owner = self._cache.get(SERVICE, Key(namespace, name))
                if owner is not None and owner["spec"].get("externalTrafficPolicy") == "Local":
                    self._wake.set()

    def _node_changed(self, change: Change) -> None:
        facts = [read_node(obj, is_on=True) for obj in (change.old, change.new) if obj is not None]
        if len(facts) != 2 or facts[0] != facts[1]:  # not for every heartbeat
            self._wake.set()

    def _namespace_changed(self, change: Change) -> None:
        labels = [obj["metadata"].get("labels") for obj in (change.old, change.new) if obj is not None]
        if len(labels) != 2 or labels[0] != labels[1]:
            self._wake.set()


def _is_concerned(obj: Object) -> Iterable[str]:
    return (_YES,) if obj["spec"].get("type") == "LoadBalancer" or ingress_of(obj) else ()


def _service_of_slice(obj: Object) -> Iterable[str]:
    name = (obj["metadata"].get("labels") or {}).get(SERVICE_NAME_LABEL)
    return (str(Key(key_of(obj).namespace, name)),) if name else ()
