"""What people are told of Services' addresses: each thing once, however often it is planned."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from netemu.api.client import Object
from netemu.balancer.plan import Announced
from netemu.balancer.pools import Address
from netemu.events import Recorder
from netemu.informer.cache import Key, key_of


class Teller:
    """Remembers what was told since the daemon started."""

    def __init__(self, recorder: Recorder) -> None:
        self._recorder = recorder
        self._problems: dict[str, str] = {}
        self._nodes: dict[tuple[Key, Address], str] | None = None

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

    def announced(self, announced: Iterable[Announced], new: Collection[Address]) -> None:
        """Tell where addresses are answered for. What the kernel had when this daemon came is not news."""
        told = self._nodes
        now: dict[tuple[Key, Address], str] = {}
        news: dict[tuple[Key, str], Object] = {}  # one for both addresses of a Service
        for address, node, services in announced:
            for service in services if node is not None else ():
                here = key_of(service), address
                now[here] = str(node)
                if told.get(here) != node if told is not None else address in new:
                    news[key_of(service), str(node)] = service
        for (_, name), service in news.items():
            words = f'announcing from node "{name}" with protocol "layer2"'
            self._recorder.emit(service, "Normal", "nodeAssigned", words)
        self._nodes = now


def _identity(obj: Object) -> str:
    return str(obj["metadata"].get("uid") or f"{obj['kind']}/{key_of(obj)}")
