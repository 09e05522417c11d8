"""Spread endpoints over EndpointSlices with as few writes as may be. Pure.

Source: KEP-752 and ``endpointslice/reconciler.go`` of Kubernetes: at most 100 endpoints a slice,
all of a slice on the same ports; an endpoint stays where it is, and a new one goes first where
something changes anyway, then where all that are left fit, then to a new slice.
"""

from __future__ import annotations

from collections.abc import Mapping, Set
from typing import Any

from msgspec import Struct, field

from netemu.api.client import Object
from netemu.api.kinds import ENDPOINT_SLICE
from netemu.controllers.writes import Create, Delete, Update, Writes
from netemu.informer.cache import key_of

MAX_ENDPOINTS = 100
TRIGGER_TIME = "endpoints.kubernetes.io/last-change-trigger-time"

Endpoint = dict[str, Any]
Port = dict[str, Any]
PortSet = tuple[tuple[tuple[str, Any], ...], ...]
Identity = tuple[str, str]


class Family(Struct, frozen=True):
    """The slices of one Service, of one address type, that one controller writes: what they share.

    ``trigger_times`` say since when an endpoint is as it is, for those that may have changed;
    ``trigger_time`` is that of all, where the Service itself is new.
    """

    generate_name: str
    namespace: str
    labels: dict[str, str]
    owner: dict[str, Any]
    address_type: str = "IPv4"
    trigger_times: Mapping[Identity, str] = field(default_factory=dict)
    trigger_time: str = ""
    max_endpoints: int = MAX_ENDPOINTS
    annotations: dict[str, str] = field(default_factory=dict)
    keeps_one: bool = True
    """Whether one slice without endpoints stands for "none at all"."""


Groups = Mapping[PortSet, list[Endpoint]]
"""Endpoints by the ports on which they serve."""


class _Piece(Struct):
    """What a slice shall hold; ``slice`` is ``None`` for a new one. ``news``: what it did not hold so."""

    slice: Object | None
    ports: PortSet
    endpoints: list[Endpoint] = field(default_factory=list)
    news: list[Endpoint] = field(default_factory=list)
    changed: bool = False


def port_set(ports: list[Port]) -> PortSet:
    """Make ports a key."""
    return tuple(tuple(sorted(port.items())) for port in ports)


def identity(endpoint: Endpoint) -> Identity:
    """Tell which endpoint it is: a pod that got another address is another one."""
    return (endpoint["addresses"][0], (endpoint.get("targetRef") or {}).get("uid", ""))


def plan_slices(
    family: Family, existing: list[Object], groups: Groups, only: Set[str] | None = None
) -> Writes:
    """Decide which slices to create, change and delete, so that they hold just these groups.

    With ``only``, the groups tell of the pods of these names alone, and all other endpoints stay:
    the cost is that of looking through the slices. New content is written before old is removed.
    """
    missing = {ports: {identity(e): e for e in endpoints} for ports, endpoints in groups.items()}
    pieces = [
        _keep(slice_, missing, only)
        for slice_ in sorted(existing, key=lambda s: str(s["metadata"]["name"]))
        if not slice_["metadata"].get("deletionTimestamp") and slice_["addressType"] == family.address_type
    ]
    for ports, endpoints in missing.items():
        pieces += _place(pieces, ports, list(endpoints.values()), family.max_endpoints)
    return _writes(family, pieces)


def _keep(slice_: Object, missing: dict[PortSet, dict[Identity, Endpoint]], only: Set[str] | None) -> _Piece:
    """Take over the endpoints of a slice that stay, and cross them off what is missing."""
    endpoints = slice_.get("endpoints") or []
    piece = _Piece(slice_, port_set(slice_.get("ports") or []))
    if only is not None and not any(_is_in(only, endpoint) for endpoint in endpoints):
        piece.endpoints = endpoints
        return piece
    wanted = missing.get(piece.ports, {})
    for endpoint in endpoints:
        if only is not None and not _is_in(only, endpoint):
            piece.endpoints.append(endpoint)
            continue
        new = wanted.pop(identity(endpoint), None)
        if new is None:
            piece.changed = True
        elif new == endpoint:
            piece.endpoints.append(endpoint)
        else:
            piece.endpoints.append(new)
            piece.news.append(new)
            piece.changed = True
    return piece


