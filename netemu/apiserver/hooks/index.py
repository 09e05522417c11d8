"""Who wants to be asked about writes: kept as the objects that say so come and go."""

from __future__ import annotations

from netemu.api.client import Object
from netemu.api.kinds import (
    MUTATING_ADMISSION_POLICY,
    MUTATING_ADMISSION_POLICY_BINDING,
    MUTATING_WEBHOOK_CONFIGURATION,
    VALIDATING_ADMISSION_POLICY,
    VALIDATING_ADMISSION_POLICY_BINDING,
    VALIDATING_WEBHOOK_CONFIGURATION,
    Kind,
)

NEVER_ASKED_ABOUT = frozenset(
    (
        MUTATING_WEBHOOK_CONFIGURATION,
        VALIDATING_WEBHOOK_CONFIGURATION,
        VALIDATING_ADMISSION_POLICY,
        VALIDATING_ADMISSION_POLICY_BINDING,
        MUTATING_ADMISSION_POLICY,
        MUTATING_ADMISSION_POLICY_BINDING,
    )
)
"""Nobody may make a cluster that cannot be mended."""


class HookIndex:
    """The configurations and policies of one cluster, each kind's in the order of their names."""

    def __init__(self) -> None:
        self.is_idle = True
        """Whether nobody wants to be asked about anything."""
        self._held: dict[Kind, dict[str, Object]] = {kind: {} for kind in NEVER_ASKED_ABOUT}

    def note(self, kind: Kind, new: Object | None, old: Object | None) -> None:
        """Follow a write."""
        if kind not in NEVER_ASKED_ABOUT:
            return
        held = self._held[kind]
        if new is not None:
            held[new["metadata"]["name"]] = new
        elif old is not None:
            held.pop(old["metadata"]["name"], None)
        self._held[kind] = dict(sorted(held.items()))
        self.is_idle = not any(self._held.values())

    def all(self, kind: Kind) -> tuple[Object, ...]:
        """Give all of one kind."""
        return tuple(self._held[kind].values())
