"""The variables that pods get for the Services of their namespace, kept per namespace."""

from __future__ import annotations

from collections.abc import Mapping
from math import inf

from netemu.agent.environment import service_variables
from netemu.api.kinds import SERVICE
from netemu.api.views.core import Service
from netemu.clock import parse_rfc3339
from netemu.informer.cache import Cache, Change, Key

KUBERNETES = Key("default", "kubernetes")
_EPOCH = "1970-01-01T00:00:00Z"


class ServiceVariables:
    """Computed once per namespace and change, not once per pod."""

    def __init__(self, cache: Cache) -> None:
        self._cache = cache
        self._made: dict[str, dict[str, str]] = {}

    def service_changed(self, change: Change) -> None:
        """Note a change of a Service."""
        if change.key == KUBERNETES:
            self._made.clear()
        else:
            self._made.pop(change.key.namespace, None)

    def of(self, namespace: str, by_s: float | None = None) -> Mapping[str, str]:
        """Give the variables of a namespace's Services and of ``kubernetes``, or of those made by then."""
        if by_s is not None:
            return self._variables(namespace, by_s)
        made = self._made.get(namespace)
        if made is None:
            made = self._made[namespace] = self._variables(namespace, inf)
        return made

    def _variables(self, namespace: str, by_s: float) -> dict[str, str]:
        keys = [KUBERNETES, *(k for k in self._cache.keys(SERVICE, namespace) if k != KUBERNETES)]
        services = (self._cache.find(SERVICE, key, Service) for key in keys)
        return service_variables(
            [
                (s.metadata.name, s.spec.cluster_ip, [(p.name, p.protocol, p.port) for p in s.spec.ports])
                for s in services
                if s is not None and s.spec.ports and s.spec.cluster_ip not in ("", "None")
                if by_s == inf or parse_rfc3339(s.metadata.creation_timestamp or _EPOCH) <= by_s
            ]
        )
