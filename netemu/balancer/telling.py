"""What people are told of Services' addresses: each thing once, however often it is planned."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import NamedTuple

from netemu.api.client import Object
from netemu.balancer.kinds import Protocol
from netemu.balancer.plan import Announced
from netemu.balancer.pools import Address
from netemu.events import Recorder
from netemu.informer.cache import Key, key_of


class _Place(NamedTuple):
    service: Key
    address: Address
    node: str
    protocol: Protocol


class Teller:
    """Remembers what was told since the daemon started."""

    def __init__(self, recorder: Recorder) -> None:
        self._recorder = recorder
        self._problems: dict[str, str] = {}
        self._told: set[_Place] | None = None

    def given(self, service: Object, message: str) -> None:
        """Tell that a Service got its address."""
        self._problems.pop(_identity(service), None)
        self._recorder.emit(service, "Normal", "IPAllocated", message)

    def problem(self, obj: Object, reason: str, message: str) -> None:
        """Tell what is wrong with a Service or pool."""
        identity = _identity(obj)
        if self._problems.get(identity) != message:
            self._problems[identity] = message
            self._recorder.emit(obj, "Warning", reason, message)

    def keep_problems(self, objects: Iterable[Object]) -> None:
        """Forget what was wrong with any others than these."""
        kept = {_identity(obj) for obj in objects}
        self._problems = {identity: said for identity, said in self._problems.items() if identity in kept}

    def announced(self, announced: Iterable[Announced], new: Mapping[str, Collection[Address]]) -> None:
        """Tell where addresses are announced.

        ``new`` is what each node that could do what it was told took; what it had when this daemon
        came is not news.
        """
        told, now = self._told, set[_Place]()
        news: dict[tuple[Key, str, Protocol], Object] = {}  # one for both addresses of a Service
        for each in announced:
            for node, protocol in _announcers(each, new.keys()):
                for service in each.services:
                    place = _Place(key_of(service), each.address, node, protocol)
                    now.add(place)
                    if place not in told if told is not None else each.address in new[node]:
                        news[place.service, node, protocol] = service
        for (_, node, protocol), service in news.items():
            words = f'announcing from node "{node}" with protocol "{protocol}"'
            self._recorder.emit(service, "Normal", "nodeAssigned", words)
        self._told = now


def _announcers(announced: Announced, able: Collection[str]) -> Iterator[tuple[str, Protocol]]:
    if announced.node in able:
        yield str(announced.node), "layer2"
    yield from ((node, "bgp") for node in sorted(announced.routes) if node in able)


def _identity(obj: Object) -> str:
    return str(obj["metadata"].get("uid") or f"{obj['kind']}/{key_of(obj)}")
