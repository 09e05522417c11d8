"""What a planner wants done, as values; ``loop`` does it in this order and stops at a failure."""

from __future__ import annotations

from typing import Any, NamedTuple

from msgspec import Struct

from netemu.api.client import Object
from netemu.api.kinds import Kind
from netemu.events import EventType
from netemu.informer.cache import Key, key_of


class Words(NamedTuple):
    """What events say of something that a controller creates or deletes: ``{name}``, ``{error}``."""

    created: str = "Created pod: {name}"
    not_created: str = "Error creating: {error}"
    deleted: str = "Deleted pod: {name}"
    not_deleted: str = "Error deleting: {error}"


OF_PODS = Words()


class Create(Struct, frozen=True):
    """Create an object. ``told_on`` gets the event SuccessfulCreate or FailedCreate."""

    kind: Kind
    obj: Object
    told_on: Object | None = None
    words: Words = OF_PODS


class Update(Struct, frozen=True):
    """Replace an object, or (``subresource``) a part of it, if it is still the version it says."""

    kind: Kind
    obj: Object
    subresource: str = ""


class Patch(Struct, frozen=True):
    """Merge ``patch`` into an object, or (``subresource``) into a part of it."""

    kind: Kind
    key: Key
    patch: Any
    subresource: str = ""


class Delete(Struct, frozen=True):
    """Delete the object that has this uid. ``told_on`` gets the event SuccessfulDelete or FailedDelete."""

    kind: Kind
    key: Key
    uid: str
    told_on: Object | None = None
    words: Words = OF_PODS


class Reference(NamedTuple):
    """One object by its uid, or (empty uid) whichever has the name."""

    kind: Kind
    key: Key
    uid: str = ""


class Collect(Struct, frozen=True):
    """Delete what nobody needs, after asking the API that indeed none of ``owners`` exists.

    The cache is not asked: a new owner's own event may come after that of what it owns.
    ``at_once`` is for pods that have no agent left to end them.
    """

    kind: Kind
    key: Key
    uid: str
    owners: tuple[Reference, ...]
    at_once: bool = False


class EmitEvent(Struct, frozen=True):
    """Tell the people who look at ``regarding``."""

    regarding: Object
    type: EventType
    reason: str
    message: str


class LookAgain(Struct, frozen=True):
    """Plan the same key again after a time, though nothing may have changed."""

    delay_s: float


Write = Create | Update | Patch | Delete | Collect | EmitEvent | LookAgain
Writes = list[Write]


def write_status(kind: Kind, obj: Object, status: dict[str, Any]) -> Writes:
    """Make ``status`` the whole status of an object, unless it is already.

    Only one controller writes it, so it needs no check of the version and cannot conflict.
    """
    before = obj.get("status") or {}
    if before == status:
        return []
    gone = {field: None for field in before if field not in status}
    return [Patch(kind, key_of(obj), {"status": {**status, **gone}}, subresource="status")]


def only_status(writes: Writes) -> Writes:
    """Of what a plan wants, keep what it says about its object: that counts when the rest was refused."""
    return [w for w in writes if isinstance(w, Patch) and w.subresource == "status"]
