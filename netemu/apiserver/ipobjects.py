"""[IO] The IPAddress object of each ClusterIP, written with its Service.

Source: KEP-1880 and kubernetes ``pkg/registry/core/service/ipallocator``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from ipaddress import ip_address

from netemu.api.client import Object
from netemu.api.kinds import IP_ADDRESS, SERVICE, Kind
from netemu.apiserver import metadata
from netemu.apiserver.families import HEADLESS, family_of
from netemu.clock import Clock
from netemu.store.store import Store

FAMILY_LABEL = "ipaddress.kubernetes.io/ip-family"
MANAGED_BY_LABEL = "ipaddress.kubernetes.io/managed-by"
MANAGER = "ipallocator.k8s.io"

_LABELS = {family: {FAMILY_LABEL: family, MANAGED_BY_LABEL: MANAGER} for family in ("IPv4", "IPv6")}


def cluster_ips_of(service: Object | None) -> tuple[str, ...]:
    """Give the ClusterIPs that a Service holds, as their objects are named."""
    ips = service["spec"].get("clusterIPs") or () if service is not None else ()
    return tuple(str(ip_address(ip)) if ":" in ip else ip for ip in ips if ip != HEADLESS)


def ip_object(service: Object, ip: str, now_s: float) -> Object:
    """Make the object of an address."""
    meta = service["metadata"]
    parent = {"resource": "services", "namespace": meta["namespace"], "name": meta["name"]}
    given = {"name": ip, "labels": _LABELS[family_of(ip)]}
    return {
        "apiVersion": IP_ADDRESS.api_version,
        "kind": IP_ADDRESS.kind,
        "metadata": metadata.new_metadata(IP_ADDRESS, given, "", now_s),
        "spec": {"parentRef": parent},
    }


def is_managed(ip: Object) -> bool:
    """Tell whether an IPAddress belongs to a Service, and not to something of a user's own."""
    return (ip["metadata"].get("labels") or {}).get(MANAGED_BY_LABEL) == MANAGER


class IpObjects:
    """Keeps the IPAddresses of ClusterIPs in a store; ``note`` hears of each that comes or goes."""

    def __init__(
        self, store: Store, clock: Clock, note: Callable[[Kind, Object | None, Object | None], None]
    ) -> None:
        self._store = store
        self._clock = clock
        self._note = note

    async def follow(self, kind: Kind, old: Object | None, new: Object | None) -> None:
        """Make what a Service needs that was written, and remove what it needs no more.

        An object that someone deletes while its Service has the address comes back.
        """
        if kind is IP_ADDRESS and new is None and old is not None:
            await self._restore(old)
        if kind is not SERVICE:
            return
        before, after = cluster_ips_of(old), cluster_ips_of(new)
        if before == after:
            return
        for ip in after:
            if new is not None and ip not in before:
                await self._write(ip_object(new, ip, self._clock()))
        for ip in before:
            if ip not in after:
                await self._remove(ip)

    async def repair(self) -> None:
        """Make those that a death between two writes left out, and remove those left over."""
        listed = self._store.range(f"{IP_ADDRESS.key}/").values
        wanted = dict(_held(self._store.range(f"{SERVICE.key}/").values))
        present = {ip["metadata"]["name"] for ip in listed}
        for ip, service in wanted.items():
            if ip not in present:
                await self._write(ip_object(service, ip, self._clock()))
        for obj in listed:
            if is_managed(obj) and obj["metadata"]["name"] not in wanted:
                await self._remove(obj["metadata"]["name"])

    async def _restore(self, ip: Object) -> None:
        parent = ip["spec"].get("parentRef") or {}
        entry = self._store.get(f"{SERVICE.key}/{parent.get('namespace')}/{parent.get('name')}")
        name = ip["metadata"]["name"]
        if is_managed(ip) and entry is not None and name in cluster_ips_of(entry.value):
            await self._write(ip_object(entry.value, name, self._clock()))

    async def _write(self, obj: Object) -> None:
        made = await self._store.put(_key(obj["metadata"]["name"]), obj)
        self._note(IP_ADDRESS, None, made.value)

    async def _remove(self, ip: str) -> None:
        entry = self._store.get(_key(ip))
        if entry is not None and is_managed(entry.value):
            last = await self._store.delete(_key(ip))
            self._note(IP_ADDRESS, last.value, None)


def _held(services: Iterable[Object]) -> Iterator[tuple[str, Object]]:
    for service in services:
        for ip in cluster_ips_of(service):
            yield ip, service


def _key(ip: str) -> str:
    return f"{IP_ADDRESS.key}/{ip}"
