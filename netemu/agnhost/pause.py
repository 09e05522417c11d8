"""``agnhost pause``: say so, and wait."""

from __future__ import annotations

from netemu.agnhost.flags import parse_flags
from netemu.agnhost.model import Listener, Setting, Surroundings

SAID = "Paused"


def build(setting: Setting, surroundings: Surroundings) -> tuple[Listener, ...]:
    """Serve nothing."""
    parse_flags(setting.args, {})
    surroundings.say(SAID)
    return ()
