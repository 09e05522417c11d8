"""Kubernetes events: what happened to an object, told to the people who look at it.

``event`` is pure (names, texts, aggregation), ``loop`` writes through a ``Client``.
"""

from netemu.events.event import EventType
from netemu.events.loop import Recorder

__all__ = ["EventType", "Recorder"]
