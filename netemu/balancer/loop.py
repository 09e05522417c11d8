"""[IO] Give Services their addresses, and have each announced by nodes."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Protocol

from netemu.api.client import Client, Object
from netemu.api.errors import ApiError, NotFoundError
from netemu.api.kinds import ENDPOINT_SLICE, NAMESPACE, NODE, SERVICE, Kind
from netemu.balancer.announcement import NodeFacts, Said, read_advertisements, read_bgp_advertisements
from netemu.balancer.asked import addresses_of, is_ours, protocol_of
from netemu.balancer.frr import Config
from netemu.balancer.kinds import ADDRESS_POOL, BGP_ADVERTISEMENT, BGP_PEER, L2_ADVERTISEMENT, SETTINGS
from netemu.balancer.peering import Peers, read_peers
from netemu.balancer.plan import Announced, Verdict, announce, judge
from netemu.balancer.pools import Address, Network, Pool, read_pools, status_of, unreached
from netemu.balancer.routing import Site, configurations
from netemu.balancer.sessions import Sessions
from netemu.balancer.sessions import status_of as sessions_of
from netemu.balancer.snapshot import Snapshot
from netemu.balancer.speaker import Speaker
from netemu.balancer.telling import Teller
from netemu.errors import NetemuError
from netemu.events.loop import Recorder
from netemu.informer.cache import Cache, Change, key_of, revision_of
from netemu.informer.watch import Informer
from netemu.logs import Log
from netemu.naming import NodeName, Revision

log = Log(__name__)

RETRY_S = 1.0
PERIOD_S = 30.0
LOOK_S = 2.0
_AT_REST = 20  # many routers are asked more seldom: a twentieth of the time at most goes into it
THIS_MACHINE = NodeName("this machine")
UNUSED = "The cluster has no BGP: netemu up --load-balancer bgp makes one that has"


class Answers(Protocol):
    """One node's kernel."""

    def release(self, answered: Collection[Address], routed: Collection[Address] = ()) -> None:
        """Take no others than these, and answer for no others than the first; take none that is new."""
        ...

    def hold(self, answered: Collection[Address], routed: Collection[Address] = ()) -> frozenset[Address]:
        """Take these addresses and no others, and answer for the first; give those that are new."""
        ...

    def renew(self) -> None:
        """Put back what another hand took away."""
        ...


class Routers(Protocol):
    """A cluster's routers."""

    site: Site

    def configure(self, configurations: Mapping[str, Config]) -> None:
        """Say how routers are to be configured."""
        ...

    def announced(self, addresses: Collection[Address]) -> None:
        """Take notice of all addresses that nodes announce by BGP."""
        ...

    async def sessions(self) -> Sessions:
        """Tell how the nodes' sessions are."""
        ...