def _is_in(names: Set[str], endpoint: Endpoint) -> bool:
    target = endpoint.get("targetRef")
    return (target["name"] if target else "") in names


def _place(pieces: list[_Piece], ports: PortSet, rest: list[Endpoint], most: int) -> list[_Piece]:
    """Find room for new endpoints; give the slices that must be made for them."""
    mine = [piece for piece in pieces if piece.ports == ports and (piece.endpoints or piece.changed)]
    for piece in sorted((piece for piece in mine if piece.changed), key=_size, reverse=True):
        rest = _add(piece, rest, most)
    new: list[_Piece] = []
    while rest:
        fitting = [piece for piece in mine if not piece.changed and _size(piece) + len(rest) <= most]
        piece = max(fitting, key=_size) if fitting else _Piece(None, ports)
        if piece.slice is None:
            new.append(piece)
        rest = _add(piece, rest, most)
    return new


def _add(piece: _Piece, rest: list[Endpoint], most: int) -> list[Endpoint]:
    """Fill a slice; give what it has no room for."""
    room = max(0, most - len(piece.endpoints))
    added = rest[:room]
    if added:
        piece.endpoints = [*piece.endpoints, *added]
        piece.news += added
        piece.changed = True
    return rest[room:]


def _size(piece: _Piece) -> int:
    return len(piece.endpoints)


def _writes(family: Family, pieces: list[_Piece]) -> Writes:
    """Write what changed; a slice that is left empty takes up what would be new, or goes."""
    empty = [piece for piece in pieces if piece.slice is not None and not piece.endpoints]
    full = [piece for piece in pieces if piece.endpoints]
    if not full and family.keeps_one:
        full = [_Piece(None, ())]
        empty.sort(key=lambda piece: piece.ports != ())
    for piece in full:
        if piece.slice is None and empty:
            piece.slice = empty.pop(0).slice
    writes: Writes = [Create(ENDPOINT_SLICE, _new(family, piece)) for piece in full if piece.slice is None]
    for piece in full:
        if piece.slice is not None:
            writes += _change(family, piece, piece.slice)
    return [*writes, *(write for piece in empty for write in _delete(piece.slice))]


def _new(family: Family, piece: _Piece) -> Object:
    annotations = _annotations(family, piece, {})
    return {
        "apiVersion": "discovery.k8s.io/v1",
        "kind": "EndpointSlice",
        "metadata": {
            "generateName": family.generate_name,
            "namespace": family.namespace,
            "labels": family.labels,
            **({"annotations": annotations} if annotations else {}),
            "ownerReferences": [family.owner],
        },
        "addressType": family.address_type,
        "endpoints": piece.endpoints,
        "ports": [dict(port) for port in piece.ports],
    }


def _change(family: Family, piece: _Piece, slice_: Object) -> Writes:
    meta = slice_["metadata"]
    had = meta.get("annotations") or {}
    same_ports = port_set(slice_.get("ports") or []) == piece.ports
    same_endpoints = not piece.changed or slice_.get("endpoints") == piece.endpoints
    same_annotations = family.annotations.items() <= had.items()
    if same_ports and same_endpoints and same_annotations and meta.get("labels") == family.labels:
        return []
    changed = {
        **slice_,
        "metadata": {
            **meta,
            "labels": family.labels,
            "annotations": _annotations(family, piece, had),
        },
        "endpoints": piece.endpoints,
        "ports": [dict(port) for port in piece.ports],
    }
    return [Update(ENDPOINT_SLICE, changed)]


def _annotations(family: Family, piece: _Piece, had: Mapping[str, str]) -> dict[str, str]:
    """Tell when what this write tells of happened, if that is known."""
    times = [family.trigger_times.get(identity(endpoint), "") for endpoint in piece.news]
    first = family.trigger_time or min(filter(None, times), default="")
    kept = {name: value for name, value in had.items() if name != TRIGGER_TIME}
    return {**kept, **family.annotations, **({TRIGGER_TIME: first} if first else {})}


def _delete(slice_: Object | None) -> Writes:
    return [Delete(ENDPOINT_SLICE, key_of(slice_), slice_["metadata"]["uid"])] if slice_ is not None else []
