"""Spread endpoints over EndpointSlices with as few writes as may be. Pure.

Source: KEP-752; at most 100 endpoints a slice, all of a slice on the same ports.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from netemu.api.client import Object
from netemu.api.kinds import ENDPOINT_SLICE
from netemu.controllers.writes import Create, Delete, Update, Writes
from netemu.informer.cache import key_of

MAX_ENDPOINTS = 100

Endpoint = dict[str, Any]
Port = dict[str, Any]
PortSet = tuple[tuple[tuple[str, Any], ...], ...]


@dataclass(frozen=True, slots=True)
class Family:
    """The slices of one Service that one controller writes: what they have in common."""

    generate_name: str
    namespace: str
    labels: dict[str, str]
    owner: dict[str, Any]
    address_type: str = "IPv4"


Groups = Mapping[PortSet, list[Endpoint]]
"""Endpoints by the ports on which they serve."""


def port_set(ports: list[Port]) -> PortSet:
    """Make ports a key."""
    return tuple(tuple(sorted(port.items())) for port in ports)


def plan_slices(family: Family, existing: list[Object], groups: Groups) -> Writes:
    """Decide which slices to create, change and delete, so that they hold just these groups.

    An endpoint stays in its slice; one slice without ports stands for "none at all". New content
    is written before old is removed.
    """
    spare = [
        slice_
        for slice_ in sorted(existing, key=lambda s: s["metadata"]["name"])
        if not slice_["metadata"].get("deletionTimestamp")
    ]
    wanted = {ports: endpoints for ports, endpoints in groups.items() if endpoints} or {(): []}
    writes: Writes = []
    for ports, endpoints in wanted.items():
        mine = [slice_ for slice_ in spare if _ports_of(slice_) == ports]
        spare = [slice_ for slice_ in spare if slice_ not in mine]
        if not mine and spare and not (endpoints and spare[0]["endpoints"]):
            mine = [spare.pop(0)]
        writes += _fill(family, mine, ports, endpoints)
    return [*writes, *_delete(spare)]


def _fill(family: Family, mine: list[Object], ports: PortSet, endpoints: list[Endpoint]) -> Writes:
    missing = {_identity(endpoint): endpoint for endpoint in endpoints}
    contents: list[list[Endpoint]] = []
    for slice_ in mine:
        stays = [missing.pop(i, None) for i in map(_identity, slice_["endpoints"] or ())]
        contents.append([endpoint for endpoint in stays if endpoint is not None])
    rest = list(missing.values())
    for content in sorted(contents, key=len, reverse=True):
        room = MAX_ENDPOINTS - len(content)
        content.extend(rest[:room])
        rest = rest[room:]
    new = [rest[at : at + MAX_ENDPOINTS] for at in range(0, len(rest), MAX_ENDPOINTS)]
    if not endpoints and not mine:
        new = [[]]
    written: Writes = [Create(ENDPOINT_SLICE, _new(family, ports, content)) for content in new]
    deleted: Writes = []
    for place, (slice_, content) in enumerate(zip(mine, contents, strict=True)):
        if content or (place == 0 and not endpoints):
            written += _change(family, slice_, ports, content)
        else:
            deleted += _delete([slice_])
    return [*written, *deleted]


def _new(family: Family, ports: PortSet, endpoints: list[Endpoint]) -> Object:
    return {
        "apiVersion": "discovery.k8s.io/v1",
        "kind": "EndpointSlice",
        "metadata": {
            "generateName": family.generate_name,
            "namespace": family.namespace,
            "labels": family.labels,
            "ownerReferences": [family.owner],
        },
        "addressType": family.address_type,
        "endpoints": endpoints,
        "ports": [dict(port) for port in ports],
    }


def _change(family: Family, slice_: Object, ports: PortSet, endpoints: list[Endpoint]) -> Writes:
    meta = slice_["metadata"]
    same = slice_["endpoints"] == endpoints and meta.get("labels") == family.labels
    if same and _ports_of(slice_) == ports:
        return []
    changed = {
        **slice_,
        "metadata": {**meta, "labels": family.labels},
        "endpoints": endpoints,
        "ports": [dict(port) for port in ports],
    }
    return [Update(ENDPOINT_SLICE, changed)]


def _delete(slices: list[Object]) -> Writes:
    return [Delete(ENDPOINT_SLICE, key_of(slice_), slice_["metadata"]["uid"]) for slice_ in slices]


def _ports_of(slice_: Object) -> PortSet:
    return port_set(slice_.get("ports") or [])


def _identity(endpoint: Endpoint) -> tuple[str, str]:
    """Tell which endpoint it is: a pod that got another address is another one."""
    return (endpoint["addresses"][0], (endpoint.get("targetRef") or {}).get("uid", ""))