class Balancer:
    """Follows Services, pools and nodes for the whole cluster.

    ``informer`` feeds ``cache`` with Kubernetes' own kinds, ``settings`` the same cache with the
    balancer's. ``is_on`` tells whether a node's power is on, long before its condition does.
    ``places`` have addresses of their own, which no pool may have; ``hosts`` are the ranges in which
    somebody asks for addresses. Without ``routers`` there is no BGP.
    """

    def __init__(
        self,
        client: Client,
        cache: Cache,
        informer: Informer,
        settings: Informer,
        recorder: Recorder,
        *,
        routers: Routers | None = None,
        places: Mapping[Address, str] | None = None,
        hosts: Sequence[Network] = (),
        is_on: Callable[[str], bool] = lambda _node: True,
        open_node: Callable[[NodeName, int], Answers] = Speaker,
        period_s: float = PERIOD_S,
        retry_s: float = RETRY_S,
        look_s: float = LOOK_S,
    ) -> None:
        self._client = client
        self._cache = cache
        self._snapshot = Snapshot(cache)
        self._informer = informer
        self._settings = settings
        self._recorder = recorder
        self._routers = routers
        self._places = places or {}
        self._hosts = hosts
        self._is_on = is_on
        self._open_node = open_node
        self._period_s = period_s
        self._retry_s = retry_s
        self._look_s = look_s
        self._nodes: dict[NodeName, Answers] = {}
        self._wake = asyncio.Event()
        self._teller = Teller(recorder)

    def add_node(self, node: NodeName, ns_fd: int) -> None:
        """Let a node announce; ``ns_fd``, its network namespace, must stay open."""
        self._nodes[node] = self._open_node(node, ns_fd)
        self._wake.set()

    def node_switched(self) -> None:
        """Look again at which nodes are on."""
        self._wake.set()

    def router_failed(self, words: str) -> None:
        """Tell of a router that cannot do what it should."""
        for obj in self._cache.list(BGP_PEER):
            self._recorder.emit(obj, "Warning", "RouterFailed", words)

    async def run(self) -> None:
        """Follow changes until cancelled."""
        await self._informer.wait_synced()
        await self._settings.wait_synced()
        for kind in (SERVICE, ENDPOINT_SLICE, NODE, NAMESPACE):
            self._informer.on_change(kind, self._changed)
        for kind in SETTINGS:
            self._settings.on_change(kind, self._setting_changed)
        async with asyncio.TaskGroup() as group:
            group.create_task(self._renew(), name="balancer's repairs")
            if self._routers is not None:
                group.create_task(self._watch(self._routers), name="balancer's sessions")
            await self._follow()

    def _changed(self, change: Change) -> None:
        if self._snapshot.concerns(change):
            self._wake.set()

    def _setting_changed(self, change: Change) -> None:
        sides = [obj["spec"] if obj is not None else None for obj in (change.old, change.new)]
        if sides[0] != sides[1]:  # not for what this balancer writes into the status
            self._wake.set()

    async def _renew(self) -> None:
        """Undo now and then what another hand did to the nodes."""
        while True:
            await asyncio.sleep(self._period_s)
            for answers in list(self._nodes.values()):
                try:
                    answers.renew()
                except NetemuError as err:
                    log.warning("balancer.unrepaired", code=err.code, error=err.message)

    async def _watch(self, routers: Routers) -> None:
        """Tell in each peer's status how its sessions are; routers are asked, for they tell nobody."""
        loop = asyncio.get_running_loop()
        while True:
            began_s = loop.time()
            try:
                await self._write_sessions(routers)
            except Exception as err:  # what a router says must not end what all Services share
                log.error("balancer.sessions_unknown", exc=err)
            await asyncio.sleep(max(self._look_s, _AT_REST * (loop.time() - began_s)))

    async def _write_sessions(self, routers: Routers) -> None:
        sessions = await routers.sessions()
        nodes = [node for node in self._known_nodes() if self._is_on(node.name)]
        told = {peer.name: sessions_of(peer, nodes, sessions) for peer in self._peers(routers.site).peers}
        for obj in self._cache.list(BGP_PEER):
            await self._put_status(BGP_PEER, obj, told.get(obj["metadata"]["name"], {}))

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
        said = self._said()
        pools, problems = read_pools(self._cache.list(ADDRESS_POOL), self._places)
        faulty = self._complain(ADDRESS_POOL, "InvalidPool", "Pool is not used: ", problems)
        faulty += self._complain(ADDRESS_POOL, "OutOfReach", "Pool is used, but ", self._unreached(pools))
        verdicts = judge(self._snapshot.services(), pools, self._snapshot.namespaces(), said.protocols)
        refused = [verdict.service for verdict in verdicts if verdict.problem]
        await self._write(verdicts)
        nodes = self._known_nodes()
        announced = announce(self._snapshot.services(), pools, said, nodes, self._snapshot.serving)
        new = self._hold(announced)
        self._teller.announced(announced, new)
        faulty += self._route(nodes, announced)
        self._teller.keep_problems([*faulty, *refused])
        await self._write_statuses(pools, said)

    def _peers(self, site: Site) -> Peers:
        return read_peers(self._cache.list(BGP_PEER), site.outside, can_sign=site.can_sign)

    def _unreached(self, pools: Iterable[Pool]) -> dict[str, str]:
        """Say what nobody can reach; routers bring whatever is announced."""
        if self._routers is not None or not self._hosts:
            return {}
        return {pool.name: words for pool in pools if (words := unreached(pool, self._hosts))}

    def _known_nodes(self) -> list[NodeFacts]:
        return [each for each in self._snapshot.nodes(self._is_on) if each.name in self._nodes]

    def _said(self) -> Said:
        layer2 = read_advertisements(self._cache.list(L2_ADVERTISEMENT))
        if self._routers is None:
            return Said("layer2", layer2)
        return Said("bgp", layer2, read_bgp_advertisements(self._cache.list(BGP_ADVERTISEMENT)))

    def _complain(self, kind: Kind, reason: str, words: str, problems: Mapping[str, str]) -> list[Object]:
        """Tell what is wrong with objects; give them."""
        faulty = [obj for obj in self._cache.list(kind) if obj["metadata"]["name"] in problems]
        for obj in faulty:
            self._teller.problem(obj, reason, f"{words}{problems[obj['metadata']['name']]}")
        return faulty

    def _route(self, nodes: Iterable[NodeFacts], announced: Iterable[Announced]) -> list[Object]:
        """Say how the routers are to be configured; give the objects that cannot be heeded."""
        if self._routers is None:
            objects = [*self._cache.list(BGP_PEER), *self._cache.list(BGP_ADVERTISEMENT)]
            objects += [obj for obj in self._snapshot.services() if protocol_of(obj) == "bgp"]
            for obj in objects:
                self._teller.problem(obj, "NoRouters", UNUSED)
            return objects
        peers, problems = self._peers(self._routers.site)
        self._routers.configure(configurations(self._routers.site, peers, nodes, announced))
        with self._tolerating(THIS_MACHINE):
            self._routers.announced({each.address for each in announced if each.routes})
        return self._complain(BGP_PEER, "InvalidPeer", "Peer is not used: ", problems)

    async def _write(self, verdicts: Iterable[Verdict]) -> None:
        """Write what must be written, tell what is new, and wait until the cache has seen it."""
        newest = Revision(0)
        for service, ingress, given, problem in verdicts:
            if ingress is not None:
                patch = {"status": {"loadBalancer": {"ingress": ingress or None}}}
                written = await self._patch(SERVICE, service, patch)
                if written is None:
                    continue
                newest = max(newest, revision_of(written))
                await asyncio.sleep(0)
            if problem:
                self._teller.problem(service, "AllocationFailed", problem)
            elif given:
                self._teller.given(service, given)
        await self._informer.wait_for(SERVICE, newest)

    async def _write_statuses(self, pools: Iterable[Pool], said: Said) -> None:
        """Write into each pool how much of it is given out."""
        services = [obj for obj in self._snapshot.services() if is_ours(obj, said.protocols)]
        given = {address for obj in services for address in addresses_of(obj)}
        for pool in pools:
            obj = self._pool(pool.name)
            if obj is not None:
                await self._put_status(ADDRESS_POOL, obj, status_of(pool, given))

    async def _put_status(self, kind: Kind, obj: Object, status: Mapping[str, Any]) -> None:
        had = obj.get("status") or {}
        if had != status:  # what it tells no more goes: a patch leaves what it does not name
            await self._patch(kind, obj, {"status": {**dict.fromkeys(had), **status}})

    def _pool(self, name: str) -> Object | None:
        return next((o for o in self._cache.list(ADDRESS_POOL) if o["metadata"]["name"] == name), None)

    async def _patch(self, kind: Kind, obj: Object, patch: Object) -> Object | None:
        """Write a status; ``None`` if the object went, or the API refuses, and then it is tried again."""
        try:
            return await self._client.patch(kind, *key_of(obj), patch, subresource="status")
        except NotFoundError:
            return None
        except ApiError as err:
            log.warning("balancer.refused", kind=kind.key, key=key_of(obj), code=err.code, error=err.message)
            self._again()
            return None

    def _hold(self, announced: Iterable[Announced]) -> dict[str, frozenset[Address]]:
        """Tell the nodes, first what to let go; give what is new on each that could do it."""
        answered: dict[str, set[Address]] = {name: set() for name in self._nodes}
        routed: dict[str, set[Address]] = {name: set() for name in self._nodes}
        for address, node, routes, _ in announced:
            if node is not None:
                answered[node].add(address)
            for name in routes:
                routed[name].add(address)
        new: dict[str, frozenset[Address]] = {}
        for name, answers in self._nodes.items():
            with self._tolerating(name):
                answers.release(answered[name], routed[name])
        for name, answers in self._nodes.items():
            with self._tolerating(name):
                new[name] = answers.hold(answered[name], routed[name])
        return new

    @contextmanager
    def _tolerating(self, node: NodeName) -> Iterator[None]:
        """Let a node that fails be tried again, without keeping the others waiting."""
        try:
            yield
        except NetemuError as err:
            log.warning("balancer.unanswered", node=node, code=err.code, error=err.message)
            self._again()
