"""Which objects of a kind a list or a watch is about."""

from __future__ import annotations

from msgspec import Struct

from netemu.api import selectors
from netemu.api.client import Object, WatchEvent
from netemu.api.kinds import Kind
from netemu.api.selectors import FieldSelector
from netemu.api.views.meta import LabelSelector
from netemu.store.store import Event, Op


class Selection(Struct, frozen=True):
    """Label and field requirements; all must hold."""

    kind: Kind | None = None
    labels: LabelSelector | None = None
    fields: FieldSelector = ()

    def selects(self, obj: Object) -> bool:
        """Tell whether an object meets all requirements."""
        if self.labels is not None and not selectors.matches(
            self.labels, obj["metadata"].get("labels") or {}
        ):
            return False
        return not self.fields or self.kind is None or selectors.matches_fields(self.kind, self.fields, obj)


EVERYTHING = Selection()


def parse_selection(kind: Kind, label_selector: str, field_selector: str) -> Selection:
    """Read the selectors of a request.

    Raises:
        BadRequestError: a selector cannot be read, or names a field that the kind is not selected by.

    """
    if not label_selector and not field_selector:
        return EVERYTHING
    fields = selectors.parse_field_selector(field_selector)
    selectors.require_known_fields(kind, fields)
    labels = selectors.parse_label_selector(label_selector) if label_selector else None
    return Selection(kind, labels, fields)


def watch_event(selection: Selection, event: Event) -> WatchEvent | None:
    """Say what a write means to a watcher: objects that leave its selection are deleted to it."""
    if selection is EVERYTHING:
        before, after = event.previous is not None, event.op is Op.PUT
    else:
        before = event.previous is not None and selection.selects(event.previous)
        after = event.op is Op.PUT and selection.selects(event.value)
    if after:
        return WatchEvent("MODIFIED" if before else "ADDED", event.value)
    return WatchEvent("DELETED", event.value) if before else None
