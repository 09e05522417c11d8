"""What became of a write, where the object alone does not say it."""

from __future__ import annotations

from typing import NamedTuple

from netemu.api.client import Object


class Deletion(NamedTuple):
    """What a delete did: the object as it is now, or (``gone``) as it last was."""

    object: Object
    gone: bool


class Application(NamedTuple):
    """What an apply did."""

    object: Object
    created: bool
